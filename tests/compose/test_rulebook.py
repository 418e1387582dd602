"""Where rules are kept, and that nothing of a person's file is lost."""

import stat

import pytest

from llmrepl.approvals.rules import parse_rule
from llmrepl.compose.rulebook import Entry, Rulebook
from llmrepl.errors import ConfigError

MAKE, LIST = parse_rule("allow bash: make"), parse_rule("allow bash: ls")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config" / "permissions"


def lines(file):
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


def test_rules_are_kept_in_a_file_of_ones_own_until_they_are_revoked(file):
    Rulebook(file).add(MAKE)
    book = Rulebook(file)
    assert book.rules == (MAKE,)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    book.revoke(Entry(MAKE, "always"))
    assert book.rules == Rulebook(file).rules == ()
    assert lines(file) == []


def test_a_rule_is_kept_once(file):
    book = Rulebook(file)
    for _ in range(2):
        book.add(MAKE)
        book.add(LIST, always=False)
    assert lines(file) == [str(MAKE)]
    assert book.entries == (Entry(MAKE, "always"), Entry(LIST, "session"))


def test_rules_of_a_session_end_with_it(file):
    book = Rulebook(file)
    book.add(MAKE, always=False)
    assert book.rules == (MAKE,)
    assert Rulebook(file).rules == ()
    book.revoke(Entry(MAKE, "session"))
    assert book.rules == ()


def test_what_another_chat_added_is_kept(file):
    one, other = Rulebook(file), Rulebook(file)
    one.add(MAKE)
    other.add(LIST)
    assert lines(file) == [str(MAKE), str(LIST)]
    assert other.rules == (MAKE, LIST)
    one.revoke(Entry(LIST, "always"))
    assert lines(file) == [str(MAKE)]


def test_comments_and_odd_spelling_stay_as_they_are(file):
    file.parent.mkdir()
    text = "# mine\nallow   bash:   make\n\n  # more\nallow bash: ls"
    file.write_text(text)
    book = Rulebook(file)
    book.add(parse_rule("deny any: rm"))
    assert file.read_text() == text + "\ndeny any: rm\n"
    book.revoke(Entry(LIST, "always"))
    book.revoke(Entry(MAKE, "always"))
    assert file.read_text() == "# mine\n\n  # more\ndeny any: rm\n"


def test_a_rule_of_the_project_cannot_be_revoked(file, tmp_path):
    project = tmp_path / "project"
    project.write_text("ask bash: make\n")
    book = Rulebook(file, project)
    (entry,) = book.entries
    with pytest.raises(ConfigError, match="is a rule of the project"):
        book.revoke(entry)


@pytest.mark.parametrize("spoil", ["folder", "bytes", "line"])
def test_a_file_that_cannot_be_read_is_named(file, spoil):
    file.parent.mkdir()
    if spoil == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"\xff" if spoil == "bytes" else b"nonsense")
    with pytest.raises(ConfigError, match="permissions"):
        Rulebook(file)


def test_a_file_that_cannot_be_written_keeps_what_it_has(file):
    file.parent.mkdir()
    file.write_text("allow bash: ls\n")
    book = Rulebook(file)
    file.write_text("nonsense\n")
    with pytest.raises(ConfigError):
        book.add(MAKE)
    assert file.read_text() == "nonsense\n"
    assert book.rules == (LIST,)
