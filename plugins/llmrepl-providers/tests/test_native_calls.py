"""Tools that are offered by the vendors' own means: offers, calls and results on the wire."""

import pytest
from vendor_calls import ask, end_of, hear, opened, partly, run, server, text_of

from llmrepl.errors import ToolsRefused
from llmrepl.parts import Image, Reasoning, ToolCall
from llmrepl.ports import (
    CallChunk,
    CallResult,
    ChatMessage,
    Described,
    ReasoningChunk,
    TakesTools,
    Tool,
    Traits,
)
from llmrepl.testing import Refused, Reply, Wire

SCHEMA = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
TOOLS = (Tool("python", "Runs Python.", SCHEMA), Tool("bash", "Runs bash.", SCHEMA))
CODE = {"code": "print(6 * 7)"}
CALLS = (("python", CODE), ("bash", {"code": "ls"}))


def made(call_id, name, code, seal=""):
    return ToolCall(call_id, name, name, {"code": code}, origin="native", seal=seal)


def talk(first_seal="", thoughts=(), images=()):
    """A conversation in which two calls were made and answered."""
    one, two = made("1.1.1", "python", "6 * 7", first_seal), made("1.1.2", "bash", "ls")
    results = (CallResult(one, "42", images), CallResult(two, "no", failed=True))
    return (
        ChatMessage("user", "Do both."),
        ChatMessage("assistant", "Let me see.", calls=(one, two), thoughts=thoughts),
        ChatMessage("tool", "", results=results),
    )


def calls_in(chunks):
    return [chunk.call for chunk in chunks if isinstance(chunk, CallChunk)]


def body_of(kind, messages=None, options=None):
    with server(kind, "ok") as served:
        given = {} if messages is None else {"messages": messages}
        ask(opened(kind, served.url, options=options), tools=TOOLS, **given)
        return served.requests[0].body


@pytest.mark.parametrize(
    "wire",
    [Wire(), Wire(ids=False), Wire(ids=False, indexes=False), Wire(argument_size=1, frame=5)],
    ids=["plain", "no ids", "neither", "tiny"],
)
def test_calls_come_whole_and_in_order_after_the_text(kind, wire):
    with server(kind, Reply("Both.", calls=CALLS), wire=wire) as served:
        chunks = ask(opened(kind, served.url), tools=TOOLS)
    assert text_of(chunks) == "Both."
    assert [(call.name, call.arguments) for call in calls_in(chunks)] == list(CALLS)
    assert not any(call.problem for call in calls_in(chunks))
    assert end_of(chunks).stop == "end_turn"


def test_a_call_that_nobody_offered_is_a_helper_block(kind):
    with server(kind, Reply("So:", calls=CALLS[:1])) as served:
        chunks = ask(opened(kind, served.url))
    assert not calls_in(chunks)
    assert "<helpers>\nprint(6 * 7)\n</helpers>" in text_of(chunks)


@pytest.mark.parametrize("vendor", ["anthropic", "mistral"])
def test_arguments_that_are_no_json_are_a_problem_of_the_call(vendor):
    with server(vendor, Reply(calls=(("python", '{"code": "print('),))) as served:
        (call,) = calls_in(ask(opened(vendor, served.url), tools=TOOLS))
    assert "not one JSON object" in call.problem


def test_a_model_of_a_known_family_takes_tools(kind):
    with server(kind) as served:
        provider = opened(kind, served.url)
        assert isinstance(provider, TakesTools)
        model = {"anthropic": "claude-x", "gemini": "gemini-9", "mistral": "mistral-x"}[kind]
        assert run(provider, lambda it: it.takes_tools(model)) is True
        assert run(provider, lambda it: it.takes_tools("who-knows")) is None


def test_mistral_says_which_models_take_tools():
    page = {"id": "mistral-7", "capabilities": {"function_calling": False}}
    with server("mistral", pages={"/v1/models/mistral-7": page}) as served:
        provider = opened("mistral", served.url)
        assert run(provider, lambda it: it.takes_tools("mistral-7")) is False


def test_what_a_model_sees_is_known_by_its_name(kind):
    provider = opened(kind, "https://models.invalid")
    assert isinstance(provider, Described)
    model = {"anthropic": "claude-opus-4", "gemini": "gemini-9", "mistral": "pixtral-12b"}[kind]
    assert provider.describe(model) == Traits(images=True)
    assert provider.describe("who-knows") == Traits()


@pytest.mark.parametrize("vision", [True, False])
def test_mistral_says_which_models_see(vision):
    async def learnt(provider):
        await provider.learn("mistral-7")
        return provider.describe("mistral-7")

    page = {"id": "mistral-7", "capabilities": {"vision": vision}}
    with server("mistral", pages={"/v1/models/mistral-7": page}) as served:
        assert run(opened("mistral", served.url), learnt) == Traits(images=vision)


def test_a_mistral_without_a_key_says_nothing_of_a_model():
    async def learnt(provider):
        await provider.learn("mistral-7")
        return provider.describe("mistral-7")

    keyless = opened("mistral", "https://models.invalid", api_key=None)
    assert run(keyless, learnt) == Traits()


