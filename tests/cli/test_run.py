"""`llmrepl run` against a model server on this machine, through the real SDKs and the sandbox."""

import json

import pytest

from llmrepl.testing import Reply, Wire
from llmrepl.usage import Usage

TURN = (
    "I'll compute it.\n\n<helpers>\nprint('from python')\n6 * 7\n</helpers>\n",
    'Now the shell.\n\n<helpers lang="bash">\necho out; echo err >&2; exit 3\n</helpers>\n',
    "The answer is **42**.",
)
PRICED = "groq/llama-3.3-70b-versatile"


@pytest.mark.parametrize("model", ["ollama/llama3.2", PRICED, "openai/some-model"])
def test_a_turn_of_three_steps_is_told_in_full(machine, serve, model):
    server = serve(*TURN)
    command = ("run", "--model", model, "--output", "json", "What is 6 times 7?")
    ran = machine.run(*command, LLMREPL_MODELS_TOOLS="blocks")

    assert (ran.code, ran.err) == (0, ""), ran
    told = ran.json
    assert told["model"] == model
    assert told["stop"] == "end_turn"
    assert told["answer"] == "The answer is **42**."
    assert told["steps"] == 3
    assert told["ms"] > 0
    assert told["usage"] == {
        "input_tokens": sum(len(request.content) // 4 for request in server.requests),
        "output_tokens": server.tokens,
        "estimated": False,
    }
    python, bash = told["tool_calls"]
    assert python["language"] == "python"
    assert python["code"] == "print('from python')\n6 * 7"
    assert (python["status"], python["exit_code"]) == ("ok", 0)
    assert (python["stdout"], python["stderr"], python["value"]) == ("from python\n", "", "42")
    assert bash["language"] == "bash"
    assert (bash["status"], bash["exit_code"]) == ("error", 3)
    assert (bash["stdout"], bash["stderr"], bash["value"]) == ("out\n", "err\n", None)
    assert all(call["ms"] > 0 for call in told["tool_calls"])

    sent = server.requests[2].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user", *["assistant", "user"] * 2]
    assert "from python" in sent[3]["content"]
    assert 'status="error" exit_code="3"' in sent[5]["content"]
    assert list(machine.temporary.iterdir()) == machine.processes() == []


def test_what_a_server_does_not_count_is_estimated(machine, serve):
    serve("Hello there, friend.", wire=Wire(usage="none"))
    told = machine.run("run", "--model", "openai/x", "--output", "json", "hello").json
    assert told["usage"]["estimated"] is True
    assert told["usage"]["input_tokens"] > 500
    assert 3 <= told["usage"]["output_tokens"] <= 8


def test_a_local_model_costs_nothing(machine, serve):
    serve(*TURN)
    told = machine.run("run", "--model", "ollama/llama3.2", "--output", "json", "hello").json
    assert told["cost_usd"] == 0


def test_a_priced_model_costs_what_its_price_says(machine, serve):
    serve(*TURN)
    told = machine.run("run", "--model", PRICED, "--output", "json", "hello").json

    finished = [
        r["data"] for r in machine.log(told["session"])[1:] if r["type"] == "message.finished"
    ]
    assert len(finished) == 3
    total = 0.0
    for message in finished:
        price, usage = message["cost"]["price"], message["usage"]
        assert float(price["input"]) > 0
        assert float(price["output"]) > 0
        total += float(price["input"]) * usage["input_tokens"] / 1e6
        total += float(price["output"]) * usage["output_tokens"] / 1e6
    assert told["cost_usd"] == pytest.approx(total)
    assert told["cost_usd"] > 0


def test_a_model_of_unknown_price_has_no_cost(machine, serve):
    serve(*TURN)
    told = machine.run("run", "--model", "groq/model-of-tomorrow", "--output", "json", "hello").json
    assert told["cost_usd"] is None


def test_a_price_of_ones_own_counts(machine, serve):
    machine.configure('[prices."groq/model-of-tomorrow"]\ninput = 1.0\noutput = 10.0\n')
    serve("Hello.")
    told = machine.run("run", "--model", "groq/model-of-tomorrow", "--output", "json", "hello").json
    usage = told["usage"]
    expected = (usage["input_tokens"] + 10 * usage["output_tokens"]) / 1e6
    assert told["cost_usd"] == pytest.approx(expected)


def test_text_is_the_final_answer_alone(machine, serve):
    serve(*TURN)
    ran = machine.run("run", "--model", "ollama/x", "hello")
    assert (ran.code, ran.out, ran.err) == (0, "The answer is **42**.\n", "")


def test_stream_json_is_the_log_line_by_line(machine, serve):
    serve(*TURN)
    ran = machine.run(
        "run", "--model", "ollama/x", "--session", "s", "--output", "stream-json", "hi"
    )
    assert ran.code == 0
    logged = (machine.sessions / "s.jsonl").read_text().splitlines()
    assert ran.lines == logged[1:]
    assert json.loads(ran.lines[-1])["type"] == "turn.finished"


def test_stream_json_streams_without_a_log_too(machine, serve):
    serve(*TURN)
    ran = machine.run("run", "--model", "ollama/x", "--no-save", "--output", "stream-json", "hi")
    assert ran.code == 0
    records = [json.loads(line) for line in ran.lines]
    assert [record["seq"] for record in records] == list(range(1, 19))
    assert records[0]["type"] == "turn.started"
    assert records[-1]["type"] == "turn.finished"
    assert not machine.sessions.exists()


def test_text_piped_in_is_appended_to_the_prompt(machine, serve):
    server = serve("ok", "ok", "ok")
    machine.run("run", "--model", "ollama/x", "Summarise:", stdin="line 1\nline 2\n")
    machine.run("run", "--model", "ollama/x", "-", stdin="all of it")
    machine.run("run", "--model", "ollama/x", stdin="nothing else")
    asked = [request.body["messages"][-1]["content"] for request in server.requests]
    assert asked == ["Summarise:\n\nline 1\nline 2\n", "all of it", "nothing else"]


def test_the_system_file_goes_into_the_system_prompt(machine, serve):
    server = serve("ok")
    (machine.project / "rules.md").write_text("Answer like a pirate.")
    machine.run("run", "--model", "ollama/x", "--system", "rules.md", "--seed", "7", "hello")
    body = server.requests[0].body
    assert body["messages"][0]["role"] == "system"
    assert "Answer like a pirate." in body["messages"][0]["content"]
    assert body["options"]["seed"] == 7


def test_reasoning_is_no_part_of_the_answer(machine, serve):
    serve(Reply("The answer.", reasoning="<helpers>\nprint('never')\n</helpers>"))
    told = machine.run("run", "--model", "ollama/x", "--output", "json", "hello").json
    assert told["answer"] == "The answer."
    assert told["tool_calls"] == []


def test_a_reader_that_goes_away_ends_the_run_quietly(machine, serve):
    serve(*TURN)
    process = machine.start("run", "--model", "ollama/x", "--output", "stream-json", "hello")
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 1
    assert err == b""
    assert machine.processes() == []


def test_the_demonstration_answers_where_there_is_no_model(machine):
    ran = machine.run("run", "--output", "json", "What is 17 * 23?")
    assert ran.code == 0
    assert ran.json["model"] == "demo/assistant"
    assert "391" in ran.json["answer"]


def test_a_prompt_that_ollama_has_cut_is_said(machine, serve):
    serve(Reply("Well.", usage=Usage(700, 3)))
    ran = machine.run("run", "--model", "ollama/x", "--output", "stream-json", "one word " * 900)
    records = map(json.loads, ran.lines)
    notes = [record["data"] for record in records if record["type"] == "note.added"]
    assert len(notes) == 1
    assert "Ollama read 700 tokens" in notes[0]["text"]
