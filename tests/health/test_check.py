"""`llmrepl check`: what works here, told in three forms, and how to mend what does not."""

import json

import pytest

from llmrepl.compose.checks import ORDER
from llmrepl.executors.tiers import TIERS
from llmrepl.testing import Refused, Reply
from llmrepl.usage import Usage
from tests.cli.machine import NOBODY, WITHOUT_BUBBLEWRAP, until

FIELDS = {
    *("name", "subject", "status", "message", "fix", "repairable", "ms", "measures", "details")
}


def rows(ran):
    return [json.loads(line) for line in ran.lines]


def test_all_is_well_where_it_is(machine, serve):
    server = serve("pong", *["pong"] * 9)
    machine.configure('model = "ollama/llama3.2"\n')
    ran = machine.run("check", "--model", "ollama/llama3.2")
    assert (ran.code, ran.err) == (0, "")
    assert not [line for line in ran.lines if line[0] not in "✓-"]
    assert str(machine.user_file) in ran.lines[0]
    assert any("no network" in line for line in ran.lines)
    assert any(line.startswith("✓ ollama/llama3.2 ") for line in ran.lines)
    assert len(server.requests) == 1


def test_a_heartbeat_tells_its_time_its_tokens_and_its_price(machine, serve):
    serve(Reply("pong", usage=Usage(12, 3)))
    ran = machine.run("check", "provider", "--model", "groq/llama-3.3-70b-versatile")
    (line,) = ran.lines
    assert line.startswith("✓ groq/llama-3.3-70b-versatile ")
    assert line.endswith(" s ↑12 ↓3 $0.0000")


def test_every_provider_that_is_configured_has_a_heartbeat(machine, serve):
    serve(*["pong"] * 3, models=("llama3.2:latest",))
    machine.configure('model = "openai/x"\n[models]\ncompact = ["groq/y"]\n')
    ran = machine.run("check", "provider")
    assert sorted(line.split()[1] for line in ran.lines) == [
        "groq/y",
        "ollama/llama3.2:latest",
        "openai/x",
    ]


def test_what_no_chain_asks_is_no_failure(machine):
    ran = machine.run("check", "--json", "provider", LLMREPL_MODEL="demo/assistant")
    assert ran.code == 0
    assert {row["subject"]: row["status"] for row in rows(ran)} == {
        "demo/assistant": "ok",
        "ollama": "warning",
    }


def test_findings_as_json_are_a_contract(machine, serve):
    serve("pong")
    ran = machine.run("check", "--json", "--model", "openai/x")
    assert ran.code == 0
    assert list(dict.fromkeys(row["name"] for row in rows(ran))) == list(ORDER)
    for row in rows(ran):
        assert row.keys() == FIELDS
        assert row["status"] in ("ok", "skipped")


def test_the_sandbox_s_check_tells_what_was_tried_seen_and_measured(machine):
    ran = machine.run("check", "sandbox", "--json", "--model", "demo/assistant")
    (row,) = rows(ran)
    details = row["details"]
    assert (details["tier"], details["variant"]) == ("bubblewrap", "full")
    assert all(proof["ok"] and proof["tried"] for proof in details["proofs"])
    for what in ("start", "python", "bash"):
        assert details[what]["ms"] > 0
        assert details[what]["bare_ms"] > 0
    shown = machine.run("check", "sandbox", "--model", "demo/assistant").lines
    for proof in details["proofs"]:
        assert any(f"proven: {proof['name']}: {proof['tried']}" in line for line in shown)
    assert any(line.strip().startswith("bash block: ") for line in shown)


def test_the_check_of_a_weaker_sandbox_is_a_warning_with_its_gaps(machine):
    args = ("check", "sandbox", "--sandbox", "reduced", "--model", "demo/assistant")
    ran = machine.run(*args)
    assert ran.code == 0
    assert ran.lines[0].startswith("! sandbox: REDUCED sandbox: landlock with ")
    for gap in TIERS["reduced"].gaps:
        assert f"    gap: {gap}" in ran.lines


def test_only_the_checks_that_are_named_are_made(machine):
    ran = machine.run("check", "--json", "sessions", "configuration")
    assert [row["name"] for row in rows(ran)] == ["sessions", "configuration"]


def test_a_missing_sandbox_fails_with_the_command_that_mends_it(machine):
    demo = ("--model", "demo/assistant")
    ran = machine.run("check", *demo, command=WITHOUT_BUBBLEWRAP)
    assert ran.code == 1
    place = next(i for i, line in enumerate(ran.lines) if line.startswith("✗ sandbox: "))
    assert "no bwrap on PATH" in ran.lines[place]
    assert "apt install bubblewrap" in ran.lines[place + 1]
    assert [line for line in ran.lines if line.startswith("✗")] == [ran.lines[place]]


@pytest.mark.parametrize(("status", "fix"), [(401, "OPENAI_API_KEY"), (404, "it has llama3.2")])
def test_a_provider_that_refuses_fails_with_what_mends_it(machine, serve, status, fix):
    serve(Refused(status), models=("llama3.2",))
    ran = machine.run("check", "--json", "--model", "openai/lama", "provider")
    assert ran.code == 1
    assert rows(ran)[0]["status"] == "failed"
    assert fix in rows(ran)[0]["fix"]


def test_a_server_that_is_not_there_fails_with_what_starts_it(machine):
    ran = machine.run("check", "--model", "ollama/x", "provider")
    assert ran.code == 1
    assert ran.lines[0].startswith(f"✗ provider: ollama/x: No server answers at {NOBODY}")
    assert "ollama serve" in ran.lines[1]


def test_a_model_of_no_provider_is_a_failed_check(machine):
    ran = machine.run("check", "--json", "--model", "nobody/x", "provider")
    assert ran.code == 1
    assert "there is no provider 'nobody'" in rows(ran)[0]["message"]


def test_sessions_that_cannot_be_written_fail_the_check(machine):
    machine.sessions.parent.mkdir(parents=True)
    machine.sessions.write_text("a file, not a directory")
    ran = machine.run("check", "--json", "sessions")
    assert ran.code == 1
    assert rows(ran)[0]["status"] == "failed"
    assert str(machine.sessions) in rows(ran)[0]["message"]


def test_a_model_is_chosen_as_the_manual_says(machine, serve):
    assert "demo/assistant" in machine.run("check", "provider").out
    serve(*["pong"] * 99, models=("llama3.2:latest",))

    def first(**environ):
        return machine.run("check", "provider", **environ).lines[0]

    # It is looked for so briefly that a busy machine may need a second try.
    until(lambda: "ollama/llama3.2:latest" in first(GROQ_API_KEY=None))
    assert "groq/llama-3.3-70b-versatile" in first()
    assert "openai/x" in first(LLMREPL_MODEL="openai/x")