@pytest.mark.parametrize(
    ("vendor", "said"),
    [
        ("gemini", {"error": {"code": 400, "message": "Function calling is not enabled for it"}}),
        ("mistral", {"object": "error", "message": "Function calling is not supported"}),
        ("anthropic", {"error": {"message": "This model does not support tools."}}),
    ],
)
def test_a_refusal_of_tools_is_told_from_others(vendor, said):
    with server(vendor, Refused(400, said), Refused(400, said)) as served:
        provider = opened(vendor, served.url)
        _, refused = partly(provider, tools=TOOLS)
        _, other = partly(provider)
    assert isinstance(refused, ToolsRefused)
    assert not isinstance(other, ToolsRefused)


def test_anthropic_gets_blocks_of_tool_use_and_all_results_in_one_message():
    body = body_of("anthropic", talk(images=(Image("image/png", data="QUJD"),)))
    assert body["tools"][0] == {
        "name": "python",
        "description": "Runs Python.",
        "input_schema": SCHEMA,
    }
    _, assistant, results = body["messages"]
    text, one, two = assistant["content"]
    assert text == {"type": "text", "text": "Let me see."}
    assert one == {
        "type": "tool_use",
        "id": "call_1_1_1",
        "name": "python",
        "input": {"code": "6 * 7"},
    }
    assert results["role"] == "user"
    first, second = results["content"]
    assert [first["tool_use_id"], second["tool_use_id"]] == [one["id"], two["id"]]
    assert [block["type"] for block in first["content"]] == ["text", "image"]
    assert (second["content"], second["is_error"]) == ("no", True)


THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


def test_anthropic_gets_its_own_signed_thoughts_back_before_a_call():
    thoughts = (
        Reasoning("Hm.", "anthropic:c2ln"),
        Reasoning("", "anthropic-redacted:aGlk"),
        Reasoning("another's"),
    )
    told = talk(thoughts=thoughts)
    content = body_of("anthropic", told, THINKING)["messages"][1]["content"]
    assert content[:2] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "aGlk"},
    ]
    assert content[2]["type"] == "text"
    assert body_of("anthropic", told)["messages"][1]["content"][0]["type"] == "text"


def test_anthropics_thoughts_are_sealed_where_tools_are_offered():
    with server("anthropic", Reply("So.", "Hm."), Reply("So.", "Hm.")) as served:
        provider = opened("anthropic", served.url)
        offered, plain = ask(provider, tools=TOOLS), ask(provider)
    seals = [chunk.seal for chunk in offered if isinstance(chunk, ReasoningChunk) and chunk.seal]
    assert seals == ["anthropic:c2lnbmVk"]
    assert not [chunk for chunk in plain if isinstance(chunk, ReasoningChunk) and chunk.seal]


def test_anthropics_hidden_thoughts_are_kept_as_seals():
    block = {"type": "redacted_thinking", "data": "aGlk"}
    begun = {"type": "content_block_start", "index": 0, "content_block": block}
    chunks, _ = hear("anthropic", begun, {"type": "message_stop"}, tools=TOOLS)
    assert chunks[0] == ReasoningChunk("", "anthropic-redacted:aGlk")


def test_gemini_gets_function_calls_with_signatures_and_responses():
    body = body_of("gemini", talk("gemini:c2ln", images=(Image("image/png", data="QUJD"),)))
    (offer,) = body["tools"]
    assert offer["functionDeclarations"][0] == {
        "name": "python",
        "description": "Runs Python.",
        "parameters": {
            "type": "OBJECT",
            "properties": {"code": {"type": "STRING"}},
            "required": ["code"],
        },
    }
    _, model, user = body["contents"]
    text, one, two = model["parts"]
    assert (model["role"], text) == ("model", {"text": "Let me see."})
    assert one["functionCall"]["args"] == {"code": "6 * 7"}
    assert (one["thoughtSignature"], "thoughtSignature" in two) == ("c2ln", False)
    first, second, picture = user["parts"]
    assert first["functionResponse"]["id"] == one["functionCall"]["id"]
    assert first["functionResponse"]["response"] == {"output": "42"}
    assert second["functionResponse"]["response"] == {"error": "no"}
    assert "inlineData" in picture


def test_gemini_gets_a_call_that_another_made_with_its_word_for_that():
    parts = body_of("gemini", talk("anthropic:c2ln"))["contents"][1]["parts"]
    assert parts[1]["thoughtSignature"] == "skip_thought_signature_validator"


def test_geminis_signature_goes_with_the_call():
    with server("gemini", Reply(calls=CALLS)) as served:
        calls = calls_in(ask(opened("gemini", served.url), tools=TOOLS))
    assert [call.seal for call in calls] == ["gemini:c2lnbmVk", ""]


def test_mistral_gets_ids_of_nine_letters_or_digits():
    *_, assistant, one, two = body_of("mistral", talk())["messages"]
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert ids == [one["tool_call_id"], two["tool_call_id"]]
    assert len(set(ids)) == 2
    assert all(len(name) == 9 and name.isalnum() for name in ids)
    assert (one["role"], one["name"], one["content"]) == ("tool", "python", "42")
