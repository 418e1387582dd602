"""The table of facts: each has a test that exists, a reason why it cannot bite, or is open."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from llmrepl.context.render import chat_message
from llmrepl.conversation import Message
from llmrepl.parts import Output, Text, ToolCall, ToolResult
from llmrepl.ports import Allowance, Rationed
from llmrepl.testing import ModelServer, Refused, Reply, Wire
from llmrepl.usage import Usage
from tests.providers.calls import ask, end_of, opened, partly, request, run

FACTS = tomllib.loads(Path(__file__).with_name("facts.toml").read_text("utf-8"))


@pytest.mark.parametrize("number", FACTS)
def test_each_fact_has_a_test_or_a_reason(number):
    (kind,) = FACTS[number].keys() & {"test", "cannot", "open"}
    if kind == "test":
        module, _, name = FACTS[number]["test"].partition("::")
        if "/" in module:
            source = Path(__file__).parents[2].joinpath(f"{module}.py").read_text("utf-8")
            assert f"\ndef {name}(" in source
        else:
            assert callable(getattr(import_module(f"tests.providers.{module}"), name))


def test_ollama_is_told_its_context_and_not_to_cut_it():
    with ModelServer(["one", "two"]) as server:
        ask(opened("ollama", server.url))
        ask(opened("ollama", server.url, options={"num_ctx": 4096, "truncate": True}))
        (model,) = run(opened("ollama", server.url), lambda provider: provider.models())
        told, chosen = (exchange.body for exchange in server.requests)
    assert (told["options"]["num_ctx"], told["truncate"], told["shift"]) == (8192, False, False)
    assert (chosen["options"]["num_ctx"], chosen["truncate"]) == (4096, True)
    assert model.context == 8192


def test_calls_and_results_go_to_every_service_as_text_alone(kind):
    call = ToolCall("1.1.1", "python", "python", {"code": "6 * 7"})
    result = ToolResult("1.1.1", "python", "ok", (Output("value", "42"),))
    said = [
        Message("user", (Text("What is 6 * 7?"),)),
        Message("assistant", (Text("Let me see."), call)),
        Message("tool", (result,)),
    ]

    async def asked(provider):
        messages = tuple(map(chat_message, said))
        return [chunk async for chunk in provider.stream(request(messages=messages))]

    with ModelServer(["It is 42."]) as server:
        run(opened(kind, server.url), asked)
        (exchange,) = server.requests
    assert not exchange.body.keys() & {"tools", "tool_choice"}
    *_, prompt, answer, results = exchange.body["messages"]
    for message in (prompt, answer, results):
        assert message.keys() == {"role", "content"}
        assert isinstance(message["content"], str)
    assert [prompt["role"], answer["role"], results["role"]] == ["user", "assistant", "user"]
    assert "6 * 7" in answer["content"]
    assert "42" in results["content"]


def alarms(*replies, sent, **settings):
    """What is said of each of some prompts of about so many tokens; replies are what was read."""
    script = [Reply("Well.", usage=Usage(read, 3)) for read in replies]
    with ModelServer(script) as server:
        provider = opened("ollama", server.url, **settings)
        return [end_of(ask(provider, estimated_tokens=sent)).note for _ in replies]


def test_a_prompt_that_ollama_has_cut_is_said():
    first, again, whole, anew = alarms(2051, 2051, 15_700, 2051, sent=15_750)
    assert "read 2051 tokens of a prompt of about 15750" in first
    assert "num_ctx" in first
    assert again == ""  # said once
    assert (whole, bool(anew)) == ("", True)


def test_a_prompt_that_was_cut_to_fit_is_said_though_little_is_missing():
    (note,) = alarms(8192, sent=9_500)
    assert "8192" in note
    assert alarms(8192, sent=9_500, options={"num_ctx": 16_384}) == [""]


@pytest.mark.parametrize("sent", [300, 2000])
def test_a_prompt_that_fills_the_context_was_cut(sent):
    full, again = alarms(8192, 8192, sent=sent)
    assert full.startswith("The prompt filled all 8192 tokens of Ollama's context")
    assert "num_ctx" in full
    assert again == ""
    assert alarms(8191, sent=sent) == [""]


@pytest.mark.parametrize(("read", "sent"), [(600, 1000), (14_000, 15_750), (30, 900), (20_000, 9)])
def test_a_wrong_estimate_is_no_alarm(read, sent):
    assert alarms(read, sent=sent, options={"num_ctx": 32_768}) == [""]


LEFT = {
    "x-ratelimit-limit-requests": "14400",
    "x-ratelimit-remaining-requests": "14370",
    "x-ratelimit-reset-requests": "2m59.56s",
    "x-ratelimit-limit-tokens": "18000",
    "x-ratelimit-remaining-tokens": "17997",
    "x-ratelimit-reset-tokens": "7h0m0s",
}


def left_after(headers, kind="groq"):
    """What a provider says is left after a refusal with these headers."""

    with ModelServer([Refused(429, headers=headers)]) as server:
        provider = opened(kind, server.url)
        assert isinstance(provider, Rationed)
        assert provider.allowances == []
        partly(provider)
        return provider.allowances


def test_what_is_left_of_a_limit_is_read():
    requests, tokens = left_after(LEFT)
    assert (requests.kind, requests.left, requests.most) == ("requests", 14_370, 14_400)
    assert 170 < requests.again <= 179.56
    assert (tokens.kind, tokens.left, tokens.most) == ("tokens", 17_997, 18_000)
    assert 25_190 < tokens.again <= 25_200


@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_what_is_left_is_read_of_an_answer_too(kind):
    with ModelServer(["Yes."], wire=Wire(headers=LEFT)) as server:
        provider = opened(kind, server.url)
        ask(provider)
    assert [allowance.left for allowance in provider.allowances] == [14_370, 17_997]


def test_what_was_used_of_a_limit_is_there_again_after_its_time():
    assert left_after(LEFT | {"x-ratelimit-reset-tokens": "0ms"})[0].kind == "requests"
    assert len(left_after(LEFT | {"x-ratelimit-reset-tokens": "0ms"})) == 1
    unknown = LEFT | {"x-ratelimit-reset-tokens": "soon"}
    assert left_after(unknown)[1] == Allowance("tokens", 17_997, 18_000, None)


def test_headers_that_make_no_sense_are_passed_over():
    assert left_after({"x-ratelimit-remaining-tokens": "many"}) == []
    assert left_after({}) == []
