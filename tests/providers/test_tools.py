"""Tools offered by a service's own means: what goes out, what comes back, and the traps."""

import json

import pytest

from llmrepl.context.telling import messages_of
from llmrepl.context.tools import TOOLS
from llmrepl.conversation import Message
from llmrepl.errors import ToolsRefused
from llmrepl.parts import Image, Output, Reasoning, Text, ToolCall, ToolResult
from llmrepl.ports import CallChunk, CallResult, ChatMessage, TakesTools
from llmrepl.providers.families import takes_tools
from llmrepl.testing import ModelServer, Refused, Reply, Wire
from tests.providers.calls import ask, end_of, opened, partly, run, text_of
from tests.providers.raw import raw_server, response
from tests.providers.test_native import FAILED, GENERATIONS, piece, streamed, tool_use_failed

PICTURE = Image("image/png", data="QUJD")


def made(call_id="1.1.1", name="python", code="6 * 7"):
    return ToolCall(call_id, name, name, {"code": code}, origin="native")


TALK = (
    ChatMessage("user", "Both."),
    ChatMessage(
        "assistant", "", calls=(made(), made("1.1.2", "bash", "ls")), thoughts=(Reasoning("Hm."),)
    ),
    ChatMessage(
        "tool",
        "",
        results=(
            CallResult(made(), "42", (PICTURE,)),
            CallResult(made("1.1.2", "bash", "ls"), "no", failed=True),
        ),
    ),
)


def calls_in(chunks):
    calls = [chunk.call for chunk in chunks if isinstance(chunk, CallChunk)]
    assert not any(call.problem for call in calls)
    return [(call.name, call.arguments["code"]) for call in calls]


def body_of(kind, **fields):
    with ModelServer(["ok"]) as server:
        ask(opened(kind, server.url), tools=TOOLS, messages=TALK, **fields)
        return server.requests[0].body


def test_requests_with_tools_are_what_groqs_own_types_allow():
    from groq.types.chat import (
        ChatCompletionAssistantMessageParam,
        ChatCompletionToolMessageParam,
        ChatCompletionToolParam,
        ChatCompletionUserMessageParam,
    )
    from pydantic import TypeAdapter

    body = body_of("groq")
    for tool in body["tools"]:
        assert TypeAdapter(ChatCompletionToolParam).validate_python(tool) == tool
    _, user, assistant, one, two, pictures = body["messages"]
    for message, kind in (
        (user, ChatCompletionUserMessageParam),
        (assistant, ChatCompletionAssistantMessageParam),
        (one, ChatCompletionToolMessageParam),
        (two, ChatCompletionToolMessageParam),
        (pictures, ChatCompletionUserMessageParam),
    ):
        TypeAdapter(kind).validate_python(message)
    assert isinstance(assistant["tool_calls"][0]["function"]["arguments"], str)
    assert assistant["content"] is None
    assert "parallel_tool_calls" not in body


def test_ollama_gets_objects_as_arguments_with_ids_and_the_thought_before_them():
    from ollama._types import ChatRequest

    body = body_of("ollama")
    ChatRequest.model_validate(body)
    *_, assistant, one, two = body["messages"]
    assert [call["function"]["arguments"] for call in assistant["tool_calls"]] == [
        {"code": "6 * 7"},
        {"code": "ls"},
    ]
    assert [call["id"] for call in assistant["tool_calls"]] == [
        one["tool_call_id"],
        two["tool_call_id"],
    ]
    assert assistant["thinking"] == "Hm."
    assert (one["role"], one["tool_name"], one["images"]) == ("tool", "python", ["QUJD"])


KEPT = {"type", "description", "properties", "required", "items", "enum", "anyOf"}


def keys_in(schema):
    for name, value in schema.items():
        yield name
        for one in value.values() if name == "properties" else ():
            yield from keys_in(one)


