import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversation import Conversation, Phase, evolve
from llmrepl.errors import SessionError
from llmrepl.events import (
    ContextCompacted,
    MessageFinished,
    NoteAdded,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.runtime import fold
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.catalog import ids
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.turns import turns
from tests.sessions.sample import PATIENT, lines_of, notes, read, story, turn, write


@PATIENT
@given(st.integers(0, 10))
def test_a_fork_is_a_sound_session_with_the_first_records_of_the_original(at_seq):
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        original = write(directory, story(), cwd="/home/ada")
        before = original.read_bytes()
        session_id = fork(directory, original.stem, at_seq, created=1_700_000_000_000)
        log, records = SessionLog.open(directory, session_id)
        with log:
            assert records == story()[:at_seq]
            assert log.header.forked_from == (original.stem, at_seq)
            assert (log.header.created, log.header.cwd) == (1_700_000_000_000, "/home/ada")
            for record in story()[at_seq:]:
                log.append(record)
        assert read(log.path) == story()
        assert original.read_bytes() == before
        assert len(list(directory.iterdir())) == 2


def test_a_fork_without_a_place_copies_everything(tmp_path):
    original = write(tmp_path, story())
    path = tmp_path / f"{fork(tmp_path, original.stem)}.jsonl"
    assert read(path) == story()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_fork_keeps_every_byte_of_a_line_but_the_hash(tmp_path):
    original = write(tmp_path, story())
    copy = tmp_path / f"{fork(tmp_path, original.stem)}.jsonl"
    before, after = (path.read_bytes().splitlines()[1:] for path in (original, copy))
    assert [line[75:] for line in after] == [line[75:] for line in before]


def _foreign(directory):
    """A session another program wrote: other fields, and another order of them."""
    path = write(directory, notes(1), session_id="foreign")
    header, _ = path.read_bytes().splitlines()
    reader = LogReader(path)
    header = header[:-1] + b',"theme":{"name":"solar"}}'
    path.write_bytes(header + b"\n")
    reader = LogReader(path)
    record = {
        "seq": 1, "at": 5, "turn": 0, "step": 0, "type": "dream.recorded",
        "data": {"of": "sheep"}, "mood": "calm", "prev": reader.last,
    }  # fmt: skip
    path.write_bytes(header + b"\n" + json.dumps(record, separators=(",", ":")).encode() + b"\n")
    return path


def test_a_fork_keeps_fields_it_does_not_know(tmp_path):
    path = _foreign(tmp_path)
    assert len(read(path)) == 1
    copy = tmp_path / f"{fork(tmp_path, 'foreign')}.jsonl"
    assert read(copy) == read(path)
    header, line = lines_of(copy)
    assert header["theme"] == {"name": "solar"}
    assert (line["mood"], line["data"], line["type"]) == ("calm", {"of": "sheep"}, "dream.recorded")


def test_a_fork_of_a_fork_names_its_nearest_origin(tmp_path):
    first = fork(tmp_path, write(tmp_path, story()).stem, 5)
    second = tmp_path / f"{fork(tmp_path, first, 3)}.jsonl"
    assert LogReader(second).header.forked_from == (first, 3)
    assert read(second) == story()[:3]


def test_a_fork_can_be_given_a_name_that_is_free(tmp_path):
    path = write(tmp_path, story(), session_id="mine")
    assert fork(tmp_path, "mine", 3, name="other") == "other"
    other = (tmp_path / "other.jsonl").read_bytes()
    for name, said in (("mine", "there is a session mine"), ("other", "there is a session other")):
        with pytest.raises(SessionError, match=said):
            fork(tmp_path, "mine", name=name)
    with pytest.raises(SessionError, match="cannot be a session id"):
        fork(tmp_path, "mine", name="../mine")
    assert (tmp_path / "other.jsonl").read_bytes() == other
    assert read(path) == story()


def test_an_empty_fork_is_a_file_with_its_first_record(tmp_path):
    with SessionLog.create(tmp_path, cwd="/home/ada", forked_from=("mine", 0)) as log:
        assert list(tmp_path.iterdir()) == []
        for record in notes(1):
            log.append(record)
    assert LogReader(log.path).header.forked_from == ("mine", 0)
    assert read(log.path) == notes(1)


def test_a_fork_keeps_the_names_of_artifacts(tmp_path):
    ended = ToolFinished(call_id="1", status="ok", artifacts=("/tmp/x/artifacts/plot.png",))
    kept = [Record(1, 1, 0, 0, ended)]
    copy = tmp_path / f"{fork(tmp_path, write(tmp_path, kept).stem)}.jsonl"
    assert read(copy) == kept


SAID = (Text("more"),)
PLAIN = (
    TurnStarted(prompt=SAID),
    StepStarted(provider="demo", model="assistant"),
    MessageFinished(parts=SAID, stop="end_turn"),
    StepFinished(),
    TurnFinished(reason="end_turn"),
)
FAILED = (*PLAIN[:2], MessageFinished(parts=(), stop="error"), *PLAIN[3:])
CALLED = (*(event for event, _ in turn(1)[:7]), *PLAIN[1:])
TYPED = (
    ToolRequested(call_id="0.!1", name="bash", language="bash", origin="person"),
    ToolStarted(call_id="0.!1", executor="bwrap"),
    ToolFinished(call_id="0.!1", status="ok"),
)
NOTED = (NoteAdded(text="look", audience="model"),)
COMPACTED = (ContextCompacted(summary="so far", replaced=0),)
STORIES = st.lists(st.sampled_from([PLAIN, FAILED, CALLED, TYPED, NOTED, COMPACTED]), max_size=8)


def told(pieces):
    """The records of a session in which these pieces happen one after the other."""
    state, records = Conversation(), []
    for event in (event for piece in pieces for event in piece):
        state = evolve(state, event)
        records.append(Record(len(records) + 1, 5, state.turn, state.step, event))
    return records


@PATIENT
@given(STORIES, st.data())
def test_a_fork_before_any_turn_is_the_conversation_as_it_was_then(pieces, data):
    records = told(pieces)
    starts = [place for place, piece in enumerate(pieces) if isinstance(piece[0], TurnStarted)]
    found = turns(records)
    assert [turn.number for turn in found] == list(range(1, len(starts) + 1))
    if not found:
        return
    place = data.draw(st.integers(0, len(found) - 1))
    before = told(pieces[: starts[place]])
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        original = write(directory, records)
        session_id = fork(directory, original.stem, found[place].before)
        copy, copied = SessionLog.open(directory, session_id)
        copy.close()
        assert copied == before
        assert fold(copied) == fold(records[: found[place].before]) == fold(before)
        assert fold(copied).phase is Phase.IDLE
        assert read(original) == records


def test_a_session_cannot_be_forked_behind_its_end(tmp_path):
    path = write(tmp_path, story())
    with pytest.raises(SessionError, match="has 10 readable records, and no record 11") as caught:
        fork(tmp_path, path.stem, 11)
    assert caught.value.hint == "fork at 0 to 10"
    assert ids(tmp_path) == [path.stem]


def test_a_damaged_session_can_be_forked_before_the_damage(tmp_path):
    path = write(tmp_path, story())
    path.write_bytes(path.read_bytes().replace(b'"tool.started"', b'"tool.starved"'))
    copy = tmp_path / f"{fork(tmp_path, path.stem)}.jsonl"
    assert read(copy) == story()[:4]


def test_a_session_can_be_forked_while_it_is_written(tmp_path):
    with SessionLog.create(tmp_path) as log:
        for record in notes(3):
            log.append(record)
        copy = tmp_path / f"{fork(tmp_path, log.id, 2)}.jsonl"
    assert read(copy) == notes(2)


def test_an_unknown_session_cannot_be_forked(tmp_path):
    with pytest.raises(SessionError, match="there is no session 'nothing'"):
        fork(tmp_path, "nothing")
