"""`sessions export` and `sessions import` from the outside."""

import json

import pytest

from llmrepl.exchange.formats import FORMATS

CHAT = [{"role": "user", "content": "My name is Ada."}, {"role": "assistant", "content": "Hello."}]


@pytest.fixture
def model(machine):
    return machine.script("I'll look.\n\n<helpers>\nprint('from the block')\n</helpers>\n", "Done.")


@pytest.fixture
def session(machine, model):
    assert machine.run("run", "--model", model, "--session", "mine", "What is here?").code == 0
    return "mine"


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_is_printed_or_written_to_a_file(machine, session, name):
    ran = machine.run("sessions", "export", "last", "--format", name)
    assert (ran.code, ran.err) == (0, "")
    assert "from the block" in ran.out.replace("&#x27;", "'")
    path = machine.project / "out"
    written = machine.run("sessions", "export", "mi", "--format", name, "--output", str(path))
    assert (written.code, written.out, written.err) == (0, "", "")
    assert path.read_text() == ran.out
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_has_no_secret_that_is_known_today(machine, session, name):
    machine.configure('redact = ["from the block", "What is here?"]\n')
    ran = machine.run("sessions", "export", session, "--format", name)
    assert ran.code == 0
    assert "[redacted:redact]" in ran.out
    assert "What is here?" not in ran.out


def test_an_export_of_a_damaged_session_says_where_it_ends(machine, session):
    path = machine.sessions / "mine.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b"{}\n", *lines[5:]]))
    ran = machine.run("sessions", "export", session)
    assert ran.code == 0
    assert "What is here?" in ran.out
    assert " line " in ran.err


def test_an_export_that_cannot_be_written_is_an_error(machine, session):
    ran = machine.run("sessions", "export", session, "--output", "/proc/nowhere")
    assert ran.code == 1
    assert "cannot write /proc/nowhere" in ran.err


def test_an_imported_conversation_can_be_gone_on_with(machine):
    path = machine.project / "chat.json"
    path.write_text(json.dumps([{"role": "system", "content": "x"}, *CHAT]))
    ran = machine.run("sessions", "import", str(path))
    assert ran.code == 0
    [session] = ran.lines
    assert ran.err == f"llmrepl: {session}: imported from openai\n"
    assert machine.run("sessions", "show", session, "--context").lines[:2] == ["── system ──", "x"]
    went_on = machine.run("run", "--resume", session, "--output", "json", "what is 2+2?")
    assert went_on.code == 0
    assert went_on.json["session"] == session
    assert went_on.json["model"] == "demo/assistant"
    shown = machine.run("sessions", "show", session)
    assert "❯ My name is Ada." in shown.out
    assert "imported from openai" in shown.out


def test_a_file_that_is_no_conversation_is_an_error(machine):
    ran = machine.run("sessions", "import", str(machine.project / "nothing.json"))
    assert (ran.code, ran.out) == (1, "")
    assert "cannot read" in ran.err
