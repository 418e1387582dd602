"""Sealed sessions from the outside: what works with the key, what without it, and what is seen."""

import json
import secrets
import sys
from pathlib import Path

import pytest

from tests.repl.traces import traces

ROOT = Path(__file__).parents[2]
CODE = "print(({word!r} + '\\n') * 6000)"


def sealed(machine, name="key"):
    """Seal what is said on this machine from now on; return the file of the key."""
    file = machine.home / name
    (recipient,) = machine.run("sessions", "key", "--file", file).lines
    machine.env |= {"LLMREPL_SESSIONS_ENCRYPT": recipient, "LLMREPL_SESSIONS_IDENTITY": str(file)}
    return file


@pytest.fixture
def word():
    return f"Kanarienvögel{secrets.token_hex(8)}"


@pytest.fixture
def model(machine, word):
    block = f"I see {word}.\n\n<helpers>\n# a block\n{CODE.format(word=word)}\n</helpers>\n"
    return machine.script(block, f"It was {word}.", "And again.")


def said(machine, model, word, session="mine"):
    ran = machine.run("run", "--model", model, "--session", session, f"What is {word}?")
    assert ran.code == 0, ran
    assert word in ran.out


WITH_KEY = {
    "list": ("sessions", "list"),
    "tree": ("sessions", "tree", "mine"),
    "show": ("sessions", "show", "mine"),
    "records": ("sessions", "show", "mine", "--json"),
    "a state": ("sessions", "show", "mine", "--at", "3"),
    "what was sent": ("sessions", "show", "mine", "--context", "1.2"),
    "watch": ("sessions", "watch", "mine"),
    "watch records": ("sessions", "watch", "mine", "--json"),
    "export": ("sessions", "export", "mine"),
    "html": ("sessions", "export", "mine", "--format", "html"),
    "cast": ("sessions", "export", "mine", "--format", "cast"),
    "compare": ("sessions", "compare", "mine", "mine"),
    "search": ("sessions", "search", "--sealed", "Kanarien"),
    "replay": ("replay", "mine", "--instant"),
    "verify": ("verify", "mine"),
    "what if": ("whatif", "mine", "--model", "groq/llama-3.3-70b-versatile"),
}
SILENT = ("compare", "verify", "what if")
"""Those that do not show what was said."""


def test_with_the_key_everything_works_and_no_byte_on_the_disk_tells_a_word(machine, model, word):
    sealed(machine)
    said(machine, model, word)
    wrong = []
    for name, words in WITH_KEY.items():
        ran = machine.run(*words)
        if ran.code or (name not in SILENT and word not in ran.out):
            wrong.append((name, ran))
    assert wrong == []
    assert machine.run("sessions", "fork", "mine", "--name", "copy").lines == ["copy"]
    assert machine.run("sessions", "tag", "copy", "work").lines == ["work"]
    ran = machine.run("run", "--model", model, "--resume", "copy", f"And {word}?")
    assert (ran.code, ran.out) == (0, "And again.\n")
    assert machine.run("sessions", "pack", "copy").code == 0
    assert word in machine.run("sessions", "show", "copy").out
    ran = machine.run("sessions", "search", word)
    assert "sealed, not searched: 2; --sealed opens and searches them" in ran.err
    assert len(list((machine.sessions / "blobs").iterdir())) == 2  # the system prompt is one
    assert traces(machine.root, word, but=[machine.project]) == {}
    assert machine.run("sessions", "rm", "mine", "copy", "--yes").code == 0
    assert [path for path in machine.sessions.rglob("*") if path.is_file()] == []


def test_without_the_key_it_is_said_what_is_missing_and_nothing_is_changed(machine, model, word):
    sealed(machine)
    said(machine, model, word)
    path = machine.sessions / "mine.jsonl"
    before = path.read_bytes()
    machine.env["LLMREPL_SESSIONS_IDENTITY"] = "/nowhere/key"
    needy = [words for name, words in WITH_KEY.items() if name not in ("list", "tree")]
    needy += [
        ("run", "--model", model, "--resume", "mine", "on"),
        ("sessions", "fork", "mine"),
        ("sessions", "tag", "mine", "keep"),
    ]
    told = "cannot be opened: its key /nowhere/key cannot be read: No such file or directory"
    for words in needy:
        ran = machine.run(*words)
        assert told in ran.err + ran.out, words
        assert word not in ran.out + ran.err
        # These say it of each session, and have done what they were asked for.
        assert words[0] == "verify" or words[1] == "search" or ran.code == 1, (
            words,
            ran,
        )
    ran = machine.run("run", "--model", model, "--continue", "on")
    assert "to go on with; 1 are sealed, and no key is here" in ran.err
    (row,) = map(json.loads, machine.run("sessions", "list", "--json").lines)
    assert (row["state"], row["prompt"], row["cwd"]) == ("sealed", "", "")
    assert "(sealed, and no key is here)" in machine.run("sessions", "tree", "mine").out
    ran = machine.run("sessions", "upgrade", "mine", "--encrypt")
    assert ran.lines == ["mine is sealed already"]
    for command in ("pack", "unpack"):
        assert machine.run("sessions", command, "mine").code == 0
    assert path.read_bytes() == before
    assert machine.run("sessions", "rm", "mine", "--yes").lines == ["deleted mine"]
    assert [path for path in machine.sessions.rglob("*") if path.is_file()] == []


def test_another_key_opens_nothing_and_says_so(machine, model, word):
    sealed(machine)
    said(machine, model, word)
    sealed(machine, "another")
    ran = machine.run("sessions", "show", "mine")
    assert ran.code == 1
    assert f"it is sealed for other keys than {machine.home / 'another'}" in ran.err


