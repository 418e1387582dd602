"""A replay shows what the log has: the records in their order, and the states they fold to."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrepl.runtime import fold
from llmrepl.sessions.finding import records_of
from llmrepl.testing.builders import records, turn
from llmrepl_textual.studying.scrubber import INSTANT, SPEEDS, Scrubber
from llmrepl_textual.studying.states import EVERY, States

GOLDEN = sorted((Path(__file__).parents[3] / "sessions/golden").glob("*.jsonl"))
SESSIONS = {path.stem: records_of(path)[1] for path in GOLDEN}
LONG = [
    record
    for record in records([event for number in range(1, 61) for event in turn(number=number)])
    if record.event.durable
]
SESSIONS["long"] = LONG

sessions = st.sampled_from(sorted(SESSIONS))
moves = st.lists(
    st.one_of(
        st.tuples(st.just("go"), st.integers(-5, 700)),
        st.tuples(st.just("step"), st.just(0)),
        st.tuples(st.just("pass"), st.floats(0, 30)),
        st.tuples(st.just("turn"), st.sampled_from([-1, 1])),
    ),
    max_size=12,
)


def durable(shown):
    return [record for record in shown if record.event.durable]


@settings(max_examples=60, deadline=None)
@given(sessions, moves)
def test_what_is_shown_at_a_place_are_the_records_up_to_there(name, moves):
    log = SESSIONS[name]
    scrubber, shown = Scrubber(log), []
    for move, by in moves:
        if move == "go":
            done, rest = scrubber.go(by)
            shown = [*log[:done], *durable(rest)]
            assert len(shown) == min(max(by, 0), len(log))
        elif move == "step":
            before = len(shown)
            shown += durable(scrubber.step())
            assert len(shown) == min(before + 1, len(log))
        elif move == "turn":
            place = scrubber.turn_after() if by > 0 else scrubber.turn_before()
            assert place > scrubber.at or by < 0 or scrubber.at == len(log)
            done, rest = scrubber.go(place)
            shown = [*log[:done], *durable(rest)]
        else:
            scrubber.play()
            shown += durable(scrubber.advance(by))
        assert shown == log[: scrubber.at]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, len(LONG)), max_size=30))
def test_the_state_at_a_place_is_that_of_the_records_up_to_there(places):
    assert len(LONG) > 2 * EVERY
    states = States(LONG)
    for at in places:
        assert states.at(at).state == fold(LONG[:at])


@pytest.mark.parametrize("name", SESSIONS)
def test_played_to_its_end_a_session_shows_all_there_is(name):
    scrubber = Scrubber(SESSIONS[name])
    scrubber.play()
    shown = []
    while scrubber.playing:
        shown += scrubber.advance(0.7)
    assert durable(shown) == SESSIONS[name]
    assert scrubber.ended


def test_a_replay_takes_as_long_as_its_speed_says():
    log = SESSIONS["comes-slowly"]

    def seconds(speed):
        scrubber = Scrubber(log)
        scrubber.speed = speed
        scrubber.play()
        passed = 0
        while scrubber.playing:
            scrubber.advance(0.001)
            passed += 0.001
        return passed

    once = seconds(1.0)
    assert once > 0.05
    assert seconds(4.0) == pytest.approx(once / 4, abs=0.01)
    assert seconds(0.5) == pytest.approx(once * 2, abs=0.01)


def test_nothing_moves_while_a_replay_is_paused():
    scrubber = Scrubber(LONG)
    assert scrubber.advance(100) == []
    scrubber.play()
    scrubber.advance(0.5)
    scrubber.pause()
    at, elapsed = scrubber.at, scrubber.elapsed
    assert elapsed == pytest.approx(0.5)
    assert scrubber.advance(100) == []
    assert (scrubber.at, scrubber.elapsed) == (at, elapsed)


@settings(max_examples=40, deadline=None)
@given(sessions, st.integers(0, 700))
def test_the_clock_of_what_is_gone_to_is_that_of_its_records(name, at):
    scrubber = Scrubber(SESSIONS[name])
    _, under_way = scrubber.go(at)
    assert len(scrubber.moments) == len(under_way)
    assert sorted(scrubber.moments) == scrubber.moments
    assert scrubber.elapsed == (scrubber.moments[-1] if under_way else 0)


def test_a_pause_is_never_longer_than_two_seconds():
    late = [record if record.seq < 3 else moved(record) for record in LONG[:12]]
    scrubber = Scrubber(late)
    scrubber.go(2)
    scrubber.play()
    scrubber.advance(2.1)
    assert scrubber.at >= 3


def moved(record):
    from dataclasses import replace

    return replace(record, at=record.at + 3_600_000)


def test_at_once_means_everything():
    scrubber = Scrubber(LONG)
    for _ in SPEEDS:
        scrubber.faster(1)
    assert scrubber.speed == INSTANT
    scrubber.play()
    assert durable(scrubber.advance(0.001)) == LONG
    for _ in SPEEDS:
        scrubber.faster(-1)
    assert scrubber.speed == SPEEDS[0]


def test_turns_are_gone_to_one_by_one():
    scrubber = Scrubber(LONG)
    assert scrubber.turns[:2] == [(1, 1), (2, 12)]
    places = []
    while scrubber.at < len(LONG):
        scrubber.go(scrubber.turn_after())
        places.append(scrubber.at)
    assert places == [*(seq for _, seq in scrubber.turns), len(LONG)]
    scrubber.go(15)
    scrubber.go(scrubber.turn_before())
    assert scrubber.at == 12


def test_within_a_message_what_the_model_had_written_by_then_is_shown():
    log = SESSIONS["several-steps"]
    call = next(r.seq for r in log if r.event.type == "tool.requested")
    _, shown = Scrubber(log).go(call)
    assert shown[-1].seq == call
    assert "text.delta" in {record.event.type for record in shown}


def test_nothing_is_gone_through_where_there_is_nothing():
    scrubber = Scrubber([])
    assert scrubber.ended
    assert scrubber.go(3) == (0, [])
    scrubber.play()
    assert not scrubber.playing
