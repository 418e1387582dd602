"""Which sessions the rules let go, which stay and why, and what goes with a session."""

import os
from hashlib import sha256

import pytest

from llmrepl.errors import SessionLocked
from llmrepl.events import NoteAdded
from llmrepl.record import Record
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.catalog import ids
from llmrepl.sessions.holdings import files_of
from llmrepl.sessions.keeping.erasing import erase
from llmrepl.sessions.keeping.retention import DAY, Rules, plan
from llmrepl.sessions.keeping.tags import tag
from llmrepl.sessions.log import SessionLog
from tests.sessions.sample import notes, story, write

NOW = 2_000 * DAY


def aged(directory, session_id, days, *, size=0):
    """A session that was last used so many days ago, of `size` bytes or a little more."""
    path = write(directory, notes(1, "x" * size) if size else story(1), session_id=session_id)
    when = (NOW - days * DAY) * 1_000_000
    os.utime(path, ns=(when, when))
    return path


def going(found):
    return [session.id for session in found.going]


def blobs(directory):
    """The blobs that there are, drafts as well."""
    return sorted(path.name for path in (directory / "blobs").iterdir())


def large(directory, session_id, *texts):
    """A session with texts that are too large for its log; return their digests."""
    write(directory, noted(*texts), session_id=session_id)
    return [sha256(text.encode()).hexdigest() for text in texts]


def noted(*texts):
    return [Record(seq, seq, 0, 0, NoteAdded(text=text)) for seq, text in enumerate(texts, 1)]


def test_sessions_that_were_not_used_for_so_many_days_go_the_oldest_first(tmp_path):
    for name, days in (("new", 1), ("old", 30), ("older", 400)):
        aged(tmp_path, name, days)
    found = plan(tmp_path, Rules(days=30), NOW)
    assert [(session.id, session.why) for session in found.going] == [
        ("older", "it was not used for 400 days"),
        ("old", "it was not used for 30 days"),
    ]
    assert found.going[0].prompt == "What is the sum of the first numbers?"
    assert found.held == ()


def test_the_least_recently_used_go_until_the_rest_is_small_enough(tmp_path):
    for name, days in (("a", 4), ("b", 3), ("c", 2), ("d", 1)):
        aged(tmp_path, name, days, size=10_000)
    found = plan(tmp_path, Rules(size=25_000), NOW)
    assert going(found) == ["a", "b"]
    assert found.size > 40_000
    assert found.left <= 25_000


def test_without_a_rule_nothing_goes(tmp_path):
    aged(tmp_path, "a", 1000)
    assert going(plan(tmp_path, Rules(), NOW)) == []
    assert going(plan(tmp_path / "nowhere", Rules(days=1), NOW)) == []


def test_a_tag_that_is_kept_keeps_a_session_and_the_plan_says_so(tmp_path):
    for name in ("a", "b"):
        aged(tmp_path, name, 50)
    tag(tmp_path, "a", ["keep"])
    tag(tmp_path, "b", ["other"])
    found = plan(tmp_path, Rules(days=30, tags=("keep",)), NOW)
    assert going(found) == ["b"]
    assert [(s.id, s.why) for s in found.held] == [
        ("a", "tagged keep, although it was not used for 50 days")
    ]


def test_a_session_that_is_being_written_stays(tmp_path):
    aged(tmp_path, "a", 50)
    log, _ = SessionLog.open(tmp_path, "a")
    with log:
        found = plan(tmp_path, Rules(days=30), NOW)
        assert going(found) == []
        assert found.held[0].why.startswith(f"open in process {os.getpid()}, although ")
        with pytest.raises(SessionLocked):
            list(erase(tmp_path, ["a"]))
    assert ids(tmp_path) == ["a"]


def test_a_session_that_cannot_be_read_stays(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"garbage\n")
    os.utime(path, (0, 0))
    found = plan(tmp_path, Rules(days=30), NOW)
    assert going(found) == []
    assert found.held[0].why.startswith("it cannot be read")