def test_whoever_goes_on_with_a_plain_session_is_told_what_seals_it(machine, model, word):
    said(machine, model, word)
    sealed(machine)
    ran = machine.run("run", "--model", model, "--resume", "mine", "And?")
    assert "mine is not sealed" in ran.err
    assert "`llmrepl sessions upgrade --encrypt mine`" in ran.err
    assert machine.run("sessions", "upgrade", "--encrypt", "mine").lines == ["sealed mine"]
    assert "not sealed" not in machine.run("run", "--model", model, "--resume", "mine", "And?").err


def test_a_plain_session_that_is_sealed_leaves_no_word_in_log_blobs_and_index(machine, model, word):
    said(machine, model, word)
    assert "mine" in machine.run("sessions", "search", word).out
    assert traces(machine.root, word, but=[machine.project]) != {}
    ran = machine.run("sessions", "upgrade", "mine", "--encrypt")
    assert ran.code == 1
    assert "set sessions.encrypt to age recipients, or to `keyring`" in ran.err
    sealed(machine)
    assert machine.run("sessions", "upgrade", "mine", "--encrypt").lines == ["sealed mine"]
    assert traces(machine.root, word, but=[machine.project]) == {}
    assert word in machine.run("sessions", "show", "mine").out
    assert word in machine.run("sessions", "search", "--sealed", word).out


def test_a_changed_byte_is_shown_and_what_was_before_it_goes_on_sealed(machine, model, word):
    sealed(machine)
    said(machine, model, word)
    path = machine.sessions / "mine.jsonl"
    lines = path.read_bytes().split(b"\n")
    at = lines[5].index(b'"sealed":"') + 20
    lines[5] = (
        lines[5][:at] + (b"A" if lines[5][at : at + 1] != b"A" else b"B") + lines[5][at + 1 :]
    )
    damaged = b"\n".join(lines)
    path.write_bytes(damaged)
    ran = machine.run("sessions", "show", "mine")
    assert (ran.code, word in ran.out) == (0, True)
    assert "mine.jsonl line 6" in ran.err
    assert "the 4 records before it are shown" in ran.err
    ran = machine.run("run", "--model", model, "--resume", "mine", "on", "--output", "json")
    assert ran.code == 0
    assert path.read_bytes() == damaged
    copy = ran.json["session"]
    assert copy != "mine"
    assert word in machine.run("sessions", "show", copy).out
    assert traces(machine.root, word, but=[machine.project]) == {}


@pytest.fixture
def ring(machine):
    """The file of a keyring."""
    file = machine.root / "ring"
    machine.env |= {
        "PYTHON_KEYRING_BACKEND": "tests.cli.ring.FileRing",
        "PYTHONPATH": str(ROOT),
        "RING": str(file),
    }
    return file


def test_the_key_is_made_once_in_the_keyring_and_seals_and_opens(machine, ring, model, word):
    machine.env["LLMREPL_SESSIONS_ENCRYPT"] = "keyring"
    ran = machine.run("run", "--model", model, "hello")
    assert ran.code == 1
    assert "there is no key for sessions in the system's keyring" in ran.err
    assert "`llmrepl sessions key` makes one" in ran.err
    made = machine.run("sessions", "key")
    assert made.out.startswith("age1")
    assert "the key is now in the system's keyring" in made.err
    again = machine.run("sessions", "key")
    assert (again.out, "was already" in again.err) == (made.out, True)
    said(machine, model, word)
    assert word in machine.run("sessions", "show", "mine").out
    kept = ring.read_text()
    for held, told in {
        "{}": "it is sealed, and there is no key in the system's keyring",
        "locked": "the system's keyring cannot be used: the keyring is locked",
        kept.replace("AGE-SECRET", "SECRET"): "what is in the system's keyring is no age identity",
    }.items():
        ring.write_text(held)
        ran = machine.run("sessions", "show", "mine")
        assert (ran.code, told in ran.err) == (1, True), ran
    assert traces(machine.root, word, but=[machine.project]) == {}


@pytest.mark.parametrize("package", ["cryptography", "pyrage", "keyring"])
def test_a_package_that_is_missing_is_named_with_what_installs_it(machine, model, word, package):
    sealed(machine)
    said(machine, model, word)
    where = machine.root / "modules"
    where.mkdir()
    (where / f"{package}.py").write_text("raise ImportError('not installed')\n")
    machine.env["PYTHONPATH"] = str(where)
    command = f"{sys.executable} -m pip install 'llmrepl[encryption]'"
    hint = f"`{command}` installs what sealed sessions need"
    if package == "keyring":
        machine.env |= {"LLMREPL_SESSIONS_IDENTITY": "", "LLMREPL_SESSIONS_ENCRYPT": "keyring"}
    else:
        assert "[sealed]" in machine.run("sessions", "list").out
    for words in (("sessions", "show", "mine"), ("run", "--model", model, "hello")):
        ran = machine.run(*words)
        assert ran.code == 1
        assert f"needs the package {package}" in ran.err
        assert hint in ran.err
    assert [path.name for path in machine.sessions.glob("*.jsonl")] == ["mine.jsonl"]


def test_what_is_no_recipient_is_refused_with_what_is(machine):
    ran = machine.run("sessions", "list", LLMREPL_SESSIONS_ENCRYPT="age1nonsense")
    assert ran.code == 4
    assert "a list of `keyring` and age recipients" in ran.err
    almost = "age1" + "q" * 58
    ran = machine.run("run", "hello", LLMREPL_SESSIONS_ENCRYPT=almost)
    assert ran.code == 1
    assert "sessions.encrypt names what is no age recipient" in ran.err