def test_the_tools_schemas_hold_only_what_every_service_keeps():
    assert all(set(keys_in(tool.parameters)) <= KEPT for tool in TOOLS)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_call_that_groq_could_not_read_is_a_call(generation):
    with ModelServer([Refused(400, tool_use_failed(generation))]) as server:
        chunks = ask(opened("groq", server.url), tools=TOOLS)
    assert calls_in(chunks) == [("python", "print(6 * 7)")]
    assert end_of(chunks).stop == "end_turn"


def test_arguments_that_groq_finds_fault_with_are_ours_to_judge():
    said = "tool call validation failed: parameters for tool python did not match schema"
    written = json.dumps({"name": "python", "arguments": {"code": "1", "timeout": "5"}})
    error = {"message": said, "code": "tool_use_failed", "failed_generation": written}
    with ModelServer([Refused(400, {"error": error})]) as server:
        (chunk, _) = ask(opened("groq", server.url), tools=TOOLS)
    assert chunk.call.arguments == {"code": "1", "timeout": 5}


def test_a_call_that_groq_was_not_offered_is_ours_to_answer():
    said = "tool call validation failed: attempted to call tool 'search' which was not in request"
    written = json.dumps({"name": "search", "arguments": {"query": "x"}})
    error = {"message": said, "code": "tool_use_failed", "failed_generation": written}
    with ModelServer([Refused(400, {"error": error})]) as server:
        (chunk, _) = ask(opened("groq", server.url), tools=TOOLS)
    assert (chunk.call.name, chunk.call.arguments) == ("search", {"query": "x"})


def test_a_failed_call_in_a_stream_is_a_call_after_its_text():
    error = {"message": FAILED, "code": "tool_use_failed", "failed_generation": GENERATIONS[0]}
    body = b'data: {"choices":[{"delta":{"content":"I look."}}]}\n\n'
    body += b"event: error\ndata: " + json.dumps({"error": error}).encode() + b"\n\n"
    with raw_server(response(body, media_type=b"text/event-stream")) as (url, _):
        chunks = ask(opened("groq", url), tools=TOOLS)
    assert text_of(chunks) == "I look."
    assert calls_in(chunks) == [("python", "print(6 * 7)")]


@pytest.mark.parametrize("text", [*GENERATIONS[:6], f"<tool_call>{GENERATIONS[0]}</tool_call>"])
def test_a_call_that_a_small_model_writes_as_text_is_a_call(text, kind):
    with ModelServer([text], wire=Wire(chunk=2)) as server:
        chunks = ask(opened(kind, server.url), tools=TOOLS)
    if text.startswith("python{"):
        assert text_of(chunks) == text
    else:
        assert (text_of(chunks), calls_in(chunks)) == ("", [("python", "print(6 * 7)")])


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada", "arguments": 3}',
        "{} is empty.",
        "[1, 2]",
        "<b>Bold</b>",
        '{"name": "rm"',
        "  ",
        "",
        '```json\n{"a": 1}\n```',
    ],
)
def test_text_that_only_begins_like_a_call_is_text(text, kind):
    with ModelServer([text], wire=Wire(chunk=1)) as server:
        chunks = ask(opened(kind, server.url), tools=TOOLS)
    assert text_of(chunks) == text
    assert not calls_in(chunks)


def test_a_json_answer_beside_a_call_stays_an_answer(kind):
    reply = Reply(GENERATIONS[0], calls=(("bash", {"code": "ls"}),))
    with ModelServer([reply]) as server:
        chunks = ask(opened(kind, server.url), tools=TOOLS)
    assert text_of(chunks) == GENERATIONS[0]
    assert calls_in(chunks) == [("bash", "ls")]


def test_gaps_in_the_numbers_of_calls_do_no_harm():
    pieces = [
        piece("", id="a", name="python"),
        piece('{"code": ', index=0),
        piece("", id="b", name="bash", index=4),
        piece('{"code": "ls"}', index=4),
        piece('"1"}', index=0),
    ]
    with raw_server(streamed(*pieces)) as (url, _):
        chunks = ask(opened("openai", url), tools=TOOLS)
    assert calls_in(chunks) == [("python", "1"), ("bash", "ls")]


