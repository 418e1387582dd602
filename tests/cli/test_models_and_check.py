"""`llmrepl models` and `llmrepl check`: what works here, and how to mend what does not."""

import json
import sys
import sysconfig
from pathlib import Path

import pytest

from llmrepl.executors.tiers import TIERS
from llmrepl.testing import Refused
from tests.cli.machine import NOBODY, WITHOUT_BUBBLEWRAP, until

ROOT = Path(__file__).parents[2]
CHECKS = ["configuration", "sandbox", "provider", "sessions", "audit", "estimates"]


def rows(ran):
    return [json.loads(line) for line in ran.lines]


def test_the_models_of_every_provider_that_answers_are_listed(machine, serve):
    serve(models=("llama3.2:latest", "qwen3:8b"))
    ran = machine.run("models")
    assert ran.code == 0
    told = (" needs a key", " llmrepl models add FILE adds one")
    of_plugins = [line for line in ran.err.splitlines() if line.endswith(told)]
    assert ran.err.splitlines() == of_plugins
    names = [line.split()[0] for line in ran.lines]
    for provider in ("ollama", "groq", "openai"):
        assert f"{provider}/llama3.2:latest" in names
        assert f"{provider}/qwen3:8b" in names
    assert "demo/assistant" in names
    assert "scripted/FILE" in names


def test_what_cannot_be_used_is_told_on_stderr_with_the_fix(machine):
    ran = machine.run("models")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.lines] == ["demo/assistant", "scripted/FILE"]
    assert f"No server answers at {NOBODY}" in ran.err
    assert "set GROQ_API_KEY" in ran.err
    assert "set OPENAI_API_KEY" in ran.err


def test_models_as_json_have_their_context(machine, serve):
    serve(models=("llama3.2:latest",))
    ran = machine.run("models", "--json")
    assert ran.code == 0
    found = {row["model"]: row["context"] for row in rows(ran)}
    assert found["groq/llama3.2:latest"] == 8192
    assert found["ollama/llama3.2:latest"] == 8192


def test_a_provider_that_fails_does_not_hide_the_others(machine, serve):
    serve(models=("llama3.2:latest",))
    ran = machine.run("models", OPENAI_BASE_URL=NOBODY)
    assert ran.code == 0
    assert "groq/llama3.2:latest" in ran.out
    assert "openai/" not in ran.out
    assert "openai/…" in ran.err


WITHOUT_LOCAL = """
import sys
sys.path += sys.argv[1].split(":")
del sys.argv[1]
from llmrepl.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def without_local(tmp_path):
    """Starts llmrepl in an environment that holds all but the package llmrepl-local."""
    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith("llmrepl_local"):
            (site / entry.name).symlink_to(entry)
    path = f"{site}:{ROOT}:{ROOT / 'plugins'}:{ROOT / 'plugins/llmrepl-providers'}"
    return (sys.executable, "-S", "-c", WITHOUT_LOCAL, path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("models", "add", "model.gguf"), "nothing here runs models from files"),
        (("models", "remove", "model"), "nothing here runs models from files"),
        (("run", "--model", "local/model", "Hello?"), "there is no provider 'local'"),
    ],
)
def test_without_the_package_for_files_the_error_says_how_to_get_it(
    machine, without_local, arguments, said
):
    ran = machine.run(*arguments, command=without_local)
    assert ran.code == 4
    first, hint = ran.err.splitlines()
    assert first == f"llmrepl: {said}"
    assert hint.startswith("  llmrepl-local brings it; in llmrepl's sources: ")
    assert hint.endswith(" -m pip install plugins/llmrepl-local")


def test_all_checks_pass_where_all_is_well(machine, serve):
    server = serve("pong")
    machine.configure('model = "ollama/llama3.2"\n')
    ran = machine.run("check")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split(":")[0] for line in ran.lines] == [f"✓ {name}" for name in CHECKS]
    assert str(machine.user_file) in ran.lines[0]
    assert "no network" in ran.lines[1]
    assert "ollama/llama3.2 answered in" in ran.lines[2]
    assert len(server.requests) == 1


def test_checks_as_json_are_objects(machine, serve):
    serve("pong")
    ran = machine.run("check", "--json", "--model", "openai/x")
    assert ran.code == 0
    assert [(row["name"], row["status"]) for row in rows(ran)] == [(name, "ok") for name in CHECKS]
    for row in rows(ran):
        details = row.pop("details", None)
        assert (details is not None) == (row["name"] == "sandbox")
        assert row.keys() == {"name", "status", "message", "fix"}


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
    assert ran.code == 3
    assert [line[0] for line in ran.lines if line[0] != " "] == ["✓", "✗", *"✓✓✓✓"]
    place = next(i for i, line in enumerate(ran.lines) if line.startswith("✗ sandbox: "))
    assert "no bwrap on PATH" in ran.lines[place]
    assert "apt install bubblewrap" in ran.lines[place + 1]

    told = machine.run("check", "--json", "sandbox", *demo, command=WITHOUT_BUBBLEWRAP)
    assert told.code == 3
    (row,) = rows(told)
    assert row["status"] == "failed"
    assert "apt install bubblewrap" in row["fix"]


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
    assert ran.lines[0].startswith(f"✗ provider: No server answers at {NOBODY}")
    assert "ollama serve" in ran.lines[1]


def test_a_model_of_no_provider_is_a_failed_check(machine):
    ran = machine.run("check", "--json", "--model", "nobody/x", "provider")
    assert ran.code == 1
    assert "there is no provider 'nobody'" in rows(ran)[0]["message"]


def test_damaged_sessions_are_a_warning_with_what_to_do(machine):
    machine.sessions.mkdir(parents=True)
    (machine.sessions / "broken.jsonl").write_text("nothing\n")
    ran = machine.run("check", "--json", "sessions")
    assert ran.code == 0
    assert rows(ran)[0]["status"] == "warning"
    assert "broken" in rows(ran)[0]["message"]
    assert "llmrepl" in rows(ran)[0]["fix"]


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
    # It is looked for so briefly that a busy machine may need a second try.
    until(
        lambda: "ollama/llama3.2:latest" in machine.run("check", "provider", GROQ_API_KEY=None).out
    )
    assert "groq/llama-3.3-70b-versatile" in machine.run("check", "provider").out
    chosen = machine.run("check", "provider", LLMREPL_MODEL="openai/x")
    assert "openai/x" in chosen.out
