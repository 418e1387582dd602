"""What is particular to Anthropic."""

import pytest
from vendor_calls import ask, end_of, hear, opened, server, text_of

from llmrepl.errors import ProviderError
from llmrepl.parts import Image
from llmrepl.ports import ChatMessage
from llmrepl.usage import Usage

CACHED = {"type": "ephemeral"}


def sent(*texts, pages=None, options=None, **fields):
    with server("anthropic", "ok", pages=pages) as served:
        ask(opened("anthropic", served.url, options=options), *texts, **fields)
        return served.requests[0]


def test_everything_asked_for_reaches_the_service():
    asked = sent("one", "two", "three", stop=("END", " \n"), max_tokens=99, temperature=0.25)
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert asked.body == {
        "model": "claude-test-1",
        "stream": True,
        "max_tokens": 99,
        "temperature": 0.25,
        "stop_sequences": ["END"],
        "system": [{"type": "text", "text": "Be brief.", "cache_control": CACHED}],
        "cache_control": CACHED,
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ],
    }


def test_what_was_not_asked_for_is_left_to_the_service():
    body = sent(system="", seed=7).body
    assert body.keys() == {"model", "stream", "max_tokens", "cache_control", "messages"}


def test_the_stable_beginning_of_two_requests_is_the_same_and_marked():
    first = sent("one").body
    second = sent("one", "two", "three").body
    assert first["system"] == second["system"]
    assert second["system"][-1]["cache_control"] == CACHED
    assert second["messages"][: len(first["messages"])] == first["messages"]


def test_a_longer_life_in_the_cache_can_be_asked_for_and_no_mark_is_shorter():
    longer = {"type": "ephemeral", "ttl": "1h"}
    body = sent(options={"cache_control": longer}).body
    assert body["cache_control"] == body["system"][0]["cache_control"] == longer


def test_a_reply_may_be_as_long_as_the_model_can_write():
    assert sent().body["max_tokens"] == 64_000


@pytest.mark.parametrize(
    ("estimated", "most"), [(1000, 64_000), (120_000, 44_000), (190_000, 8192)]
)
def test_a_reply_is_given_no_more_than_there_is_room_for(estimated, most):
    assert sent(estimated_tokens=estimated).body["max_tokens"] == most


@pytest.mark.parametrize("page", [None, [], {"max_tokens": None}])
def test_a_service_that_does_not_say_how_much_gets_a_modest_limit(page):
    pages = {} if page is None else {"/v1/models/claude-test-1": page}
    assert sent(pages=pages).body["max_tokens"] == 8192


def test_the_length_is_asked_for_once():
    with server("anthropic", "one", "two") as served:
        provider = opened("anthropic", served.url)
        ask(provider)
        ask(provider)
        paths = [exchange.path for exchange in served.exchanges]
    assert paths == ["/v1/models/claude-test-1", "/v1/messages", "/v1/messages"]


def test_a_limit_in_the_options_needs_no_question():
    asked = sent(options={"max_tokens": 5})
    assert asked.body["max_tokens"] == 5


def test_beside_thinking_no_temperature_is_sent():
    thinking = {"thinking": {"type": "adaptive"}}
    assert "temperature" not in sent(options=thinking, temperature=0.5).body
    off = {"thinking": {"type": "disabled"}}
    assert sent(options=off, temperature=0.5).body["temperature"] == 0.5


def test_images_stand_before_the_text(tmp_path):
    path = tmp_path / "dot.png"
    path.write_bytes(b"PNG!")
    images = (Image("image/png", data="QUJD"), Image("image/png", path=str(path)))
    messages = (ChatMessage("user", "See?", images), ChatMessage("user", " ", images[:1]))
    first, second = sent(messages=messages).body["messages"]
    assert [part.get("source", {}).get("data") for part in first["content"]] == [
        "QUJD",
        "UE5HIQ==",
        None,
    ]
    assert first["content"][-1] == {"type": "text", "text": "See?"}
    assert [part["type"] for part in second["content"]] == ["image"]


def test_a_message_without_text_is_sent_as_one_that_is_not_refused():
    body = sent("one", " \n", "three").body
    assert body["messages"][1] == {"role": "assistant", "content": "(nothing)"}


START = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}
STOP = {"type": "message_stop"}


def ended(reason, **usage):
    counts = {"output_tokens": 9, **usage}
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": counts}


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end_turn"),
        ("stop_sequence", "end_turn"),
        ("pause_turn", "end_turn"),
        ("max_tokens", "max_tokens"),
        ("model_context_window_exceeded", "max_tokens"),
        ("refusal", "refusal"),
        ("something_new", "end_turn"),
    ],
)
def test_each_reason_to_stop_has_its_meaning(reason, stop):
    chunks, _ = hear("anthropic", START, ended(reason), STOP)
    assert end_of(chunks).stop == stop


def test_why_it_refuses_is_a_note():
    refusal = ended("refusal")
    refusal["delta"]["stop_details"] = {"type": "refusal", "explanation": "It could do harm."}
    chunks, _ = hear("anthropic", START, refusal, STOP)
    assert end_of(chunks).note == "It could do harm."


def test_later_counts_take_the_place_of_earlier_ones():
    more = ended("end_turn", input_tokens=20, cache_read_input_tokens=5, cache_creation=None)
    chunks, _ = hear("anthropic", START, more, STOP)
    assert end_of(chunks).usage == Usage(25, 9, cache_read=5)


def test_usage_that_nobody_gave_is_not_made_up():
    chunks, _ = hear("anthropic", STOP)
    assert end_of(chunks).usage is None


def test_blocks_and_events_that_are_not_known_are_passed_over():
    unknown = (
        {"type": "content_block_start", "content_block": {"type": "redacted_thinking"}},
        {"type": "content_block_start", "content_block": {"type": "text", "text": "A"}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "B"}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": ""}},
        {"type": "content_block_delta", "delta": {"type": "citations_delta", "citation": {}}},
        {"type": "something_new"},
    )
    chunks, _ = hear("anthropic", START, *unknown, ended("end_turn"), STOP)
    assert text_of(chunks) == "AB"


def test_an_error_without_words_is_said_by_its_name():
    _, error = hear("anthropic", START, {"type": "error", "error": {"type": "api_error"}})
    assert type(error) is ProviderError
    assert error.message == "Anthropic broke off its reply: api_error"
