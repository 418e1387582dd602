"""A saved session is replayed, stepped through, and run again to see what diverges."""

import asyncio
import shutil

from textual.widgets import Input

from llmrepl.events import ToolStarted
from llmrepl.runtime import fold
from llmrepl.sessions.finding import records_of
from llmrepl_textual.screens.sessions import Sessions
from llmrepl_textual.studying.replay import Bar, Replay
from llmrepl_textual.studying.scene import LEAD
from llmrepl_textual.studying.scrubber import INSTANT
from llmrepl_textual.studying.verify import Verify
from llmrepl_textual.tests.host import full_screen, text, until
from llmrepl_textual.tests.shelf import listen, noted, saved
from llmrepl_textual.widgets.dialogs import Ask


def above(machine, play, kind, name, *arguments, folder="golden"):
    """Run `play` on a screen about a session, above the list."""
    saved(machine, name, folder=folder)
    log = records_of(machine.sessions / f"{name}.jsonl")[1]

    async def run():
        desk = machine.desk(machine.script("Hello there."))
        async with full_screen(desk) as pilot:
            listen(pilot)
            await pilot.press("f5")
            assert isinstance(pilot.app.screen, Sessions)
            view = kind(desk, name, *arguments)
            await pilot.app.push_screen(view)
            await play(pilot, view, log)

    asyncio.run(run())


def seqs(view):
    """The records that the transcript shows blocks of, as far as these are whole."""
    return [entry.seq for entry in view.transcript.rows.entries if entry.seq]


async def at(pilot, view, place):
    await until(pilot, lambda: view.film and view._wanted is None)
    await until(pilot, lambda: view.film.scrubber.at == place)
    await pilot.pause()


def test_a_session_is_stepped_through_and_stands_as_it_was(machine):
    async def play(pilot, view, log):
        await at(pilot, view, 12)
        assert not view.film.scrubber.playing
        for key, place in [("right", 13), ("right", 14), ("left", 13), ("p", 12), ("n", 13)]:
            await pilot.press(key)
            await at(pilot, view, place)
            assert view.film.states.at(place).state == fold(log[:place])
            assert max(seqs(view)) <= place
            assert f"{place}/{len(log)}" in text(pilot)
        await pilot.press("greater_than_sign")
        await at(pilot, view, len(log))
        assert "■" in text(pilot)
        assert "585" in text(pilot)
        await pilot.press("left_square_bracket")
        turns = view.film.scrubber.turns
        await at(pilot, view, turns[-1][1])
        assert "turn 2 · ready · turn.started" in text(pilot)
        await pilot.press("left_square_bracket")
        await at(pilot, view, 1)
        await pilot.press("left_square_bracket")
        await at(pilot, view, 0)
        assert "before the first record" in text(pilot)
        assert view.transcript.rows.entries == []
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until(pilot, lambda: view.film.scrubber.at in (1, turns[-1][1]))
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Sessions)

    above(machine, play, Replay, "goes-on", 12)


def test_a_replay_plays_pauses_and_begins_anew(machine):
    async def play(pilot, view, log):
        await until(pilot, lambda: view.film)
        scrubber = view.film.scrubber
        await until(pilot, lambda: 0 < scrubber.at < len(log))  # it plays as soon as it is there
        await pilot.press("space")
        await until(pilot, lambda: not scrubber.playing)
        place = scrubber.at
        await pilot.press("minus")
        assert scrubber.speed == 0.5
        assert scrubber.at == place
        await pilot.press(*["plus"] * 5)
        assert scrubber.speed == 16
        await pilot.press("space")
        await until(pilot, lambda: scrubber.at == len(log) and scrubber.ended)
        await until(pilot, lambda: "■ 16×" in text(pilot))
        await pilot.press("plus")
        assert scrubber.speed == INSTANT
        await pilot.press("space")
        await until(pilot, lambda: view._wanted is None and scrubber.at == len(log))
        await until(pilot, lambda: "instant" in text(pilot))

    above(machine, play, Replay, "comes-slowly")


def test_the_clock_of_a_replay_that_is_paused_stands_still(machine):
    async def play(pilot, view, log):
        await until(pilot, lambda: view.film)
        started = next(r.seq for r in log if isinstance(r.event, ToolStarted))
        view._go(started)
        await at(pilot, view, started)
        await until(pilot, lambda: "Running" in text(pilot))
        view.transcript.draw()
        (stage,) = view.transcript.story.staged
        before = stage.seconds
        await asyncio.sleep(1.2)
        assert stage.seconds == before
        await pilot.press("space")
        await until(pilot, lambda: stage.seconds > before)

    above(machine, play, Replay, "mends-an-error", 1)


def test_a_place_is_gone_to_by_its_number_and_by_a_click(machine):
    async def play(pilot, view, log):
        await at(pilot, view, 3)
        for answer, place in [("9", 9), ("turn 2", 15), ("0", 0)]:
            await pilot.press("g")
            await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
            pilot.app.screen.query_one(Input).value = answer
            await pilot.press("enter")
            await at(pilot, view, place)
        await pilot.press("g")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        pilot.app.screen.query_one(Input).value = "turn 9"
        await pilot.press("enter")
        await until(
            pilot, lambda: noted(pilot, "there are the records 0 to 25 and the turns 1 to 2")
        )
        await pilot.click(Bar, offset=(80 - 1 - len(" 25/25") - 1, 0))
        await at(pilot, view, len(log))
        await pilot.click(Bar, offset=(1 + LEAD, 0))
        await at(pilot, view, 0)

    above(machine, play, Replay, "goes-on", 3)


