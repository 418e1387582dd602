"""The timeline's screen: what it shows, and what its keys do."""

import asyncio
import os
import re
from xml.etree import ElementTree as ET

import pytest

from llmrepl.events import StepStarted, ToolFinished, TurnFinished
from llmrepl_textual.bars.chart import Chart
from llmrepl_textual.bars.drawing import GUTTER, clock
from llmrepl_textual.bars.picture import save
from llmrepl_textual.bars.spans import CALL, MODEL, STEP, TURN
from llmrepl_textual.screens.inspector import Inspector
from llmrepl_textual.tests.host import events, full_screen, lines, said, text, until
from llmrepl_textual.tests.sessions import durable, eventful, many, saved
from llmrepl_textual.tests.studies import SHOWN, SIZES, kept, led, shown, told
from llmrepl_textual.transcript.widget import Transcript

BLOCK = "Let me see.\n\n<helpers>\nprint(6 * 7)\n</helpers>"
SVG = "{http://www.w3.org/2000/svg}"


def kinds(chart):
    return [span.kind for span in chart.spans]


async def opened(pilot):
    """Show the timeline, and return its chart."""
    await led(pilot, ["f3"])
    return pilot.app.screen.query_one(Chart)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_screens_look_as_somebody_saw_them_to_be_right(machine, size):
    looks = asyncio.run(shown(machine, size))
    if os.environ.get("UPDATE_SCREENS"):
        for name, look in looks.items():
            kept(name, size).write_text(look, "utf-8")
    assert looks == {name: kept(name, size).read_text("utf-8") for name in SHOWN}


def test_a_turn_grows_while_it_runs_and_ends_as_the_records_say(machine):
    async def play():
        desk = machine.desk(machine.script(BLOCK, "It is 42."), approval="auto")
        async with full_screen(desk, size=(120, 40)) as pilot:
            chart = await opened(pilot)
            assert "Nothing has happened yet." in text(pilot)
            desk.work.enter("what is 6 * 7?")
            await until(pilot, lambda: MODEL in kinds(chart))
            await until(pilot, lambda: not desk.work.busy)
            await until(pilot, lambda: not chart.spans.is_running)
            assert [event.status for event in events(desk, ToolFinished)] == ["ok"]
            assert kinds(chart).count(STEP) == len(events(desk, StepStarted)) == 2
            ended = {record.seq: record for record in desk.records}
            turns = [span for span in chart.spans if span.kind == TURN]
            assert [type(ended[turn.last].event) for turn in turns] == [TurnFinished]
            await until(pilot, lambda: "1 what is 6 * 7?" in text(pilot))
            await until(pilot, lambda: "2 model calls · 1 tool call" in text(pilot))

    asyncio.run(play())


def test_what_comes_while_another_screen_shows_is_there_when_this_one_does_again(machine):
    async def play():
        desk = machine.desk(machine.script("Hello.", "Again."))
        async with full_screen(desk) as pilot:
            chart = await opened(pilot)
            await pilot.press("f2")
            await said(pilot, "hi")
            await said(pilot, "and?")
            await pilot.press("f3")
            await until(pilot, lambda: kinds(chart).count(TURN) == 2)
            await until(pilot, lambda: "2 turns" in text(pilot))

    asyncio.run(play())


def test_another_session_takes_the_place_of_the_one_before(machine):
    async def play():
        saved(machine, eventful(), "other")
        desk = machine.desk(machine.script("Hello."))
        async with full_screen(desk) as pilot:
            chart = await opened(pilot)
            await said(pilot, "hi")
            await until(pilot, lambda: kinds(chart).count(TURN) == 1)
            await said(pilot, "/resume other")
            await until(pilot, lambda: kinds(chart).count(TURN) == 3)

    asyncio.run(play())


