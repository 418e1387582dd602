"""The transcript: the blocks of long sessions, measured and drawn as far as they are looked at."""

import asyncio
import gc
import io
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import MouseScrollDown, MouseScrollUp
from textual.strip import Strip

from llmrepl.events import TextDelta, ToolFinished
from llmrepl.ports import Surface
from llmrepl.record import Record
from llmrepl.sessions.log import SessionLog
from llmrepl.testing.builders import Step, one_of_each, turn
from llmrepl.testing.clock import FakeClock
from llmrepl_textual.records import Records
from llmrepl_textual.tests.host import full_screen, line_with, lines, said, text, until
from llmrepl_textual.transcript.answer import Answer
from llmrepl_textual.transcript.entries import SAID, Entry, Fold
from llmrepl_textual.transcript.heights import Heights
from llmrepl_textual.transcript.loading import load
from llmrepl_textual.transcript.rows import KEPT, Rows
from llmrepl_textual.transcript.story import Story
from llmrepl_textual.transcript.strips import Artist
from llmrepl_textual.transcript.widget import Transcript
from llmrepl_timeline.lines import plain
from llmrepl_timeline.timeline import Timeline

CHANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=40)


@given(st.lists(st.integers(0, 9), max_size=30), CHANGES, st.lists(st.integers(0, 9), max_size=5))
def test_heights_are_sums_whatever_changes(first, changes, more):
    heights, model = Heights(first), list(first)
    for height in more:
        heights.append(height)
        model.append(height)
    for at, height in changes:
        if at < len(model):
            heights[at] = height
            model[at] = height
    assert heights.total == sum(model)
    assert [heights.above(at) for at in range(len(model))] == [0, *accumulate(model)][: len(model)]
    rows = [(at, row) for at, height in enumerate(model) for row in range(height)]
    assert [heights.find(row) for row in range(len(rows))] == rows


class Collected:
    """A sink that draws at once."""

    def __init__(self, records):
        self.artist = Artist(records)
        self.rows = []

    def add(self, entry, lines=None):
        drawn = self.artist.lines(entry, 80)
        self.rows += [plain(line).rstrip() for line in drawn]


def records_of(events):
    durable = 0
    found = []
    for event in events:
        durable += event.durable
        found.append(Record(durable if event.durable else 0, 0, 1, 1, event))
    return found


@pytest.mark.parametrize("live", [True, False])
def test_blocks_are_those_of_the_timeline(live):
    steps = (Step("Let me see.", "print(1)", "1\n", reasoning="hm"), Step("It is **1**."))
    records = records_of([*turn("first", steps), *turn("second", steps, number=2)])
    shown = records if live else [record for record in records if record.event.durable]
    held = Records(lambda: None)
    for record in records:
        held.show(record)
    sink = Collected(held)
    story, stream = Story(sink, clock=float), io.StringIO()
    timeline = Timeline(Surface(stream=stream), clock=float)
    for record in shown:
        story.take(record)
        timeline.show(record)
    story.settle()
    timeline.settle()
    printed = [line.rstrip() for line in stream.getvalue().split("\n")]
    assert [row for row in sink.rows if row] == [line for line in printed if line]


def test_no_kind_of_event_is_too_much():
    events = [event for event in one_of_each() if not isinstance(event, TextDelta)]
    records = records_of(events)
    held = Records(lambda: None)
    sink = Collected(held)
    story = Story(sink)
    for record in records:
        held.show(record)
        story.take(record)
    story.settle()
    assert sink.rows


@pytest.fixture
def long(machine):
    """A saved session of 400 turns."""
    with SessionLog.create(machine.sessions, session_id="long", cwd=str(machine.project)) as log:
        for number in range(1, 401):
            output = "\n".join(f"{number} row {row}" for row in range(number % 30))
            steps = (Step(f"Step *{number}*.", f"print({number})", output), Step(f"Done {number}."))
            for event in turn(f"prompt {number}", steps, number=number):
                if event.durable:
                    log.append(Record(log.seq + 1, log.seq, number, 0, event))
    return "long"


def look(play, desk, size=(80, 24)):
    async def run():
        async with full_screen(desk, size=size) as pilot:
            transcript = pilot.app.screen.query_one(Transcript)
            await until(pilot, lambda: transcript.complete)
            await asyncio.wait_for(desk.assembly.looking, 60)  # it says in a line what it found
            await pilot.pause()
            await play(pilot, transcript)

    asyncio.run(run())


def shown(pilot, transcript):
    rows = lines(pilot)[: transcript.size.height]
    return [row[: transcript.rows.width].rstrip() for row in rows]  # without the scroll bar


def test_a_long_session_begins_at_its_end_and_goes_back_to_its_beginning(machine, long):
    async def play(pilot, transcript):
        assert "Done 400." in text(pilot)
        pilot.app.screen.action_turn_to()
        await pilot.press("home")
        await until(pilot, lambda: "prompt 1" in text(pilot))
        await pilot.press("end")
        await until(pilot, lambda: "Done 400." in text(pilot))

    look(play, machine.desk(session=long))


def test_a_block_that_is_not_read_yet_is_jumped_to_once_it_is(machine, long):
    async def play(pilot, transcript):
        records, time = pilot.app.desk.records, asyncio.Event()
        load(transcript, records, time.wait)
        await pilot.pause()
        early = next(r.seq for r in records if isinstance(r.event, ToolFinished))
        assert not transcript.complete
        pilot.app.screen.reveal(early)
        time.set()
        await until(pilot, lambda: transcript.complete)
        await until(pilot, lambda: transcript.chosen >= 0)
        assert transcript.rows.entries[transcript.chosen].seq == early
        await until(pilot, lambda: "▌ " in text(pilot) and "1 row 0" in text(pilot))
        assert transcript.top < transcript.size.height

    look(play, machine.desk(session=long))


