"""Tags: given, taken away, kept by forks, and no use of a session."""

import json
import os

import pytest

from llmrepl.errors import LlmreplError, SessionLocked
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.keeping.tags import tag, tags_of
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from tests.sessions.sample import story, write


@pytest.fixture
def directory(tmp_path):
    write(tmp_path, story(2), session_id="a")
    return tmp_path


def has(directory, session_id):
    return tags_of(list(LogReader(directory / f"{session_id}.jsonl")))


def test_a_session_gets_tags_and_loses_them_again(directory):
    assert tag(directory, "a", ["work", "#keep"]) == ("work", "keep")
    assert tag(directory, "a", ["keep", "later"], ["work"]) == ("keep", "later")
    assert has(directory, "a") == ("keep", "later")
    reader = LogReader(directory / "a.jsonl")
    assert len(list(reader)) == len(story(2)) + 2
    assert reader.problem is None
    assert next(sessions(directory)).tags == ("keep", "later")


def test_a_tag_that_is_there_already_writes_nothing(directory):
    tag(directory, "a", ["keep"])
    before = (directory / "a.jsonl").read_bytes()
    assert tag(directory, "a", ["keep"], ["other"]) == ("keep",)
    assert (directory / "a.jsonl").read_bytes() == before


def test_a_fork_has_the_tags_of_what_was_copied(directory):
    before = len(list(LogReader(directory / "a.jsonl")))
    tag(directory, "a", ["keep"])
    assert has(directory, fork(directory, "a")) == ("keep",)
    assert has(directory, fork(directory, "a", before)) == ()


def test_tagging_is_no_use_of_a_session(directory):
    path = directory / "a.jsonl"
    os.utime(path, ns=(1_000, 2_000))
    tag(directory, "a", ["keep"])
    assert path.stat().st_mtime_ns == 2_000


def test_a_session_that_is_being_written_is_not_tagged_from_outside(directory):
    log, _ = SessionLog.open(directory, "a")
    with log, pytest.raises(SessionLocked):
        tag(directory, "a", ["keep"])
    assert has(directory, "a") == ()


@pytest.mark.parametrize("word", ["", "#", "-x", "two words", "x" * 41, "a/b", "a\nb"])
def test_what_cannot_be_a_tag_is_refused(directory, word):
    with pytest.raises(LlmreplError, match="cannot be a tag"):
        tag(directory, "a", [word])


@pytest.mark.parametrize("value", [None, 7, "keep", {"a": 1}, [1, None]])
def test_tags_that_somebody_else_wrote_spoil_no_list(directory, value):
    path = directory / "a.jsonl"
    lines = path.read_bytes().splitlines()
    data = {**json.loads(lines[-1]), "type": "config.changed", "data": {"key": "tags"}}
    data["data"]["value"] = value
    path.write_bytes(
        b"".join(line + b"\n" for line in lines[:-1])
        + json.dumps(data, separators=(",", ":")).encode()
        + b"\n"
    )
    (row,) = sessions(directory)
    assert row.tags == ()
    assert has(directory, "a") == ()
