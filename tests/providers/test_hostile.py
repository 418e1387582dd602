"""What a service may send that no documentation has: nothing of it breaks more than its reply."""

import email.utils
import json
import time

import pytest

from llmrepl.context.tools import TOOLS
from llmrepl.errors import ProviderBusy, ProviderError, ProviderRefused
from llmrepl.ports import CallChunk, Finish, ReasoningChunk, TextChunk
from llmrepl.testing import Broken, ModelServer, Refused
from llmrepl.usage import Usage
from tests.providers.calls import ask, end_of, opened, partly, text_of, thought_of
from tests.providers.raw import raw_server, response
from tests.providers.test_native import piece, streamed
from tests.providers.test_tools import calls_in

DAY = 86_400


def heard(kind, *events, whole=b"", media_type=b"text/event-stream", **fields):
    """The chunks and the error of a reply of these events."""
    if kind == "ollama":
        body = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    else:
        body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
        body += b"data: [DONE]\n\n" if events else b""
    with raw_server(response(whole or body, media_type=media_type)) as (url, _):
        return partly(opened(kind, url), **fields)


def delta(reason=None, **fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


# A time to wait


def refused(kind, value, status=429):
    with ModelServer([Refused(status, headers={"retry-after": value})]) as server:
        _, error = partly(opened(kind, server.url))
    return error


def test_a_date_to_come_back_is_so_many_seconds_away(kind):
    error = refused(kind, email.utils.formatdate(time.time() + 120, usegmt=True))
    assert type(error) is ProviderBusy
    assert 60 < error.retry_after <= 120


def test_a_date_without_a_zone_is_universal_time(kind, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        error = refused(kind, email.utils.formatdate(time.time() + 120, localtime=False))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert 60 < error.retry_after <= 120


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("99999999999999", DAY),
        ("1e400", DAY),
        ("inf", DAY),
        ("-5", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        ("1 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +999999999", None),
    ],
)
def test_nobody_is_asked_to_wait_for_more_than_a_day(kind, value, seconds):
    error = refused(kind, value)
    assert type(error) is ProviderBusy
    assert error.retry_after == seconds
    assert "e+" not in error.hint


def test_words_cannot_ask_for_more_than_a_day_either(kind):
    said = {"error": {"message": f"Please try again in {'9' * 100}h."}}
    with ModelServer([Refused(429, said)]) as server:
        _, error = partly(opened(kind, server.url))
    assert error.retry_after == DAY


# Refusals


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (413, "Request too large for model `m` on tokens per minute (TPM): Limit 6000"),
        (400, "This model's maximum context length is 8192 tokens"),
        (400, "the input length exceeds the context length"),
        (400, "the request exceeds the available context size, try increasing it"),
        (400, "Please reduce the length of the messages or completion."),
    ],
)
def test_what_is_more_than_a_service_takes_can_be_made_shorter(kind, status, said):
    body = {"error": said if kind == "ollama" else {"message": said}}
    with ModelServer([Refused(status, body)]) as server:
        _, error = partly(opened(kind, server.url))
    assert type(error) is ProviderRefused
    assert said in error.message
    assert "/compact" in error.hint


def test_a_gateway_that_finds_a_request_too_large_has_no_words_for_it(kind):
    page = b"<html><h1>413 Request Entity Too Large</h1></html>"
    answer = response(page, status=b"413 Too Large", media_type=b"text/html")
    with raw_server(answer) as (url, _):
        _, error = partly(opened(kind, url))
    assert type(error) is ProviderRefused
    assert "status 413" in error.message
    assert "/compact" in error.hint


@pytest.mark.parametrize("media_type", [b"application/json", b"text/event-stream", b"text/plain"])
def test_an_error_with_a_good_status_is_said_whatever_it_is_called(kind, media_type):
    error = "no such deployment" if kind == "ollama" else {"message": "no such deployment"}
    whole = json.dumps({"error": error}).encode()
    _, told = heard(kind, whole=whole, media_type=media_type)
    assert isinstance(told, ProviderError)
    assert told.message.endswith("no such deployment")