def test_what_is_loaded_is_left_out_of_later_searches_for_cycles(machine):
    async def run():
        async with full_screen(machine.desk()):
            assert gc.isenabled()

    gc.unfreeze()
    gc.disable()  # as whoever starts the full screen does
    try:
        asyncio.run(run())
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
        gc.enable()


def test_scrolling_moves_what_is_seen_by_as_many_rows_and_no_more(machine, long):
    async def play(pilot, transcript):
        before = shown(pilot, transcript)
        for _ in range(60):
            transcript.scroll_relative(y=-3, animate=False)
            await pilot.pause()
            now = shown(pilot, transcript)
            assert now[3:] == before[:-3]
            before = now

    look(play, machine.desk(session=long))


def test_what_is_in_view_stays_while_something_comes(machine, long):
    async def play(pilot, transcript):
        transcript.scroll_relative(y=-40, animate=False)
        await pilot.pause()
        before = shown(pilot, transcript)
        await said(pilot, "What is 17 * 23?")
        await pilot.pause(0.2)
        assert shown(pilot, transcript) == before
        transcript.scroll_end(animate=False)
        await until(pilot, lambda: "391" in text(pilot))

    look(play, machine.desk(session=long))


def test_what_is_not_looked_at_is_forgotten(machine, long):
    async def play(pilot, transcript):
        for _ in range(200):
            transcript.scroll_relative(y=-24, animate=False)
            await pilot.pause()
        assert transcript.rows._kept <= KEPT + 100
        assert len(pilot.app.desk.records._kept) <= 512

    look(play, machine.desk(session=long))


def test_another_width_keeps_the_block_on_top(machine, long):
    async def play(pilot, transcript):
        transcript.scroll_relative(y=-500, animate=False)
        await pilot.pause()
        at, _ = transcript.at(transcript.scroll_offset.y)
        await pilot.resize_terminal(60, 20)
        await pilot.pause(0.1)
        again, _ = transcript.at(transcript.scroll_offset.y)
        assert again == at

    look(play, machine.desk(session=long))


def test_a_block_is_shut_opened_and_shut_again(machine, long):
    async def play(pilot, transcript):
        pilot.app.screen.action_turn_to()
        at = next(
            at
            for at in range(len(transcript.rows) - 1, 0, -1)
            if transcript.rows.entries[at].kind == "tool.finished"
            and transcript.rows.measure(at) > 15
        )
        transcript.chosen = at
        transcript.bring(at)
        usual = transcript.rows.measure(at)
        await pilot.press("space")
        assert transcript.rows.entries[at].fold is Fold.SHUT
        assert transcript.rows.measure(at) == 1
        await until(pilot, lambda: "lines more" in line_with(pilot, "▌▸"))
        await pilot.press("enter", "enter")
        assert transcript.rows.entries[at].fold is Fold.OPEN
        assert transcript.rows.measure(at) >= usual

    look(play, machine.desk(session=long))


def test_a_click_chooses_and_another_folds(machine, long):
    async def play(pilot, transcript):
        row = next(at for at, line in enumerate(lines(pilot)) if "print(400)" in line)
        await pilot.click(Transcript, offset=(10, row))
        entry = transcript.rows.entries[transcript.chosen]
        assert entry.kind == "tool.requested"
        await pilot.click(Transcript, offset=(0, row))
        assert entry.fold is Fold.SHUT

    look(play, machine.desk(session=long))


def test_the_wheel_scrolls(machine, long):
    async def play(pilot, transcript):
        before = shown(pilot, transcript)
        await pilot._post_mouse_events([MouseScrollUp], Transcript, offset=(10, 5))
        await until(pilot, lambda: transcript.scroll_offset.y < transcript.max_scroll_y)
        await pilot._post_mouse_events([MouseScrollDown], Transcript, offset=(10, 5))
        await until(pilot, lambda: transcript.scroll_offset.y == transcript.max_scroll_y)
        await until(pilot, lambda: shown(pilot, transcript) == before)

    look(play, machine.desk(session=long))


def test_text_is_selected_and_copied(machine, long):
    async def play(pilot, transcript):
        row = next(at for at, line in enumerate(lines(pilot)) if "Done 400." in line)
        await pilot.mouse_down(Transcript, offset=(2, row))
        await pilot.hover(Transcript, offset=(11, row))
        await pilot.mouse_up(Transcript, offset=(11, row))
        assert pilot.app.screen.get_selected_text().startswith("Done 400")
        await pilot.press("ctrl+c")
        assert pilot.app.clipboard.startswith("Done 400")

    look(play, machine.desk(session=long))


def test_the_time_of_an_answer_goes_on_in_another_width():
    clock = FakeClock()
    answer = Answer(clock.monotonic)
    answer.feed("word " * 30)
    answer.advance(40)
    clock.advance(7)
    answer.advance(30)
    assert "Composing 7 s" in plain(answer.rest(3)[-1])


def test_what_is_longer_than_all_that_is_kept_is_drawn_once():
    drawn = []

    def draw(entry, width):
        drawn.append(entry.seq)
        return [Strip.blank(width)] * (2 * KEPT if entry.seq == 2 else 3)

    rows = Rows(draw)
    for seq in (1, 2, 3):
        rows.append(Entry(SAID, seq))
    for _ in range(3):
        for at in range(3):
            rows.strips(at)
    assert drawn == [1, 2, 3]
