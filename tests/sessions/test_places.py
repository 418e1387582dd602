"""A session can be forked at any of its records, and the copy can be gone on with."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversation import Phase
from llmrepl.errors import SessionError
from llmrepl.events import ToolFinished, ToolStarted
from llmrepl.runtime import fold
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.branching.places import end_of_turn, goes_on
from llmrepl.sessions.log import SessionLog
from tests.core.running import ANSWER, BLOCK, TOOLS, make
from tests.sessions.sample import PATIENT, chat, read, write
from tests.sessions.test_forking import CALLED, COMPACTED, FAILED, NOTED, PLAIN, TYPED, told

STORIES = st.lists(st.sampled_from([PLAIN, FAILED, CALLED, TYPED, NOTED, COMPACTED]), min_size=1)


def one_turn():
    """The records of a turn with a block, two tool calls and an answer."""
    runtime = make(BLOCK, TOOLS, ANSWER)
    asyncio.run(runtime.turn(chat("go")[0].event.prompt))
    return runtime.edges.store.records


TURN = one_turn()


@PATIENT
@given(STORIES, st.data())
def test_a_fork_at_any_record_is_the_conversation_as_it_was_there_and_goes_on(pieces, data):
    records = told(pieces)
    at = data.draw(st.integers(0, len(records)))
    with TemporaryDirectory() as folder:
        original = write(Path(folder), records)
        before = original.read_bytes()
        log, copied = SessionLog.open(Path(folder), fork(Path(folder), original.stem, at))
        with log:
            assert copied == records[:at]
            state = fold(copied)
            assert state == fold(records[:at])
            assert (goes_on(state, records[at:]) == []) is (state.phase is Phase.IDLE)
            runtime = make(ANSWER, ANSWER, state=state, seq=at)
            runtime.edges.store = log
            asyncio.run(runtime.resume())
            assert asyncio.run(runtime.turn(chat("go")[0].event.prompt)) == "end_turn"
        went_on = read(log.path)
        assert went_on[:at] == records[:at]
        assert fold(went_on) == runtime.state
        # The stories' turns use the same ids again: only the last turn's calls could run twice.
        turn = [r.event for r in records[:at] if r.turn == state.turn]
        started = {event.call_id for event in turn if isinstance(event, ToolStarted)}
        assert not started & {request.call_id for request in runtime.edges.executor.ran}
        assert original.read_bytes() == before


@pytest.mark.parametrize("cut", range(1, len(TURN)))
def test_in_a_fork_nothing_runs_twice_and_every_call_ends_once(cut, tmp_path):
    original = write(tmp_path, TURN)
    log, copied = SessionLog.open(tmp_path, fork(tmp_path, original.stem, cut))
    with log:
        runtime = make(ANSWER, state=fold(copied), seq=cut)
        runtime.edges.store = log
        assert asyncio.run(runtime.resume()) == "end_turn"
    events = [record.event for record in read(log.path)]
    started = [event.call_id for event in events if isinstance(event, ToolStarted)]
    ended = [event.call_id for event in events if isinstance(event, ToolFinished)]
    assert len(set(started)) == len(started)
    assert len(set(ended)) == len(ended)
    assert set(started) <= set(ended)
    before = {r.event.call_id for r in TURN[:cut] if isinstance(r.event, ToolStarted)}
    before -= {r.event.call_id for r in TURN[:cut] if isinstance(r.event, ToolFinished)}
    unknown = {e.call_id for e in events if isinstance(e, ToolFinished) and e.status == "unknown"}
    assert unknown == before


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (0, []),
        (1, ["it ends in the middle of turn 1, which goes on from there"]),
        (3, ["the model is asked again for the message that was not finished"]),
        (4, ["had not started: it runs where your rules or you allow it, as it did in the origin"]),
        (5, ["python 1.1.1 had started: it ends as unknown, and does not run again"]),
        (6, ["it ends in the middle of turn 1"]),
        (11, []),
    ],
)
def test_it_is_said_what_a_copy_goes_on_with(at, said):
    found = goes_on(fold(chat("go")[:at]), chat("go")[at:])
    assert len(found) == (0 if not said else 1 + (at in (3, 4, 5)))
    assert all(text in "\n".join(found) for text in said)


def test_a_turn_ends_where_the_next_begins():
    records = told([NOTED, PLAIN, TYPED, CALLED, NOTED])
    ends = [end_of_turn(records, number) for number in (0, 1, 2)]
    assert ends == [1, 1 + len(PLAIN) + len(TYPED), len(records)]


def test_a_turn_that_is_not_there_is_refused():
    for records, hint in ((chat("one", "two"), "the turns 1 to 2, and 0 for none"), ([], "only 0")):
        for number in (-1, 3):
            with pytest.raises(SessionError, match=f"there is no turn {number}") as caught:
                end_of_turn(records, number)
            assert hint in caught.value.hint
