"""Thoughts that came as `reasoning_content` go back where they came from, and to nobody else."""

import pytest

from llmrepl.context.telling import messages_of
from llmrepl.context.tools import TOOLS
from llmrepl.conversation import Message
from llmrepl.draft import Draft
from llmrepl.parts import Output, Text, ToolResult
from llmrepl.ports import Finish, ReasoningChunk
from llmrepl.testing import ModelServer, Refused, Reply, Wire
from tests.providers.calls import ask, opened, partly, text_of, thought_of

CALL = ("python", {"code": "6 * 7"})
DEEPSEEK = Wire(reasoning="reasoning_content")
MISSED = [
    "The `reasoning_content` in the thinking mode must be passed back to the API.",
    "Missing `reasoning_content` field in the assistant message at message index 2.",
    "thinking is enabled but reasoning_content is missing in assistant message at index 2",
    "preserved thinking requires reasoning_content on every assistant message",
]
UNKNOWN = [
    "property 'reasoning_content' is unsupported",
    "Additional properties are not allowed ('reasoning_content' was unexpected) - 'messages.1'",
]


def heard(chunks):
    """The assistant's message that these chunks make."""
    draft = Draft("1.1")
    for chunk in chunks:
        events = draft.close(chunk.stop) if isinstance(chunk, Finish) else draft.take(chunk)
        list(events)
    return Message("assistant", draft.parts)


def talk(*answers, tools=TOOLS):
    """A conversation in which each answer was heard, and its calls have a result."""
    messages = [Message("user", (Text("Hi"),))]
    for chunks in answers:
        messages.append(said := heard(chunks))
        results = [
            ToolResult(part.call_id, part.name, "ok", (Output("value", "42"),))
            for part in said.parts
            if part.kind == "tool_call"
        ]
        last = Message("tool", tuple(results)) if results else Message("user", (Text("So?"),))
        messages.append(last)
    return messages_of(messages, [tool.name for tool in tools])


def thinking(kind="openai", wire=DEEPSEEK):
    """What is heard of a thought and a call, and of a thought and an answer."""
    script = [Reply("", "It is a product.", calls=(CALL,)), Reply("42.", "That was easy.")]
    with ModelServer(script, wire=wire) as server:
        provider = opened(kind, server.url)
        return ask(provider, tools=TOOLS), ask(provider, tools=TOOLS)


def sent(server, at=-1):
    """The thoughts in a request, by the assistant's messages."""
    messages = server.requests[at].body["messages"]
    return [m.get("reasoning_content") for m in messages if m["role"] == "assistant"]


def test_they_go_back_with_calls_and_with_the_answer_after_them():
    call, answer = thinking()
    assert thought_of(call) == "It is a product."
    with ModelServer(["ok"]) as server:
        ask(opened("openai", server.url), tools=TOOLS, messages=talk(call, answer))
        assert sent(server) == ["It is a product.", "That was easy."]


@pytest.mark.parametrize("other", ["groq", "ollama"])
def test_they_go_to_nobody_else(other):
    with ModelServer(["ok"]) as server:
        ask(opened(other, server.url), tools=TOOLS, messages=talk(*thinking()))
        assert sent(server) == [None, None]


@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_thoughts_that_came_by_another_name_stay_here(kind):
    with ModelServer(["ok"]) as server:
        ask(opened("openai", server.url), tools=TOOLS, messages=talk(*thinking(kind, Wire())))
        assert sent(server) == [None, None]


def test_without_tools_no_thought_is_kept_to_go_back():
    with ModelServer([Reply("42.", "Easy.")], wire=DEEPSEEK) as server:
        chunks = ask(opened("openai", server.url))
    assert not any(chunk.seal for chunk in chunks if isinstance(chunk, ReasoningChunk))


@pytest.mark.parametrize("said", MISSED)
def test_a_server_that_misses_a_thought_gets_one_with_every_answer(said):
    plain = thinking(wire=Wire())
    refused = Refused(400, {"error": {"message": said}})
    with ModelServer([refused, "ok", "again"]) as server:
        provider = opened("openai", server.url)
        messages = talk(plain[0], *thinking())
        assert text_of(ask(provider, tools=TOOLS, messages=messages)) == "ok"
        ask(provider, tools=TOOLS, messages=messages)
        assert sent(server, 0) == [None, "It is a product.", "That was easy."]
        assert sent(server, 1) == [" ", "It is a product.", "That was easy."]
        assert sent(server, 2) == sent(server, 1)


@pytest.mark.parametrize("said", UNKNOWN)
@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_does_not_know_the_field_is_asked_without_and_remembered(said, status):
    refused = Refused(status, {"error": {"message": said}})
    with ModelServer([refused, "ok", "again", "other"]) as server:
        provider = opened("openai", server.url)
        messages = talk(*thinking())
        assert text_of(ask(provider, tools=TOOLS, messages=messages)) == "ok"
        ask(provider, tools=TOOLS, messages=messages)
        ask(provider, tools=TOOLS, messages=messages, model="another")
        assert [sent(server, at)[0] for at in range(4)] == [
            "It is a product.",
            None,
            None,
            "It is a product.",
        ]


def test_a_server_that_is_never_content_is_asked_three_times_at_most():
    refused = [Refused(400, {"error": {"message": m}}) for m in (MISSED[0], UNKNOWN[0], MISSED[0])]
    with ModelServer([*refused, "never"]) as server:
        _, error = partly(opened("openai", server.url), tools=TOOLS, messages=talk(*thinking()))
        assert len(server.requests) == 3
    assert "must be passed back" in error.message


def test_groq_is_not_asked_again_for_a_thought():
    with ModelServer([Refused(400, {"error": {"message": MISSED[0]}}), "never"]) as server:
        _, error = partly(opened("groq", server.url), tools=TOOLS, messages=talk(*thinking()))
        assert len(server.requests) == 1
    assert MISSED[0] in error.message
