"""Models that call by their services' own means, over real SDKs and the real sandbox."""

import asyncio
import json

import pytest

from llmrepl.compose import assemble
from llmrepl.compose.sent import sent
from llmrepl.config import load
from llmrepl.events import (
    MessageFinished,
    NoteAdded,
    RequestFailed,
    StepStarted,
    SystemSet,
    ToolFinished,
    ToolRequested,
)
from llmrepl.parts import Text, ToolCall
from llmrepl.testing import ModelServer, Refused, Reply, Wire

PYTHON = ("python", {"code": "6 * 7"})
BASH = ("bash", {"code": "echo hi"})
NATIVE = {"models.tools": "native"}
KINDS = ["openai", "groq", "ollama"]


def told(server, place, *prompts, kind="openai", model="test", **flags):
    """Run turns against the server; return the records and why each turn ended."""
    path = "/v1" if kind == "openai" else ""
    home = place / "home"
    settings = home / ".config" / "llmrepl" / "config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    flags = {key.replace("__", "."): value for key, value in flags.items()}
    settings.write_text(
        f'[providers.{kind}]\nbase_url = "{server.url}{path}"\napi_key = "sk_of_the_test"\n'
    )

    async def main():
        environ = {"HOME": str(home)}
        flags_now = {"sessions.save": False, "model": f"{kind}/{model}"} | flags
        config = load(flags_now, environ, place).config
        assembly = await assemble(config, environ=environ, cwd=place)
        try:
            stops = [await assembly.runtime.turn((Text(prompt),)) for prompt in prompts]
        finally:
            await assembly.close()
        return assembly.unsaved.records, stops

    return asyncio.run(main())


def of(records, kind):
    return [record.event for record in records if isinstance(record.event, kind)]


def outputs(records):
    return [part.text for event in of(records, ToolFinished) for part in event.parts]


@pytest.mark.parametrize("kind", KINDS)
def test_a_native_call_runs_and_its_result_goes_back_as_one(tmp_path, kind):
    script = [Reply("Let me see.", calls=(PYTHON,)), "It is 42."]
    with ModelServer(script) as server:
        records, stops = told(server, tmp_path, "6 * 7?", kind=kind, **NATIVE)
        first, second = (exchange.body for exchange in server.requests)
    assert stops == ["end_turn"]
    assert [tool["function"]["name"] for tool in first["tools"]] == ["python", "bash"]
    assert "<helpers" not in json.dumps(first)
    assert not first.get("stop")
    (request,) = of(records, ToolRequested)
    assert (request.origin, request.arguments) == ("native", {"code": "6 * 7"})
    assert outputs(records) == ["42"]
    assert of(records, StepStarted)[0].tools == ("python", "bash")
    (call,) = [p for p in of(records, MessageFinished)[0].parts if isinstance(p, ToolCall)]
    assert (call.origin, call.call_id) == ("native", request.call_id)
    assistant, result = second["messages"][-2:]
    assert assistant["content"] == "Let me see."
    (made,) = assistant["tool_calls"]
    assert made["function"]["name"] == "python"
    assert made["id"] == result["tool_call_id"]
    assert result["role"] == "tool"
    assert "42" in result["content"]
    arguments = made["function"]["arguments"]
    assert (arguments if kind == "ollama" else json.loads(arguments)) == {"code": "6 * 7"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "wire",
    [
        Wire(),
        Wire(ids=False),
        Wire(indexes=False),
        Wire(ids=False, indexes=False),
        Wire(argument_size=0),
        Wire(argument_size=1, frame=7),
    ],
    ids=["plain", "no ids", "index 0", "neither", "whole", "tiny"],
)
def test_two_calls_in_one_message_are_two_however_they_come(tmp_path, kind, wire):
    with ModelServer([Reply(calls=(PYTHON, BASH)), "Both."], wire=wire) as server:
        records, _ = told(server, tmp_path, "Both?", kind=kind, **NATIVE)
        *_, assistant, one, two = server.requests[1].body["messages"]
    assert [event.name for event in of(records, ToolRequested)] == ["python", "bash"]
    assert outputs(records) == ["42", "hi\n"]
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert ids == [one["tool_call_id"], two["tool_call_id"]]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    "call",
    [
        ("python", '{"code": "print('),
        ("python", "{}"),
        ("python", '["a"'),
        ("", {"code": "rm -r /"}),
        ("search", {"query": "x"}),
        ("search", "{"),
    ],
)
def test_a_call_that_cannot_be_read_never_runs_and_the_model_is_told_why(tmp_path, call):
    with ModelServer([Reply(calls=(call,)), "I see."]) as server:
        records, stops = told(server, tmp_path, "Go.", **NATIVE)
        last = server.requests[1].body["messages"][-1]
    (finished,) = of(records, ToolFinished)
    assert finished.status == "error"
    assert finished.reason in last["content"]
    assert stops == ["end_turn"]


def test_code_without_json_around_it_is_code(tmp_path):
    with ModelServer([Reply(calls=(("python", "print(6 * 7)"),)), "42."]) as server:
        records, _ = told(server, tmp_path, "6 * 7?", **NATIVE)
    assert outputs(records) == ["42\n"]