def test_an_error_of_another_services_shape_is_said_too():
    _, error = heard("ollama", {"error": {"message": "over capacity"}})
    assert error.message.endswith("over capacity")


# Streams


def test_blank_lines_between_ollamas_are_passed_over():
    lines = [
        {"message": {"role": "assistant", "content": "ok"}, "done": False},
        {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
    ]
    whole = b"\r\n\r\n".join(json.dumps(line).encode() for line in lines) + b"\r\n\r\n"
    chunks, error = heard("ollama", whole=whole, media_type=b"application/x-ndjson")
    assert error is None
    assert text_of(chunks) == "ok"


@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_comments_line_ends_and_cut_characters_change_nothing(kind):
    text = "Grüße 世界 🎉\u2028."
    event = json.dumps(delta("stop", content=text), ensure_ascii=False)
    whole = f"\ufeff: hello\r\nretry: 5\r\n\r\nid: 1\r\ndata: {event}\r\n\r\n:\r\n\r\n".encode()
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    pieces = b"".join(b"1\r\n%b\r\n" % whole[at : at + 1] for at in range(len(whole)))
    with raw_server(head + pieces + b"0\r\n\r\n") as (url, _):
        assert text_of(ask(opened(kind, url))) == text


@pytest.mark.parametrize("choices", [[], None, [{"delta": None}], [{"finish_reason": None}]])
@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_events_without_anything_are_passed_over(kind, choices):
    chunks, error = heard(kind, {"choices": choices}, {}, delta(content="ok"), delta("stop"))
    assert error is None
    assert text_of(chunks) == "ok"
    assert end_of(chunks).usage is None


@pytest.mark.parametrize(
    "usage",
    [5, "many", [1], {"prompt_tokens": "9"}, {"prompt_tokens": -1}, {"prompt_tokens": 1e300}],
)
@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_counts_that_are_none_are_not_counted(kind, usage):
    chunks, error = heard(kind, delta("stop", content="ok"), {"choices": [], "usage": usage})
    assert error is None
    assert end_of(chunks).usage in (None, Usage())


@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_what_is_counted_beside_the_rest_is_added_to_it(kind):
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4000}}
    usage |= {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 30}}
    chunks, _ = heard(kind, delta("stop", content="ok"), {"choices": [], "usage": usage})
    assert end_of(chunks).usage == Usage(4010, 35, 4000, reasoning_tokens=30)


@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_counts_of_nothing_do_not_stand_for_those_before_them(kind):
    counts = [{"prompt_tokens": 9, "completion_tokens": 2}, {"prompt_tokens": 0}]
    events = [{"choices": [], "usage": each} for each in counts]
    chunks, _ = heard(kind, delta("stop", content="ok"), *events)
    assert end_of(chunks).usage == Usage(9, 2)


@pytest.mark.parametrize("count", ["9", -1, 1e300, [1], {}, True])
def test_counts_of_ollamas_that_are_none_are_not_counted(count):
    last = {"message": {"content": "ok"}, "done": True, "eval_count": 3, "prompt_eval_count": count}
    chunks, error = heard("ollama", last, estimated_tokens=7)
    assert error is None
    assert end_of(chunks).usage == Usage(7, 3, estimated=True)


@pytest.mark.parametrize("odd", [5, 1.5, True, ["x"], {"text": "x"}, [None], [{"text": 5}]])
def test_text_that_is_none_is_no_text(kind, odd):
    if kind == "ollama":
        said = [
            {"message": {"content": odd, "thinking": odd}, "done": False},
            {"message": {"content": "ok"}, "done": True},
        ]
    else:
        said = [delta(content=odd, reasoning=odd, refusal=odd), delta("stop", content="ok")]
    chunks, error = heard(kind, *said)
    assert error is None
    assert text_of(chunks) == "ok"
    assert thought_of(chunks) == ""


def test_content_in_parts_is_thoughts_and_text():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = [thought, {"type": "text", "text": "A"}]
    chunks, error = heard("openai", delta(content=parts), delta("stop", content="B"))
    assert error is None
    assert (thought_of(chunks), text_of(chunks)) == ("Hm.", "AB")


