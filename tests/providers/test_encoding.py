"""A body is the same as if it were encoded anew, and encodes each message once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.ports import ChatMessage, Request
from llmrepl.providers.encoding import Bodies
from llmrepl.vector import Vector

messages = st.builds(ChatMessage, st.sampled_from(["user", "assistant"]), st.text(max_size=9))


def plain(message):
    return {"role": message.role, "content": message.text}


def expected(request, fields):
    system = [{"role": "system", "content": request.system}] if request.system else []
    return {"messages": [*system, *map(plain, request.messages)], **fields}


@given(st.lists(messages, max_size=6), st.sampled_from(["", "be brief"]), st.booleans())
def test_a_growing_conversation_has_the_body_of_a_new_one(items, system, typed):
    bodies = Bodies(plain)
    grown = Vector()
    fields = {"model": "m", "stream": True} if typed else {}
    for item in items:
        grown = grown.append(item)
        request = Request("m", system, grown)
        assert json.loads(bodies.body(request, fields)) == expected(request, fields)
    other = Request("m", system, Vector(reversed(items)))
    assert json.loads(bodies.body(other, fields)) == expected(other, fields)
    listed = Request("m", system, list(items))
    assert json.loads(bodies.body(listed, fields)) == expected(listed, fields)


def test_each_message_is_encoded_once():
    encoded = []
    bodies = Bodies(lambda message: encoded.append(message) or plain(message))
    grown = Vector()
    for number in range(5):
        grown = grown.append(ChatMessage("user", str(number)))
        bodies.body(Request("m", "", grown), {})
    assert [message.text for message in encoded] == list("01234")


def test_a_lone_surrogate_is_sent_as_an_escape():
    body = Bodies(plain).body(Request("m", "", [ChatMessage("user", "\ud800")]), {})
    assert json.loads(body)["messages"][0]["content"] == "\ud800"


def test_a_message_that_could_not_be_encoded_is_there_once_the_next_time():
    failures = [KeyError("no such file")]

    def encode(message):
        if message.text == "two" and failures:
            raise failures.pop()
        return plain(message)

    bodies = Bodies(encode)
    request = Request("m", "", Vector([ChatMessage("user", "one"), ChatMessage("user", "two")]))
    with pytest.raises(KeyError):
        bodies.body(request, {})
    assert json.loads(bodies.body(request, {})) == expected(request, {})
