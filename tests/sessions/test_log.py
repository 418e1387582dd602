import json
import os
import stat
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.errors import SessionError, SessionLocked
from llmrepl.events import Custom, NoteAdded, TextDelta, Unknown
from llmrepl.record import Record
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from tests.core.strategies import events
from tests.sessions.sample import PATIENT, lines_of, notes, read, story, write


@PATIENT
@given(st.lists(events, max_size=8))
def test_any_durable_events_come_back_from_the_file_as_they_were(some_events):
    durable = [event for event in some_events if event.durable]
    records = [Record(n, n * 7, n % 3, n % 5, event) for n, event in enumerate(durable, start=1)]
    with TemporaryDirectory() as folder, SessionLog.create(Path(folder)) as log:
        for record in records:
            log.append(record)
        assert not records or read(log.path) == records


def test_a_session_nobody_spoke_in_leaves_no_file_and_no_directory(tmp_path):
    with SessionLog.create(tmp_path / "sessions") as log:
        log.append(Record(0, 1, 0, 0, TextDelta(text="live")))
    assert not (tmp_path / "sessions").exists()


def test_transient_events_are_not_kept(tmp_path):
    with SessionLog.create(tmp_path) as log:
        for record in notes(2):
            log.append(record)
            log.append(Record(0, 1, 1, 1, TextDelta(text="live")))
    assert read(log.path) == notes(2)


def test_the_file_and_its_directory_are_for_the_owner_alone(tmp_path):
    mask = os.umask(0)
    try:
        path = write(tmp_path / "data" / "sessions", notes(1))
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_header_says_what_the_session_is(tmp_path):
    path = write(tmp_path, notes(1), cwd="/home/ada/π", created=1_700_000_000_123)
    assert lines_of(path)[0] == {
        "llmrepl": "session",
        "version": 2,
        "id": path.stem,
        "created": 1_700_000_000_123,
        "forked_from": None,
        "cwd": "/home/ada/π",
    }


def test_every_record_carries_the_hash_of_the_line_before_it(tmp_path):
    lines = write(tmp_path, story()).read_bytes().split(b"\n")
    assert lines.pop() == b""
    for before, line in pairwise(lines):
        assert json.loads(line)["prev"] == sha256(before).hexdigest()


@pytest.mark.parametrize("seq", [0, 2, 4, 5, 9])
def test_a_record_out_of_order_is_refused_and_the_next_one_is_not(tmp_path, seq):
    with SessionLog.create(tmp_path) as log:
        for record in notes(3):
            log.append(record)
        wrong = Record(seq, 1, 0, 0, NoteAdded(text="out of order"))
        if seq != 4:
            with pytest.raises(SessionError, match=f"record {seq} cannot follow record 3"):
                log.append(wrong)
        log.append(notes(4)[-1])
    assert len(read(log.path)) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "ünïcödé ✓ 🐍",
        "a\nb\r\nc\u2028d\x00e\x7f",
        '{"prev":"x"}',
        "\ud800",
        "x\udfffy\n",
    ],
)
def test_any_text_survives_even_half_a_surrogate_pair(tmp_path, text):
    record = Record(1, 1, 0, 0, NoteAdded(text=text))
    path = write(tmp_path, [record])
    assert read(path) == [record]
    assert len(path.read_bytes().decode().split("\n")) == 3


def test_numbers_that_json_lacks_become_words(tmp_path):
    data = {"a": [float("nan"), 1.5], "b": {"c": float("inf")}, "d": -float("inf"), "e": "\ud800"}
    path = write(tmp_path, [Record(1, 1, 0, 0, Custom(name="x", data=data))])
    (record,) = read(path)
    words = {"a": ["NaN", 1.5], "b": {"c": "Infinity"}, "d": "-Infinity", "e": "\ud800"}
    assert record.event == Custom(name="x", data=words)


def _endless():
    data = []
    data.append(data)
    return data


@pytest.mark.parametrize(
    "value",
    [b"bytes", {1, 2}, object(), _endless(), 10**5000],
    ids=["bytes", "set", "object", "circle", "too many digits"],
)
def test_what_json_cannot_say_is_refused_by_name_and_the_log_goes_on(tmp_path, value):
    with SessionLog.create(tmp_path) as log:
        for _ in range(2):
            seq = log.seq + 1
            bad = Record(seq, 1, 0, 0, Custom(name="x", data={"value": value}))
            with pytest.raises(SessionError, match=rf"record {seq} \(custom\) cannot be written"):
                log.append(bad)
            log.append(notes(2)[log.seq])
    assert read(log.path) == notes(2)


