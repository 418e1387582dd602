"""Nothing of a session that was erased is left: the bytes of every file are looked through."""

import os
import secrets
import shutil
import sqlite3
from base64 import b64encode
from contextlib import closing

import pytest

from tests.cli.machine import until
from tests.repl.terminal import PROMPT
from tests.repl.traces import forms, traces

SESSION = ("--session", "mine", "--write", "real", "--approval", "auto")
WORD = "Kanarienvögel"


@pytest.fixture
def canary():
    return f"{WORD}{secrets.token_hex(8)}"


@pytest.fixture
def left(machine, canary):
    """Return where the canary is, but for the project, whose files are the person's own."""
    return lambda: traces(machine.root, canary, but=[machine.project])


@pytest.mark.parametrize("name", forms("Kanarienvögel0123456789abcdef"))
def test_the_scan_finds_each_form(tmp_path, canary, name):
    form = forms(canary)[name]
    (tmp_path / "file").write_bytes(b"\0\xff" + form + b"\n")
    assert name in traces(tmp_path, canary)[tmp_path / "file"]
    (tmp_path / "file").write_bytes(form[1:])
    assert name not in traces(tmp_path, canary).get(tmp_path / "file", ())


@pytest.mark.parametrize("before", range(7))
def test_the_scan_finds_base64_wherever_it_begins(tmp_path, canary, before):
    (tmp_path / "file").write_bytes(b64encode(b"." * before + canary.encode() + b"..."))
    assert any(name.startswith("base64") for name in traces(tmp_path, canary)[tmp_path / "file"])


def told(machine, canary):
    """A model that writes the canary, and runs a block that prints it often and leaves files."""
    code = (
        f"import os, pathlib\nword = {canary!r}\nprint((word + '\\n') * 6000)\n"
        "pathlib.Path('/tmp/left').write_text(word)\nos.makedirs('/tmp/artifacts')\n"
        "pathlib.Path('/tmp/artifacts/left').write_text(word)\n"
        "pathlib.Path('real/kept').write_text('another')\npathlib.Path('copied').write_text(word)"
    )
    block = f"I see {canary}.\n\n<helpers>\n{code}\n</helpers>\n"
    return machine.script(block, f"It was {canary}.", "And again.", "Once more.")


def talk(machine, chat, canary, found="mine"):
    """A chat with all that leaves traces, killed in the end; return nothing but what it left.

    `found` is what a search in it says.
    """
    real = machine.project / "real"
    real.mkdir()
    (real / "kept").write_text(canary)
    (machine.project / "note").write_text(f"{canary}\n")
    terminal = chat("--model", told(machine, canary), *SESSION)
    terminal.turn(f"What is {canary}?", "It was")
    terminal.say("!cat note")
    terminal.wait(canary, PROMPT)
    terminal.say("/fork other")
    terminal.wait("other", PROMPT)
    terminal.turn(f"And {canary} again?", "And again.")
    terminal.say("/export html page.html")
    terminal.wait("written:", PROMPT)
    terminal.say(f"/sessions {canary}")
    terminal.wait(found, PROMPT)
    terminal.say("/sessions something else")
    terminal.wait(PROMPT)
    terminal.kill()
    until(lambda: not machine.processes())


def test_nothing_of_an_erased_session_is_left_in_any_file(machine, chat, canary, left):
    machine.run("run", "--model", machine.script("Yes."), "--session", "stays", "Something else.")
    talk(machine, chat, canary)
    by_another_name = machine.root / "link"
    by_another_name.symlink_to(machine.sessions)
    ran = machine.run("sessions", "search", canary, LLMREPL_SESSIONS_DIRECTORY=by_another_name)
    assert "mine" in ran.out
    machine.run("sessions", "search", "something")

    places = {path.relative_to(machine.root).parts[0:4] for path in left()}
    home = ("home", ".local", "share", "llmrepl")
    assert {home, ("home", ".cache", "llmrepl", "search")} <= places
    assert any(place[0] == "temporary" for place in places)
    names = {path.name for path in left()}
    assert {"mine.jsonl", "other.jsonl", "history"} <= names
    assert len(list((machine.home / ".cache/llmrepl/search").glob("*.db"))) == 2

    ran = machine.run("sessions", "rm", "mine", "--forks", "--yes")
    assert (ran.code, ran.lines) == (0, ["deleted mine", "deleted other"])
    assert left() == {}
    ran = machine.run("sessions", "search", "something")
    assert "stays" in ran.out
    assert machine.run("audit", "verify").code == 0
    assert (machine.sessions.parent / "history").read_text() == ""