def test_a_piece_that_belongs_to_no_call_is_a_call_without_a_name():
    with raw_server(streamed(piece('{"code": "1"}', index=3))) as (url, _):
        (chunk, _) = ask(opened("openai", url), tools=TOOLS)
    assert "name its tool: python or bash" in chunk.call.problem


@pytest.mark.parametrize("limit", [0, -1, True, "soon", None, [3]])
def test_a_time_limit_that_is_none_is_passed_over(limit):
    call = ("python", {"code": "1", "timeout": limit})
    with ModelServer([Reply(calls=(call,))]) as server:
        (chunk, _) = ask(opened("ollama", server.url), tools=TOOLS)
    assert chunk.call.arguments == {"code": "1"}


def test_a_call_of_what_is_not_offered_is_no_call_to_the_service(kind):
    other = ToolCall("1.1.1", "search", "tool", {"query": "x"}, origin="native")
    came = ToolResult("1.1.1", "search", "error", (Output("stdout", ""),))
    talk = [
        Message("user", (Text("Hi"),)),
        Message("assistant", (other,)),
        Message("tool", (came,)),
    ]
    told = messages_of(talk, [tool.name for tool in TOOLS])
    with ModelServer(["ok"]) as server:
        ask(opened(kind, server.url), tools=TOOLS, messages=told)
        body = server.requests[0].body
    assert len(body["tools"]) == len(TOOLS)
    assert {message["role"] for message in body["messages"]} == {"system", "user", "assistant"}
    assert "tool_calls" not in json.dumps(body["messages"])


SAID = [
    (400, "registry.ollama.ai/library/gemma:2b does not support tools"),
    (400, "`tool calling` is not supported with this model"),
    (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
    (404, "No endpoints found that support tool use. Try another model."),
    (500, "tools param requires --jinja flag"),
    (400, "deepseek-reasoner does not support Function Calling"),
]


@pytest.mark.parametrize(("status", "said"), SAID)
def test_a_refusal_of_tools_is_told_apart_whoever_says_it(status, said, kind):
    refused = Refused(status, {"error": said if kind == "ollama" else {"message": said}})
    with ModelServer([refused, refused]) as server:
        _, error = partly(opened(kind, server.url), tools=TOOLS)
        _, other = partly(opened(kind, server.url))
    assert isinstance(error, ToolsRefused)
    assert said in error.message
    assert not isinstance(other, ToolsRefused)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, "tools are not supported at this rate"),
        (401, "this key does not support tools"),
        (400, "temperature is not supported"),
        (400, "invalid schema for tool python"),
    ],
)
def test_other_refusals_stay_what_they_are(status, said):
    with ModelServer([Refused(status, {"error": {"message": said}})]) as server:
        _, error = partly(opened("groq", server.url), tools=TOOLS)
    assert not isinstance(error, ToolsRefused)


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("gpt-4o-mini", True),
        ("openai/gpt-oss-120b", True),
        ("llama-3.3-70b-versatile", True),
        ("qwen/qwen3-32b", True),
        ("moonshotai/kimi-k2-instruct", True),
        ("o3-mini", True),
        ("o1-mini", False),
        ("gpt-3.5-turbo-instruct", False),
        ("whisper-large-v3", False),
        ("groq/compound", False),
        ("my-own-model", None),
        ("test:latest", None),
    ],
)
def test_families_are_known_by_their_names(model, takes):
    assert takes_tools(model) is takes


@pytest.mark.parametrize(
    ("shown", "takes"),
    [
        ({"capabilities": ["completion", "tools"]}, True),
        ({"capabilities": ["completion"]}, False),
        ({"details": {}}, None),
    ],
)
def test_ollama_says_what_a_model_can(shown, takes):
    with raw_server(response(json.dumps(shown).encode(), media_type=b"application/json")) as (
        url,
        _,
    ):
        provider = opened("ollama", url)
        assert isinstance(provider, TakesTools)
        assert run(provider, lambda it: it.takes_tools("m")) is takes


def test_an_ollama_that_does_not_answer_leaves_it_open():
    provider = opened("ollama", "http://127.0.0.1:1")
    assert run(provider, lambda it: it.takes_tools("m")) is None