def test_a_replay_is_forked_where_it_stands_and_opened_in_the_chat(machine):
    async def play(pilot, view, log):
        await at(pilot, view, 9)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.pause()
        assert pilot.app.screen.query_one(Input).value == "at 9"
        pilot.app.screen.query_one(Input).value = "nine at 9"
        await pilot.press("enter")
        await until(pilot, (machine.sessions / "nine.jsonl").exists)
        assert len(records_of(machine.sessions / "nine.jsonl")[1]) == 9
        await until(pilot, lambda: pilot.app.screen is view)
        await pilot.press("o")
        await until(pilot, lambda: view.desk.assembly.session_id == "goes-on")
        assert pilot.app.current_mode == "chat"

    above(machine, play, Replay, "goes-on", 9)


def test_a_damaged_session_is_replayed_as_far_as_it_is_sound(machine):
    saved(machine, "goes-on")
    path = machine.sessions / "goes-on.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[8] = lines[8].replace(b'"turn":1', b'"turn":7')

    async def play(pilot, view, log):
        path.write_bytes(b"\n".join(lines))
        again = Replay(view.desk, "goes-on", 0)
        await pilot.app.push_screen(again)
        await at(pilot, again, 0)
        assert 0 < len(again.film.records) < len(log)
        await until(pilot, lambda: noted(pilot, "goes-on.jsonl line"))
        missing = Replay(view.desk, "no-such")
        await pilot.app.push_screen(missing)
        await until(pilot, lambda: pilot.app.screen is again)
        await until(pilot, lambda: noted(pilot, "cannot read"))

    above(machine, play, Replay, "goes-on", 0)


def test_calls_run_again_are_the_same(machine):
    async def play(pilot, view, log):
        await until(pilot, lambda: view.ended)
        await pilot.pause()
        assert [checked.outcome for checked in view.report.calls] == ["same", "same"]
        assert view.report.passed
        assert "✓ goes-on: 2 the same" in text(pilot)
        view.rows.at = 1
        await pilot.press("r")  # the replay begins at that call
        replay = pilot.app.screen
        assert isinstance(replay, Replay)
        await at(pilot, replay, view.report.calls[1].call.seq)
        await pilot.press("escape")
        assert pilot.app.screen is view
        before = view.report
        await pilot.press("v")
        assert view.report is not before
        await until(pilot, lambda: view.ended and len(view.report.calls) == 2)

    above(machine, play, Verify, "goes-on")


def test_what_diverges_is_shown_as_a_diff(machine):
    saved(machine, "goes-on")
    sales = machine.sessions / ".project/sales.csv"
    sales.write_text(sales.read_text().replace("Feb", "Foo"))

    async def play(pilot, view, log):
        await until(pilot, lambda: view.ended)
        await pilot.pause()
        assert [checked.outcome for checked in view.report.calls] == ["diverged", "same"]
        for part in (
            "✗ goes-on: 1 the same, 1 diverged",
            "diverged first in stdout",
            "-Feb",
            "+Foo",
        ):
            assert part in text(pilot)
        assert view.report.estranged
        assert "the model would have been told otherwise" in text(pilot)
        await pilot.press("end", "d")
        assert view.rows.at == 0

    above(machine, play, Verify, "goes-on")


async def answered(pilot, key, answer):
    """Press a key and answer what is asked then."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    pilot.app.screen.query_one(Input).value = str(answer)
    await pilot.press("enter")
    await pilot.pause()


def test_a_project_and_rules_of_ones_own_are_verified_with(machine):
    saved(machine, "goes-on")
    sales = machine.sessions / ".project/sales.csv"
    shutil.copytree(sales.parent, machine.project / "as-it-was")
    sales.write_text(sales.read_text().replace("Feb", "Foo"))
    rules = machine.project / "rules.toml"
    rules.write_text('[[rule]]\nname = "month"\npattern = "Feb|Foo"\nreplace = "<month>"\n')

    async def play(pilot, view, log):
        await until(pilot, lambda: view.ended)
        assert not view.report.passed
        await answered(pilot, "p", "nowhere")
        await until(pilot, lambda: noted(pilot, "there is no directory"))
        await answered(pilot, "n", "as-it-was/sales.csv")
        await until(pilot, lambda: noted(pilot, "rules"))
        assert view.rules is None
        report = view.report
        await answered(pilot, "n", "rules.toml")
        await until(pilot, lambda: view.report is not report and view.ended)
        first = view.report.calls[0]
        assert "stdout" not in [difference.field for difference in first.differences]
        report = view.report
        await answered(pilot, "p", "as-it-was")
        await until(pilot, lambda: view.report is not report and view.ended)
        await until(
            pilot, lambda: " the same · project as-it-was · rules rules.toml" in text(pilot)
        )
        assert view.report.passed

    above(machine, play, Verify, "goes-on")


def test_leaving_ends_what_runs_again(machine):
    async def play(pilot, view, log):
        await until(pilot, lambda: view._work is not None)
        work = view._work
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Sessions)
        await until(pilot, work.done)

    above(machine, play, Verify, "is-interrupted")
