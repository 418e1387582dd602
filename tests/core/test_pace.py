"""When pieces came is kept with what they add up to, and stays small."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.events import (
    BlockDelta,
    MessageFinished,
    NoteAdded,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)
from llmrepl.pace import CLOSE, MOST, Pace, Paces
from llmrepl.parts import Output, Text

BEGAN = 1_767_225_600_000
STEP = StepStarted(provider="scripted", model="m")
MESSAGE = MessageFinished(parts=(Text("It is 42."),), stop="end_turn")
CALL = ToolStarted(call_id="1.1.1", executor="bubblewrap")
RESULT = ToolFinished(
    call_id="1.1.1", status="ok", parts=(Output("stdout", "abc"), Output("stderr", "d"))
)


def paced(begins, pieces, ends, after):
    """Return `ends` as it is recorded `after` milliseconds; `pieces` are (milliseconds, event)."""
    paces = Paces()
    assert paces.complete(begins, BEGAN) is begins
    for ms, event in pieces:
        paces.note(event, BEGAN + ms)
    return paces.complete(ends, BEGAN + after)


def out(text, stream="stdout"):
    return ToolOutput(call_id="1.1.1", stream=stream, text=text)


def test_a_message_keeps_when_its_characters_came():
    pieces = [
        (100, ReasoningDelta(text="Hm")),
        (120, TextDelta(text="It ")),
        (300, BlockDelta(text="6*7")),
    ]
    assert paced(STEP, pieces, MESSAGE, 400).pace == (100, 5, 300, 3)


def test_what_came_at_once_has_no_pace():
    assert paced(STEP, [(400, TextDelta(text="It is 42."))], MESSAGE, 420) is MESSAGE
    assert paced(STEP, [], MESSAGE, 900) is MESSAGE
    assert paced(CALL, [(3, out("abc"))], RESULT, 5) is RESULT
    assert Paces().complete(RESULT, BEGAN) is RESULT


def test_a_call_keeps_when_each_stream_came():
    pieces = [(0, out("a")), (10, out("d", "stderr")), (500, out("bc")), (600, out("?", "lost"))]
    assert paced(CALL, pieces, RESULT, 700).pace == (0, 0, 1, 10, 1, 1, 500, 0, 2)


def test_calls_at_the_same_time_are_kept_apart():
    paces = Paces()
    paces.complete(CALL, BEGAN)
    paces.complete(ToolStarted(call_id="1.1.2", executor="bubblewrap"), BEGAN)
    paces.note(out("abc"), BEGAN + 100)
    paces.note(ToolOutput(call_id="1.1.2", stream="stdout", text="xy"), BEGAN + 200)
    assert paces.complete(RESULT, BEGAN + 900).pace == (100, 0, 3)


def test_other_events_change_nothing():
    paces = Paces()
    paces.note(NoteAdded(text="!"), BEGAN)
    paces.note(out("of a call that nobody knows"), BEGAN)
    note = NoteAdded(text="!")
    assert paces.complete(note, BEGAN) is note


def test_a_clock_that_is_set_back_gives_no_negative_time():
    pieces = [(200, TextDelta(text="a")), (-5000, TextDelta(text="b"))]
    assert paced(STEP, pieces, MESSAGE, 900).pace == (200, 2)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30)), max_size=2000))
def test_no_character_is_lost_and_pieces_stay_few_and_in_order(steps):
    pace, ms = Pace(), 0
    for wait, length in steps:
        ms += wait
        pace.add(ms, length)
    times = [at for at, _ in pace.pieces]
    assert sum(length for _, length in pace.pieces) == sum(length for _, length in steps)
    assert len(pace.pieces) <= MOST
    assert all(after - before >= CLOSE for before, after in itertools.pairwise(times))


def test_an_hour_of_pieces_is_kept_in_a_few():
    pace = Pace()
    for second in range(3600):
        pace.add(second * 1000, 50)
    assert MOST // 4 <= len(pace.pieces) <= MOST
