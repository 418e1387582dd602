"""What a vendor's service may send that no documentation has breaks no more than its reply."""

import pytest
from vendor_calls import (
    MODELS,
    PAGES,
    all_of,
    end_of,
    hear,
    opened,
    partly,
    request,
    run,
    server,
    text_of,
    thought_of,
)

from llmrepl.errors import ProviderBusy, ProviderError, ProviderRefused
from llmrepl.ports import Tool
from llmrepl.testing import Refused
from llmrepl.usage import Usage

DAY = 86_400
TOOLS = (Tool("python", "Runs Python.", {"type": "object", "properties": {}}),)


def said(kind, text, usage):
    """The events of a reply."""
    return {
        "anthropic": [
            {"type": "content_block_start", "content_block": {"type": "text", "text": text}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "ok"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
            {"type": "message_stop"},
        ],
        "gemini": [
            {"candidates": [{"content": {"parts": [{"text": text}, {"text": "ok"}]}}]},
            {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage},
        ],
        "mistral": [
            {"choices": [{"delta": {"content": text}}]},
            {"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}], "usage": usage},
        ],
    }[kind]


COUNTED = {
    "anthropic": ("input_tokens", "output_tokens"),
    "gemini": ("promptTokenCount", "candidatesTokenCount"),
    "mistral": ("prompt_tokens", "completion_tokens"),
}


@pytest.mark.parametrize("text", [5, True, None, {"text": "x"}, [None], ""])
def test_text_that_is_none_is_no_text(kind, text):
    chunks, error = hear(kind, *said(kind, text, {}))
    assert error is None
    assert (text_of(chunks), thought_of(chunks)) == ("ok", "")


@pytest.mark.parametrize("usage", [5, "many", [1], None])
def test_usage_that_is_none_is_not_made_up(kind, usage):
    chunks, error = hear(kind, *said(kind, "", usage))
    assert error is None
    assert end_of(chunks).usage is None


@pytest.mark.parametrize("count", ["9", -1, 1e300, [1], True])
def test_counts_that_are_none_are_not_counted(kind, count):
    sent, received = COUNTED[kind]
    chunks, error = hear(kind, *said(kind, "", {sent: count, received: 7}))
    assert error is None
    assert end_of(chunks).usage == Usage(0, 7)


def test_counts_of_nothing_are_none(kind):
    sent, received = COUNTED[kind]
    chunks, _ = hear(kind, *said(kind, "", {sent: 0, received: 0}))
    assert end_of(chunks).usage is None


ERRORS = {
    "anthropic": {"type": "error", "error": {"type": "api_error", "message": "out of order"}},
    "gemini": {"error": {"code": 500, "message": "out of order"}},
    "mistral": {"object": "error", "message": "out of order"},
}


@pytest.mark.parametrize("shape", ["its own", "plain"])
def test_an_error_with_a_good_status_is_said(kind, shape):
    body = ERRORS[kind] if shape == "its own" else {"error": "out of order"}
    with server(kind, Refused(200, body)) as served:
        _, error = partly(opened(kind, served.url))
    assert type(error) is ProviderError
    assert error.message.endswith("broke off its reply: out of order")


def test_a_list_in_place_of_a_stream_is_an_error(kind):
    with server(kind, Refused(200, [ERRORS[kind]])) as served:
        _, error = partly(opened(kind, served.url))
    assert error.message.endswith("what came is no JSON object")


@pytest.mark.parametrize("value", ["99999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_is_asked_to_wait_for_more_than_a_day(kind, value):
    with server(kind, Refused(429, headers={"retry-after": value})) as served:
        _, error = partly(opened(kind, served.url))
    assert (type(error), error.retry_after) == (ProviderBusy, DAY)


def test_geminis_own_way_to_say_it_is_held_to_a_day_too():
    wait = {"error": {"code": 429, "message": "later", "details": [{"retryDelay": "1e12s"}]}}
    with server("gemini", Refused(429, wait)) as served:
        _, error = partly(opened("gemini", served.url))
    assert error.retry_after == DAY


TOO_LONG = {
    "anthropic": "prompt is too long: 215000 tokens > 200000 maximum",
    "gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed",
    "mistral": "Prompt contains 40000 tokens, too large for a 32768 maximum context length",
}


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_more_than_a_service_takes_can_be_made_shorter(kind, status):
    error = {"type": "invalid_request_error", "message": TOO_LONG[kind]}
    with server(kind, Refused(status, {"error": error})) as served:
        _, told = partly(opened(kind, served.url), tools=TOOLS)
    assert type(told) is ProviderRefused
    assert "/compact" in told.hint


REFUSED = {
    "anthropic": {"type": "error", "error": {"type": "authentication_error", "message": "No."}},
    "gemini": {"error": {"code": 403, "message": "No.", "status": "PERMISSION_DENIED"}},
    "mistral": {"object": "error", "type": "invalid_request_error", "message": "No."},
}


def test_a_refusal_in_a_stream_is_one(kind):
    _, error = hear(kind, REFUSED[kind])
    assert type(error) is ProviderRefused
    assert error.message.endswith(": No.")


def test_an_error_that_is_nested_deeply_is_told_by_its_status(kind):
    nested = []
    for _ in range(900):
        nested = [nested]
    with server(kind, Refused(400, {"error": nested})) as served:
        _, error = partly(opened(kind, served.url))
    assert type(error) is ProviderRefused


@pytest.mark.parametrize("size", ["9", -1, 1e300, [1], True, None])
def test_names_and_sizes_of_models_that_are_none_are_passed_over(kind, size):
    names = [5, None, "", "a" * 1000, "\x1b[2J", "test"]
    field = {"anthropic": "max_input_tokens", "gemini": "inputTokenLimit"}.get(kind)
    rows = [
        {"id": name, "name": name, field or "max_context_length": size, "capabilities": {}}
        for name in names
    ]
    with server(kind, pages={path: {"data": rows, "models": rows} for path in PAGES[kind]}) as said:
        found = run(opened(kind, said.url), lambda provider: provider.models())
    assert [(model.name, model.context) for model in found] == [("test", None)]


@pytest.mark.parametrize("facts", [{"max_tokens": "9", "capabilities": [1]}, {"max_tokens": 1e300}])
def test_facts_that_are_none_are_passed_over(kind, facts):
    pages = {"/v1/models/claude-test-1": facts, "/v1/models/mistral-test-1": facts}
    with server(kind, "ok", pages=pages) as served:
        provider = opened(kind, served.url)

        async def asked(provider):
            await provider.takes_tools(MODELS[kind])
            provider.describe(MODELS[kind])
            return await all_of(provider.stream(request(kind, "Hi")))

        assert text_of(run(provider, asked)) == "ok"
