"""A model that calls by its service's own means, though it was offered no tools, is understood."""

import json

import pytest

from llmrepl.parser import BlockParser
from llmrepl.parser.items import Block
from llmrepl.testing import ModelServer, Refused
from tests.providers.calls import ask, end_of, opened, partly, text_of
from tests.providers.raw import raw_server, response

PYTHON = {"name": "python", "arguments": {"code": "print(6 * 7)"}}
FAILED = "Failed to call a function. Please adjust your prompt. See 'failed_generation'."


def calls_in(text):
    parser = BlockParser()
    items = [*parser.feed(text), *parser.close()]
    (block,) = [item for item in items if isinstance(item, Block)]
    return [(call.language, call.arguments.get("code", call.arguments)) for call in block.calls]


def tool_use_failed(generation):
    error = {"message": FAILED, "type": "invalid_request_error", "code": "tool_use_failed"}
    return {"error": error | {"failed_generation": generation}}


GENERATIONS = [
    json.dumps(PYTHON),
    json.dumps([PYTHON]),
    '<function=python>{"code": "print(6 * 7)"}</function>',
    'python{"code": "print(6 * 7)"}</function>',
    f'<tool-use>{{"tool_calls": [{json.dumps(PYTHON)}]}}</tool-use>',
    f"```json\n{json.dumps(PYTHON)}\n```",
    '{"name": "python", "arguments": "print(6 * 7)"}',
    '{"name": "functions.python", "parameters": {"code": "print(6 * 7)"}}',
]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_call_that_groq_could_not_read_is_a_helper_block(generation):
    with ModelServer([Refused(400, tool_use_failed(generation))]) as server:
        chunks = ask(opened("groq", server.url))
    assert calls_in(text_of(chunks)) == [("python", "print(6 * 7)")]
    assert end_of(chunks).stop == "end_turn"


def test_words_that_groq_took_for_a_call_are_the_answer():
    with ModelServer([Refused(400, tool_use_failed("It is 42."))]) as server:
        assert text_of(ask(opened("groq", server.url))) == "It is 42."


def test_a_call_that_groq_does_not_show_is_asked_for_once_more_and_calmer():
    refused = Refused(400, tool_use_failed(""))
    with ModelServer([refused, "It is 42."]) as server:
        assert text_of(ask(opened("groq", server.url))) == "It is 42."
        assert server.requests[1].body["temperature"] == 0.2
    with ModelServer([refused, refused, "never"]) as server:
        _, error = partly(opened("groq", server.url))
        assert len(server.requests) == 2
    assert "Failed to call a function" in error.message


@pytest.mark.parametrize("shape", ["event", "x_groq"])
def test_a_call_that_fails_in_a_stream_keeps_the_text_before_it(shape):
    error = tool_use_failed(json.dumps(PYTHON))["error"] | {"status_code": 400}
    event = {"error": error} if shape == "event" else {"choices": [], "x_groq": {"error": error}}
    body = b'data: {"choices":[{"delta":{"content":"I look."}}]}\n\n'
    body += b"event: error\ndata: " + json.dumps(event).encode() + b"\n\n"
    with raw_server(response(body, media_type=b"text/event-stream")) as (url, _):
        text = text_of(ask(opened("groq", url)))
    assert text.startswith("I look.")
    assert calls_in(text) == [("python", "print(6 * 7)")]


def streamed(*deltas):
    events = [{"choices": [{"index": 0, "delta": {"tool_calls": [delta]}}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return response(f"{lines}data: [DONE]\n\n".encode(), media_type=b"text/event-stream")


def piece(arguments, **fields):
    name = fields.pop("name", None)
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"index": 0, "function": function} | fields


@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_the_pieces_of_a_calls_arguments_are_put_together(kind):
    pieces = [
        piece("", id="a", name="python"),
        piece('{"code": "print('),
        piece('6 * 7)"}'),
    ]
    with raw_server(streamed(*pieces)) as (url, _):
        assert calls_in(text_of(ask(opened(kind, url)))) == [("python", "print(6 * 7)")]


@pytest.mark.parametrize("ids", [("a", "b"), (None, None)])
def test_two_calls_with_the_same_index_are_two(ids):
    pieces = [
        piece('{"code": "print(1)"}', name="python", **({"id": ids[0]} if ids[0] else {})),
        piece('{"command": "ls"}', name="bash", **({"id": ids[1]} if ids[1] else {})),
    ]
    with raw_server(streamed(*pieces)) as (url, _):
        calls = calls_in(text_of(ask(opened("openai", url))))
    assert calls == [("python", "print(1)"), ("bash", "ls")]


@pytest.mark.parametrize("arguments", [{"code": "print(1)"}, '{"code": "print(1)"}'])
def test_ollamas_calls_come_whole_and_its_reason_is_still_stop(arguments):
    call = {"function": {"name": "python", "arguments": arguments}}
    lines = [
        {"message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False},
        {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
    ]
    body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    with raw_server(response(body, media_type=b"application/x-ndjson")) as (url, _):
        assert calls_in(text_of(ask(opened("ollama", url)))) == [("python", "print(1)")]


PARSE = "error parsing tool call: raw='{\"code\": }', err=invalid character '}'"
SPOILT = [{"error": PARSE}, {"error": PARSE, "status": 500}, {"error parsing tool call": PARSE}]
DONE = {"message": {"role": "assistant", "content": "It is 42."}, "done": True}


def lines(*objects):
    body = "".join(f"{json.dumps(each)}\n" for each in objects).encode()
    return response(body, media_type=b"application/x-ndjson")


def test_a_call_that_ollama_could_not_read_is_asked_for_once_more():
    failed = Refused(500, {"error": PARSE})
    with ModelServer([failed, "It is 42."]) as server:
        assert text_of(ask(opened("ollama", server.url))) == "It is 42."
    with ModelServer([failed, failed, "never"]) as server:
        _, error = partly(opened("ollama", server.url))
        assert len(server.requests) == 2
    assert "error parsing tool call" in error.message


@pytest.mark.parametrize("spoilt", SPOILT)
def test_such_a_call_may_be_told_in_a_stream_and_by_a_key_of_its_own(spoilt):
    with raw_server(lines(spoilt), lines(DONE)) as (url, received):
        assert text_of(ask(opened("ollama", url))) == "It is 42."
        assert len(received) == 2


@pytest.mark.parametrize("spoilt", SPOILT)
def test_after_the_first_word_it_is_not_asked_for_again(spoilt):
    begun = {"message": {"role": "assistant", "content": "I look."}, "done": False}
    with raw_server(lines(begun, spoilt), lines(DONE)) as (url, received):
        chunks, error = partly(opened("ollama", url))
        assert len(received) == 1
    assert text_of(chunks) == "I look."
    assert "error parsing tool call" in error.message