def test_arrows_go_through_the_bars_of_a_row_and_from_row_to_row(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            chart = await opened(pilot)
            await pilot.press("right")
            assert (chart.chosen.kind, chart.chosen.turn) == (TURN, 3)
            await pilot.press("left", "left", "left")
            assert chart.chosen.turn == 1
            await pilot.press("down", "down", "down")
            assert chart.chosen.kind == CALL
            call = chart.chosen
            await pilot.press("down")
            assert (chart.chosen.kind, chart.chosen.row) == (CALL, 1)
            await pilot.press("up")
            assert chart.chosen is call
            await pilot.press("up", "up", "up", "up", "up", "end")
            assert (chart.chosen.kind, chart.chosen.turn) == (TURN, 3)

    asyncio.run(play())


def test_failures_are_found_one_after_the_other(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            chart = await opened(pilot)
            found = []
            for _ in range(8):
                await pilot.press("n")
                found.append((chart.chosen.kind, chart.chosen.status))
            assert found[:3] == [(MODEL, "retried"), (CALL, "error"), (TURN, "error")]
            assert found[-1] == (MODEL, "cancelled")
            await pilot.press("p")
            assert chart.chosen.status == "cancelled"

    asyncio.run(play())


def test_zooming_and_panning_keep_to_the_session(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            chart = await opened(pilot)
            whole = chart.shown
            await pilot.press("plus", "plus")
            assert chart.shown.length == pytest.approx(whole.length / 4)
            await pilot.press(*["shift+right"] * 40)
            assert chart.shown.end == pytest.approx(whole.length)
            await pilot.press(*["shift+left"] * 40)
            assert chart.shown.begin == 0
            await pilot.press(*["minus"] * 5)
            assert chart.shown == whole
            await pilot.press("right", "z")
            assert chart.shown.length < whole.length / 4
            await pilot.press("home")  # the first turn, which was out of view
            assert chart.shown.begin < chart.axis.place(chart.chosen.until(0))
            await pilot.press("0")
            assert chart.shown == whole

    asyncio.run(play())


def test_idle_time_is_shown_as_long_as_it_was_where_somebody_wants_it(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            chart = await opened(pilot)
            cut = chart.shown.length
            await pilot.press("i")
            assert chart.shown.length > 7_200_000 > cut
            await pilot.press("i")
            assert chart.shown.length == cut

    asyncio.run(play())


def test_the_mouse_chooses_opens_and_zooms(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            chart = await opened(pilot)
            row = next(y for y, line in enumerate(lines(pilot)) if line.startswith("turns"))
            await pilot.click(Chart, offset=(GUTTER + 3, row))
            assert (chart.chosen.kind, chart.chosen.turn) == (TURN, 1)
            whole = chart.shown
            chart._scrolled(_wheel(chart, GUTTER), 1)
            assert chart.shown.begin == 0
            assert chart.shown.length == pytest.approx(whole.length / 2)
            await pilot.press("0")
            await pilot.click(Chart, offset=(GUTTER + 3, row), times=2)
            await until(pilot, lambda: isinstance(pilot.app.screen, Inspector))
            assert pilot.app.screen.seq == chart.chosen.last

    asyncio.run(play())


def _wheel(chart, x):
    from textual.events import MouseScrollUp

    return MouseScrollUp(chart, x, 0, 0, -1, 0, False, False, False)


def test_a_bar_leads_to_the_inspector_and_to_the_chat(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            chart = await opened(pilot)
            await pilot.press("n", "n")
            assert chart.chosen.call_id == "2"
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, Inspector))
            assert pilot.app.screen.seq == chart.chosen.last
            await pilot.press("f3", "c")
            await until(pilot, lambda: pilot.app.screen.query(Transcript))
            transcript = pilot.app.screen.query_one(Transcript)
            await until(pilot, lambda: transcript.chosen >= 0)
            assert transcript.rows.entries[transcript.chosen].seq == chart.chosen.last

    asyncio.run(play())


def test_the_view_is_saved_as_a_picture_that_loads_nothing(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            await opened(pilot)
            await pilot.press("e", "e")
            first = machine.project / "timeline-kept.svg"
            second = machine.project / "timeline-kept-2.svg"
            await until(pilot, second.exists)
            await until(pilot, lambda: any(str(second) in each for each in told(pilot)))
            return first.read_text("utf-8"), second.read_text("utf-8")

    first, second = asyncio.run(play())
    assert first == second
    assert set(re.findall(r"\w+://[^\s\"']+", first)) == {"http://www.w3.org/2000/svg"}
    picture = ET.fromstring(first)
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert any("tool python sum(x) · error · 700 ms · NameError" in title for title in titles)
    assert any("idle for 2 h 0 min" in title for title in titles)
    drawn = [*picture.iter(f"{SVG}rect")]
    width = float(picture.get("viewBox").split()[2])
    assert all(float(each.get("x", 0)) + float(each.get("width")) <= width for each in drawn)


def test_a_picture_that_cannot_be_written_is_told(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            await opened(pilot)
            desk.cwd = machine.project / "gone"
            await pilot.press("e")
            await until(pilot, lambda: any("cannot write" in each for each in told(pilot)))

    asyncio.run(play())


def test_a_picture_never_takes_the_place_of_a_file(tmp_path):
    (tmp_path / "a.svg").write_text("mine")
    assert save("new", tmp_path, "a") == tmp_path / "a-2.svg"
    assert (tmp_path / "a.svg").read_text() == "mine"


def test_a_long_session_is_shown_while_it_is_read(machine):
    async def play():
        records = many(4_000)
        desk = machine.desk(session=saved(machine, records))
        async with full_screen(desk, size=(120, 40)) as pilot:
            await pilot.press("f3")
            screen = pilot.app.screen
            seen = set()

            def looked():
                seen.add(len(kinds(screen.chart)))
                return screen._waiting is None

            await until(pilot, looked)
            turns = [r for r in durable(records) if isinstance(r.event, TurnFinished)]
            assert kinds(screen.chart).count(TURN) == len(turns)
            await pilot.press("right")
            assert screen.chart.chosen.turn == len(turns)

    asyncio.run(play())


def test_themes_draw_the_bars_anew(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            chart = await opened(pilot)
            before = chart._strip(chart_line(chart))
            desk.look.theme = "none"
            await pilot.pause()
            assert chart._strip(chart_line(chart)).text == before.text
            assert chart._strip(chart_line(chart)) != before

    asyncio.run(play())


def chart_line(chart):
    from llmrepl_textual.bars.drawing import row_of

    scene = chart.scene(100)
    row = chart.spans.rows[0]
    return row_of(scene, row, scene.bars(row))


@pytest.mark.parametrize(
    ("ms", "step", "told"),
    [
        (0, 1_000, "0:00"),
        (61_500, 1_000, "1:01"),
        (61_500, 500, "1:01.5"),
        (61_520, 20, "1:01.52"),
        (3_661_002, 2, "1:01:01.002"),
    ],
)
def test_the_ruler_is_as_exact_as_its_steps(ms, step, told):
    assert clock(ms, step) == told