def test_forks_that_stay_are_named_with_what_they_were_copied_from(tmp_path):
    aged(tmp_path, "a", 50)
    fork(tmp_path, "a", name="b")
    fork(tmp_path, "a", name="c")
    os.utime(tmp_path / "c.jsonl", (0, 0))
    os.utime(tmp_path / "b.jsonl", ns=((NOW - DAY) * 1_000_000,) * 2)
    found = plan(tmp_path, Rules(days=30), NOW)
    assert [(session.id, session.forks) for session in found.going] == [("c", ()), ("a", ("b",))]


def test_what_stands_beside_a_log_goes_with_it_and_nothing_else_does(tmp_path):
    for name in ("a", "a.b", "c"):
        aged(tmp_path, name, 1)
    (tmp_path / "a.extra").write_text("of a")
    (tmp_path / "a.b.extra").write_text("of a.b")
    fork(tmp_path, "a", name="f")
    (tmp_path / "unfinished.draft").write_bytes((tmp_path / "f.jsonl").read_bytes())
    assert [path.name for path in files_of(tmp_path)["a.b"]] == ["a.b.extra", "a.b.jsonl"]
    (erased,) = erase(tmp_path, ["a"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("a.b.extra", "a.b.jsonl", "c.jsonl", "f.jsonl")
    ]
    assert erased.size > 4
    assert erased.typed == {"What is the sum of the first numbers?"}


def test_a_blob_goes_with_the_last_session_that_names_it(tmp_path):
    shared, own = large(tmp_path, "a", "shared" * 20_000, "own" * 30_000)
    large(tmp_path, "b", "shared" * 20_000, f'a text that names "sha256":"{own}"')
    assert blobs(tmp_path) == sorted([shared, own])
    found = plan(tmp_path, Rules(days=1), NOW + 100_000 * DAY)
    assert [session.size > 100_000 for session in found.going] == [False, True]
    assert found.left == 0
    [_] = erase(tmp_path, ["a"])
    assert blobs(tmp_path) == [shared]
    [_] = erase(tmp_path, ["b"])
    assert blobs(tmp_path) == []


@pytest.mark.parametrize("damage", [b"{}\n", b"\xff\xff\n"])
def test_a_blob_that_stands_behind_damage_is_still_needed(tmp_path, damage):
    shared, _ = large(tmp_path, "a", "shared" * 20_000, "short")
    path = tmp_path / "b.jsonl"
    write(tmp_path, noted("short", "shared" * 20_000), session_id="b")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + damage + lines[2])
    [_] = erase(tmp_path, ["a"])
    assert blobs(tmp_path) == [shared]


def test_while_a_session_cannot_be_read_no_blob_goes(tmp_path):
    (own,) = large(tmp_path, "a", "own" * 30_000)
    (tmp_path / "b.jsonl").write_bytes(b"\x28\xb5\x2f\xfd of a later version")
    [_] = erase(tmp_path, ["a"])
    assert blobs(tmp_path) == [own]
    [_] = erase(tmp_path, ["b"])
    assert blobs(tmp_path) == []


def test_blobs_that_a_killed_process_left_go_when_nobody_writes(tmp_path):
    large(tmp_path, "a", "own" * 30_000)
    large(tmp_path, "b", "other" * 30_000)
    large(tmp_path, "c", "short")
    (own, other) = (
        sha256(text.encode()).hexdigest() for text in ("own" * 30_000, "other" * 30_000)
    )
    for name in ("0" * 64, "1" * 64 + ".abcdef01.draft", f"{own}.abcdef01.draft"):
        (tmp_path / "blobs" / name).write_bytes(b"what was never named")
    log, _ = SessionLog.open(tmp_path, "c")
    with log:
        [_] = erase(tmp_path, ["a"])
        assert blobs(tmp_path) == sorted(["0" * 64, "1" * 64 + ".abcdef01.draft", other])
    [_] = erase(tmp_path, ["c"])
    assert blobs(tmp_path) == [other]
