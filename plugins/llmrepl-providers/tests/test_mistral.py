"""What is particular to Mistral."""

import pytest
from vendor_calls import ask, end_of, hear, opened, server, text_of, thought_of

from llmrepl.errors import ProviderBusy, ProviderError
from llmrepl.parts import Image
from llmrepl.ports import ChatMessage
from llmrepl.usage import Usage


def sent(*texts, options=None, **fields):
    with server("mistral", "ok") as served:
        ask(opened("mistral", served.url, options=options), *texts, **fields)
        return served.requests[0].body


def test_everything_asked_for_reaches_the_service():
    body = sent("one", "", "three", stop=("END",), max_tokens=99, temperature=0.25, seed=7)
    assert body == {
        "model": "mistral-test-1",
        "stream": True,
        "stop": ["END"],
        "max_tokens": 99,
        "temperature": 0.25,
        "random_seed": 7,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "(nothing)"},
            {"role": "user", "content": "three"},
        ],
    }


def test_what_was_not_asked_for_is_left_to_the_service():
    assert sent(system="").keys() == {"model", "stream", "messages"}


def test_options_give_way_to_the_request():
    body = sent(options={"temperature": 0.9, "prompt_mode": "reasoning"}, temperature=0.1)
    assert (body["temperature"], body["prompt_mode"]) == (0.1, "reasoning")


def test_images_are_sent_along():
    image = Image("image/png", data="QUJD")
    messages = (ChatMessage("user", "See?", (image,)), ChatMessage("user", "", (image,)))
    url = {"type": "image_url", "image_url": "data:image/png;base64,QUJD"}
    assert [message["content"] for message in sent(system="", messages=messages)["messages"]] == [
        [url, {"type": "text", "text": "See?"}],
        [url],
    ]


def choice(reason=None, **delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def test_content_in_parts_is_text_and_thoughts():
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}, {"type": "reference"}]},
        {"type": "text", "text": "A"},
        {"type": "reference", "reference_ids": [1]},
        {"type": "text", "text": ""},
    ]
    chunks, error = hear("mistral", choice(content=parts), choice("stop", content="B"))
    assert error is None
    assert (text_of(chunks), thought_of(chunks)) == ("AB", "hm")


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("model_length", "max_tokens")],
)
def test_each_reason_to_finish_has_its_meaning(reason, stop):
    chunks, _ = hear("mistral", choice(reason))
    assert end_of(chunks).stop == stop
    assert end_of(chunks).usage is None


def test_a_reply_that_finishes_with_an_error_broke_off():
    chunks, error = hear("mistral", choice(content="so"), choice("error"))
    assert text_of(chunks) == "so"
    assert type(error) is ProviderError


def test_cached_tokens_are_counted_by_either_name():
    counts = {"prompt_tokens": 9, "completion_tokens": 2, "num_cached_tokens": 8}
    chunks, _ = hear("mistral", {**choice("stop"), "usage": counts})
    assert end_of(chunks).usage == Usage(9, 2, cache_read=8)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"error": {"type": "rate_limited", "message": "slow down"}}, ProviderBusy),
        ({"error": {"message": "slow down"}}, ProviderError),
        ({"error": "slow down"}, ProviderError),
    ],
)
def test_an_error_in_a_stream_is_said_whatever_its_shape(error, kind):
    _, raised = hear("mistral", error)
    assert type(raised) is kind
    assert raised.message.endswith(": slow down")
