"""`llmrepl run --schema`: an answer that is JSON of a schema, through the real SDKs."""

import json

import pytest

from llmrepl.testing import Refused, Reply

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
GOOD = '{"n": 42}'
BLOCK = "<helpers>\n6 * 7\n</helpers>\n"
MODELS = ["ollama/llama3.2", "groq/llama-3.3-70b-versatile", "openai/some-model"]
FIELDS = ("response_format", "format")


@pytest.fixture
def shaped(machine):
    """Run a prompt with a schema."""
    path = machine.project / "schema.json"
    path.write_text(json.dumps(SCHEMA))

    def run(model, *args, prompt=("What is 6 times 7?",)):
        return machine.run("run", "--model", model, "--schema", str(path), *args, *prompt)

    return run


def held(server):
    return [any(name in asked.body for name in FIELDS) for asked in server.requests]


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_of_the_schema_needs_no_second_request(serve, shaped, model):
    server = serve(GOOD)
    ran = shaped(model)
    assert (ran.code, ran.out, ran.err) == (0, GOOD + "\n", "")
    assert held(server) == [False]
    assert '"required": ["n"]' in server.requests[0].body["messages"][-1]["content"]


@pytest.mark.parametrize("model", MODELS)
def test_words_after_a_block_are_asked_for_again_held_to_the_schema(serve, shaped, model):
    server = serve(BLOCK, "It is **42**.", GOOD)
    ran = shaped(model, "--output", "json")
    told = ran.json
    assert (ran.code, told["answer"], told["steps"]) == (0, GOOD, 3)
    assert len(told["tool_calls"]) == 1
    assert held(server) == [False, False, True]
    if not told["usage"]["estimated"]:  # where a block is cut off, nobody counts its message
        assert told["usage"]["output_tokens"] == server.tokens
    last = server.requests[-1].body
    assert "tools" not in last
    assert "is not JSON" in last["messages"][-1]["content"]


def test_native_calls_before_the_answer_are_told_as_text_where_no_tools_are_offered(serve, shaped):
    server = serve(Reply(calls=(("python", {"code": "6 * 7"}),)), "It is 42.", GOOD)
    ran = shaped(MODELS[1])
    assert (ran.code, ran.out) == (0, GOOD + "\n")
    assert ["tools" in asked.body for asked in server.requests] == [True, True, False]
    assert "tool_calls" not in json.dumps(server.requests[-1].body["messages"])
    assert held(server) == [False, False, True]


def test_an_answer_between_marks_of_code_comes_without_them(serve, shaped):
    serve(f"```json\n{GOOD}\n```")
    assert shaped(MODELS[0]).out == GOOD + "\n"


@pytest.mark.parametrize("model", MODELS)
def test_a_service_that_refuses_the_field_is_asked_for_less(serve, shaped, model):
    said = "response_format: json_schema is not supported"
    refused = Refused(400, {"error": said if "ollama" in model else {"message": said}})
    server = serve("It is 42.", refused, GOOD)
    ran = shaped(model)
    assert (ran.code, ran.out) == (0, GOOD + "\n"), ran
    assert held(server) == [False, True, True]


@pytest.mark.parametrize("model", MODELS)
def test_where_no_answer_holds_the_last_stays_on_standard_error(serve, shaped, model):
    server = serve("It is 42.", '{"n": "42"}', '{"n": 4.5}')
    ran = shaped(model)
    assert (ran.code, ran.out) == (1, ""), ran
    assert '{"n": 4.5}' in ran.err
    assert "the answer does not hold to the schema: /n is not of type integer" in ran.err
    assert held(server) == [False, True, True]
    assert "/n is not of type integer" in server.requests[-1].body["messages"][-1]["content"]


def test_a_limit_ends_it_without_json(serve, shaped):
    serve(BLOCK)
    ran = shaped(MODELS[0], "--max-steps", "1")
    assert (ran.code, ran.out) == (6, "")


def test_the_log_has_the_schema_and_the_session_still_verifies(machine, serve, shaped):
    serve(BLOCK, "It is 42.", GOOD)
    assert shaped(MODELS[0]).code == 0
    (path,) = machine.sessions.glob("*.jsonl")
    records = machine.log(path.stem)[1:]
    begun = [each["data"].get("schema") for each in records if each["type"] == "step.started"]
    spoke = [each["data"].get("source") for each in records if each["type"] == "turn.started"]
    assert (begun, spoke) == ([None, None, SCHEMA], [None, "schema"])
    assert machine.run("verify", path.stem).code == 0
    assert "It is 42." in machine.run("replay", path.stem, "--instant").out


def test_a_provider_that_cannot_says_so_before_anything_is_sent(shaped):
    ran = shaped("demo/assistant")
    assert (ran.code, ran.out) == (4, "")
    assert "demo/assistant cannot be held to a schema" in ran.err


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is not JSON"), ('{"if": {}}', "'if', which is not checked here")]
)
def test_a_file_that_is_no_schema_is_told_before_anything_is_sent(
    machine, serve, shaped, text, said
):
    server = serve(GOOD)
    (machine.project / "schema.json").write_text(text)
    ran = shaped(MODELS[0])
    assert (ran.code, ran.out, server.requests) == (4, "", [])
    assert said in ran.err