def test_a_sealed_chat_is_in_the_history_alone_and_goes_from_there_as_well(
    machine, chat, canary, left
):
    file = machine.home / "key"
    (recipient,) = machine.run("sessions", "key", "--file", file).lines
    machine.env |= {"LLMREPL_SESSIONS_ENCRYPT": recipient, "LLMREPL_SESSIONS_IDENTITY": str(file)}
    talk(machine, chat, canary, "sealed, not searched: 2")
    assert canary in machine.run("sessions", "search", "--sealed", canary).out
    assert {path.name for path in left() if not path.is_relative_to(machine.temporary)} == {
        "history"
    }
    ran = machine.run("sessions", "rm", "mine", "--forks", "--yes")
    assert (ran.code, ran.lines) == (0, ["deleted mine", "deleted other"])
    assert left() == {}


def test_what_is_pruned_leaves_no_byte_either(machine, canary, left):
    model = told(machine, canary)
    (machine.project / "real").mkdir()
    machine.run("run", "--model", model, "--session", "mine", f"What is {canary}?")
    machine.run("sessions", "search", canary)
    assert len(left()) == 3  # the log, a blob and the index
    os.utime(machine.sessions / "mine.jsonl", (0, 0))
    ran = machine.run("sessions", "prune", "--days", "30", "--yes")
    assert ran.lines == ["deleted mine"]
    assert left() == {}


def test_an_index_that_another_program_reads_is_left_with_nothing(machine, canary, left):
    machine.run("run", "--model", told(machine, canary), "--session", "mine", f"What is {canary}?")
    machine.run("sessions", "search", canary)
    (file,) = (machine.home / ".cache/llmrepl/search").glob("*.db")
    with closing(sqlite3.connect(file, isolation_level=None)) as base:
        base.execute("BEGIN")
        assert base.execute("SELECT count(*) FROM texts").fetchone() > (0,)
        ran = machine.run("sessions", "rm", "mine", "--yes")
        assert ran.code == 0
        assert left() == {}


def test_the_audit_log_is_what_keeps_a_blocks_first_line(machine, canary, left):
    model = machine.script(f"<helpers>\nprint({canary!r})\n</helpers>\n", "Done.")
    machine.run("run", "--model", model, "--session", "mine", "Go on.")
    ran = machine.run("sessions", "rm", "mine", "--yes")
    assert "The audit log keeps the first line of each block that ran" in ran.err
    assert [path.parent.name for path in left()] == ["audit"]


def test_a_copy_elsewhere_is_not_touched(machine, canary, left):
    machine.run("run", "--model", told(machine, canary), "--session", "mine", f"What is {canary}?")
    elsewhere = machine.home / "mine.jsonl"
    shutil.copy(machine.sessions / "mine.jsonl", elsewhere)
    machine.run("sessions", "rm", "mine", "--yes")
    assert list(left()) == [elsewhere]


def test_unasked_pruning_happens_when_a_chat_ends_where_the_setting_says_so(machine, chat):
    model = machine.script("Yes.")
    machine.run("run", "--model", model, "--session", "old", "Something.")
    os.utime(machine.sessions / "old.jsonl", (0, 0))
    for setting, goes in (("", False), ("prune = true", True)):
        machine.configure(f"[sessions]\nkeep_days = 30\n{setting}\n")
        terminal = chat("--model", model)
        terminal.turn("Something.", "Yes.")
        assert terminal.leave() == 0, terminal.text
        assert ("pruned 1 session: old" in terminal.text) is goes
        assert (machine.sessions / "old.jsonl").exists() is not goes


def test_a_chat_tags_its_session(machine, chat):
    terminal = chat("--model", machine.script("Yes."), "--session", "mine")
    terminal.turn("Something.", "Yes.")
    terminal.say("/tag")
    terminal.wait("no tags; /tag keep", PROMPT)
    terminal.say("/tag keep #work")
    terminal.wait("#keep #work · never pruned: keep", PROMPT)
    terminal.say("/tag -keep")
    terminal.wait("#work\n", PROMPT)
    assert terminal.leave() == 0
    assert machine.run("sessions", "tag", "mine").lines == ["work"]