def test_a_helper_block_runs_beside_offered_tools_and_goes_back_as_a_call(tmp_path):
    with ModelServer(["<helpers>\n6 * 7\n</helpers>\n", "It is 42."]) as server:
        records, _ = told(server, tmp_path, "6 * 7?", **NATIVE)
        assistant, result = server.requests[1].body["messages"][-2:]
    assert of(records, ToolRequested)[0].origin == "block"
    assert assistant["tool_calls"][0]["function"]["name"] == "python"
    assert result["role"] == "tool"


def test_a_model_of_which_nobody_knows_writes_helper_blocks(tmp_path):
    with ModelServer(["Hi."]) as server:
        records, _ = told(server, tmp_path, "Hi?")
        (exchange,) = server.requests
    assert "tools" not in exchange.body
    assert "<helpers>" in exchange.body["messages"][0]["content"]
    assert of(records, StepStarted)[0].tools == ()


REFUSALS = {
    "ollama": "registry.ollama.ai/library/gemma:latest does not support tools",
    "groq": "`tool calling` is not supported with this model",
    "openai": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser',
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_that_refuses_tools_is_asked_again_with_helper_blocks(tmp_path, kind):
    said = REFUSALS[kind]
    refused = Refused(400, {"error": said if kind == "ollama" else {"message": said}})
    with ModelServer([refused, "<helpers>\n6 * 7\n</helpers>\n", "It is 42.", "Yes."]) as server:
        records, stops = told(server, tmp_path, "6 * 7?", "Sure?", kind=kind, **NATIVE)
        offers = ["tools" in exchange.body for exchange in server.requests]
    assert offers == [True, False, False, False]
    assert stops == ["end_turn", "end_turn"]
    (failed,) = of(records, RequestFailed)
    assert failed.kind == "ToolsRefused"
    assert failed.going_on.endswith("is asked again, with helper blocks")
    assert outputs(records) == ["42"]
    assert len(of(records, SystemSet)) == 2


def test_any_other_refusal_stays_one(tmp_path):
    refused = Refused(400, {"error": {"message": "temperature is not supported"}})
    with ModelServer([refused, "never"]) as server:
        records, stops = told(server, tmp_path, "Hi?", **NATIVE)
        assert len(server.requests) == 1
    assert stops == ["error"]
    assert not of(records, RequestFailed)


def test_what_a_step_sent_is_made_again_from_its_records(tmp_path):
    script = [Reply(calls=(PYTHON,)), "It is 42.", "<helpers>\n1\n</helpers>\n", "One."]
    with ModelServer(script) as server:
        records, _ = told(server, tmp_path, "6 * 7?", "And 1?", **NATIVE)
        bodies = [exchange.body["messages"] for exchange in server.requests]
    steps = ["1.1", "1.2", "2.1", "2.2"]
    assert [list(sent(records, step).body) for step in steps] == bodies


def test_a_thought_goes_back_to_the_server_that_wants_it_and_is_told_of_the_step(tmp_path):
    script = [Reply("", "A product.", calls=(PYTHON,)), Reply("It is 42.", "Easy."), "Yes."]
    with ModelServer(script, wire=Wire(reasoning="reasoning_content")) as server:
        records, _ = told(server, tmp_path, "6 * 7?", "Sure?", **NATIVE)
        bodies = [exchange.body["messages"] for exchange in server.requests]
    thoughts = [m.get("reasoning_content") for m in bodies[2] if m["role"] == "assistant"]
    assert thoughts == ["A product.", "Easy."]
    assert [list(sent(records, step).body) for step in ("1.1", "1.2", "2.1")] == bodies


def test_ollama_says_itself_which_models_take_tools(tmp_path):
    wire = Wire(capabilities=("completion", "tools"))
    with ModelServer([Reply(calls=(PYTHON,)), "It is 42."], wire=wire) as server:
        records, _ = told(server, tmp_path, "6 * 7?", kind="ollama")
        asked = [e.path for e in server.exchanges].count("/api/show")
    assert outputs(records) == ["42"]
    assert asked == 1


def test_a_providers_own_setting_comes_before_the_one_for_all(tmp_path):
    flags = {"providers.groq.tools": "blocks", "models.tools": "native"}
    with ModelServer(["Hi."]) as server:
        told(server, tmp_path, "Hi?", kind="groq", **flags)
        assert "tools" not in server.requests[0].body


def test_known_families_take_tools_at_services_and_are_not_trusted_to_on_this_machine(tmp_path):
    with ModelServer(["Hi.", "Hi."]) as server:
        told(server, tmp_path, "Hi?", kind="groq", model="openai/gpt-oss-120b")
        told(server, tmp_path, "Hi?", kind="openai", model="gpt-oss-120b")
        assert ["tools" in e.body for e in server.requests] == [True, False]


def test_a_turn_that_ends_with_results_is_followed_by_an_answer_that_says_so(tmp_path):
    with ModelServer([Reply(calls=(PYTHON,)), "It is 42."]) as server:
        _, stops = told(server, tmp_path, "6 * 7?", "Well?", **NATIVE, limits__max_steps=1)
        roles = [message["role"] for message in server.requests[1].body["messages"]]
    assert stops[0] == "max_steps"
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]


def test_calls_of_a_message_that_reached_its_limit_do_not_run(tmp_path):
    cut = Reply(calls=(PYTHON, PYTHON), stop="max_tokens")
    with ModelServer([cut, "I see."]) as server:
        records, _ = told(server, tmp_path, "6 * 7?", **NATIVE)
    assert [event.status for event in of(records, ToolFinished)] == ["ok", "error"]
    assert not of(records, NoteAdded)