def test_a_bracket_over_and_over_is_text(kind):
    text = "[" * 200_000
    with ModelServer([text]) as server:
        assert text_of(ask(opened(kind, server.url), tools=TOOLS)) == text


# Calls


@pytest.mark.parametrize(
    "pieces",
    [
        [("python", '{"code": "1"}'), ("bash", '{"code": "ls"}')],
        [("python", '{"code": "1"}'), ("python", '{"code": "ls"}')],
        [("python", '{"co'), (None, 'de": "1"}'), ("python", '{"code": "ls"}')],
        [("python", ""), ("python", '{"code": "1"}'), ("python", ""), ("bash", '{"code": "ls"}')],
    ],
)
def test_calls_that_all_have_the_same_id_are_several(pieces):
    deltas = [piece(arguments, id="call_0", name=name) for name, arguments in pieces]
    with raw_server(streamed(*deltas)) as (url, _):
        chunks = ask(opened("openai", url), tools=TOOLS)
    assert [code for _, code in calls_in(chunks)] == ["1", "ls"]


def test_a_server_that_repeats_name_and_id_with_each_piece_makes_one_call():
    pieces = [piece(text, id="a", name="python") for text in ("", '{"code": ', '"1"}', "")]
    with raw_server(streamed(*pieces)) as (url, _):
        assert calls_in(ask(opened("openai", url), tools=TOOLS)) == [("python", "1")]


def test_a_name_that_comes_after_the_id_is_the_calls():
    pieces = [piece("", id="a"), piece("", id="a", name="python"), piece('{"code": "1"}')]
    with raw_server(streamed(*pieces)) as (url, _):
        assert calls_in(ask(opened("openai", url), tools=TOOLS)) == [("python", "1")]


def test_ollamas_calls_with_the_same_id_are_several():
    call = {"id": "x", "function": {"name": "python", "arguments": {"code": "1"}}}
    other = {"id": "x", "function": {"name": "python", "arguments": {"code": "2"}}}
    last = {"message": {"content": "", "tool_calls": [call, other]}, "done": True}
    chunks, _ = heard("ollama", last, tools=TOOLS)
    assert calls_in(chunks) == [("python", "1"), ("python", "2")]


@pytest.mark.parametrize("calls", [5, "x", [5], [None], {"function": "x"}, [{"function": 5}]])
def test_calls_that_are_none_are_an_error_or_nothing(kind, calls):
    if kind == "ollama":
        said = [{"message": {"content": "ok", "tool_calls": calls}, "done": True}]
    else:
        said = [delta("stop", content="ok", tool_calls=calls)]
    chunks, error = heard(kind, *said, tools=TOOLS)
    assert text_of(chunks) == "ok"
    assert isinstance(error, ProviderError | None)
    for chunk in chunks:
        assert isinstance(chunk, TextChunk | ReasoningChunk | CallChunk | Finish)


@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_a_reply_that_a_filter_ended_is_a_refusal_with_what_came(kind):
    chunks, error = heard(kind, delta(content="So far"), delta("content_filter"))
    assert error is None
    assert (text_of(chunks), end_of(chunks).stop) == ("So far", "refusal")


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_call_that_was_cut_in_the_middle_is_not_made(kind, how):
    with ModelServer([Broken("I look.", how)]) as server:
        chunks, error = partly(opened(kind, server.url), tools=TOOLS)
    assert not calls_in(chunks)
    assert isinstance(error, ProviderError)


def test_a_reply_of_calls_alone_that_breaks_off_makes_none_of_them():
    body = (
        b"data: "
        + json.dumps(
            {
                "choices": [
                    {"delta": {"tool_calls": [piece('{"code": "rm -r', id="a", name="bash")]}}
                ]
            }
        ).encode()
    )
    with raw_server(response(body + b"\n\n", media_type=b"text/event-stream")) as (url, _):
        chunks, error = partly(opened("openai", url), tools=TOOLS)
    assert chunks == []
    assert "stopped in the middle" in error.message