def test_a_first_record_that_cannot_be_written_leaves_no_file(tmp_path):
    with SessionLog.create(tmp_path) as log, pytest.raises(SessionError):
        log.append(Record(1, 1, 0, 0, Custom(name="x", data={"value": b""})))
    assert list(tmp_path.iterdir()) == []


def test_unknown_record_types_and_fields_survive(tmp_path):
    record = Record(1, 1, 0, 0, Unknown(name="dream.recorded", data={"depth": 3, "of": ["sheep"]}))
    path = write(tmp_path, [record])
    assert read(path) == [record]
    assert lines_of(path)[1]["type"] == "dream.recorded"


def test_a_session_is_gone_on_with_where_it_stopped(tmp_path):
    path = write(tmp_path, story(1), cwd="/home/ada")
    before = path.read_bytes()
    log, records = SessionLog.open(tmp_path, path.stem)
    with log:
        assert records == story(1)
        assert (log.seq, log.repaired, log.header.cwd) == (10, "", "/home/ada")
        for record in story(2)[10:]:
            log.append(record, sync=True)
    assert read(path) == story(2)
    assert path.read_bytes().startswith(before)


def test_a_closed_log_takes_no_more_records(tmp_path):
    log = SessionLog.create(tmp_path)
    log.append(notes(1)[0])
    log.close()
    log.close()
    with pytest.raises(SessionError, match="is closed"):
        log.append(notes(2)[1])
    assert read(log.path) == notes(1)


def test_a_log_that_was_closed_before_its_first_record_stays_unwritten(tmp_path):
    log = SessionLog.create(tmp_path)
    log.close()
    with pytest.raises(SessionError, match="is closed"):
        log.append(notes(1)[0])
    assert list(tmp_path.iterdir()) == []


def test_one_process_cannot_write_a_session_twice_at_once(tmp_path):
    path = write(tmp_path, notes(1))
    log, _ = SessionLog.open(tmp_path, path.stem)
    with log, pytest.raises(SessionLocked, match=f"process {os.getpid()}"):
        SessionLog.open(tmp_path, path.stem)
    again, records = SessionLog.open(tmp_path, path.stem)
    again.close()
    assert records == notes(1)


def test_a_session_can_be_read_while_it_is_written(tmp_path):
    with SessionLog.create(tmp_path) as log:
        log.append(notes(1)[0])
        reader = LogReader(log.path)
        assert list(reader) == notes(1)
        assert list(reader) == []
        for record in notes(3)[1:]:
            log.append(record)
        assert list(reader) == notes(3)[1:]
        assert reader.seq == 3


def test_a_session_may_have_an_id_of_its_own(tmp_path):
    path = write(tmp_path, notes(1), session_id="release-notes")
    assert path == tmp_path / "release-notes.jsonl"
    with pytest.raises(SessionError, match="release-notes already exists") as caught:
        SessionLog.create(tmp_path, session_id="release-notes")
    assert "--resume release-notes" in caught.value.hint


@pytest.mark.parametrize("bad", ["../x", "a/b", ".hidden", "-x", "", "a" * 101, "a\nb", "é"])
def test_an_id_never_leads_out_of_the_directory(tmp_path, bad):
    with pytest.raises(SessionError, match="cannot be a session id"):
        SessionLog.open(tmp_path, bad)


def test_an_id_that_was_taken_meanwhile_is_changed_before_anything_is_written(tmp_path):
    log = SessionLog.create(tmp_path, created=1_700_000_000_000)
    log.path.write_text("somebody else's")
    taken = log.path
    with log:
        log.append(notes(1)[0])
    assert log.path != taken
    assert taken.read_text() == "somebody else's"
    assert read(log.path) == notes(1)
    assert lines_of(log.path)[0]["id"] == log.id


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        SessionLog.create(tmp_path / "file" / "sessions") as log,
        pytest.raises(SessionError, match=r"cannot create .*file/sessions.*Not a directory"),
    ):
        log.append(notes(1)[0])
