"""Every key of the full screen is pressed in a test in which it does something."""

import asyncio
from pathlib import Path

from llmrepl.conversing.guard import GRACE
from llmrepl.events import TurnFinished, TurnStarted
from llmrepl.parts import text_of
from llmrepl_textual.bars.chart import Chart
from llmrepl_textual.prompt.widget import Prompt
from llmrepl_textual.question import Question
from llmrepl_textual.searching import Search
from llmrepl_textual.studying.replay import Replay
from llmrepl_textual.studying.verify import Verify
from llmrepl_textual.tests.host import events, full_screen, said, text, typed, until
from llmrepl_textual.tests.keys import claimed, every
from llmrepl_textual.tests.panes import configured
from llmrepl_textual.tests.sessions import eventful, many, saved
from llmrepl_textual.tests.shelf import saved as recorded
from llmrepl_textual.tests.studies import led
from llmrepl_textual.transcript.widget import Transcript
from llmrepl_textual.widgets.dialogs import Confirm
from llmrepl_textual.widgets.reading import Reading
from llmrepl_textual.widgets.rows import Rows

HERE = Path(__file__).parent


def test_every_key_has_a_test_that_presses_it():
    assert sorted(set(every()) - set(claimed())) == []


def test_what_is_pressed_is_a_key_and_the_test_is_there():
    assert sorted(set(claimed()) - set(every())) == []
    for test in set(claimed().values()):
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (HERE / file).read_text("utf-8")


# The keys that other tests leave


def test_keys_of_the_prompt(machine):
    async def play():
        desk = machine.desk(machine.script("One.", "Two.", "Three.", "Four."))
        async with full_screen(desk) as pilot:
            prompt = pilot.app.screen.query_one(Prompt)
            for words in ("first one", "second one"):
                await typed(pilot, words)
                await pilot.press("enter")
                await until(pilot, lambda: not desk.work.busy)
            await pilot.press("ctrl+p")
            assert prompt.text == "second one"
            await pilot.press("ctrl+p", "ctrl+n")
            assert prompt.text == "second one"
            await pilot.press("ctrl+n")
            assert prompt.text == ""
            for key, taken in [
                ("ctrl+f", "first one"),
                ("ctrl+e", "first one"),
                ("alt+f", "first"),
            ]:
                prompt.put("")
                await typed(pilot, "fi")
                await until(pilot, lambda: prompt.suggestion == "rst one")
                await pilot.press(key)
                assert prompt.text == taken
            await pilot.press("alt+enter", "x")
            assert prompt.text == "first\nx"
            await pilot.press("ctrl+c", "ctrl+z")  # where no shell waits, nothing is stopped
            await pilot.press("ctrl+x", "ctrl+e")
            await until(pilot, lambda: "cannot be lent to an editor" in text(pilot))
            await pilot.press("ctrl+l")
            await until(pilot, lambda: "Two." not in text(pilot))
            await pilot.press("escape", "escape")
            await until(pilot, lambda: prompt.text == "second one")
            assert [text_of(event.prompt) for event in events(desk, TurnStarted)] == ["first one"]
            await pilot.press("ctrl+c", "ctrl+d")
            await until(pilot, lambda: pilot.app._exit)

    asyncio.run(play())


def test_keys_of_the_search_of_what_was_sent(machine):
    async def play():
        desk = machine.desk(machine.script("One.", "Two.", "Three."))
        async with full_screen(desk) as pilot:
            prompt = pilot.app.screen.query_one(Prompt)
            for words in ("first", "second", "third"):
                await typed(pilot, words)
                await pilot.press("enter")
                await until(pilot, lambda: not desk.work.busy)

            async def searched(*keys):
                await pilot.press("ctrl+r")
                await until(pilot, lambda: isinstance(pilot.app.screen, Search))
                await pilot.press(*keys)
                await until(pilot, lambda: not isinstance(pilot.app.screen, Search))
                return prompt.text

            assert await searched("down", "ctrl+r", "up", "enter") == "second"
            assert await searched("ctrl+r", "ctrl+s", "enter") == "third"
            assert await searched("down", "escape") == "third"
            assert await searched("down", "ctrl+c") == "third"
            await pilot.press("ctrl+q")
            await until(pilot, lambda: pilot.app._exit)

    asyncio.run(play())


def test_keys_that_scroll_blocks_and_lists(machine):
    async def play():
        desk = machine.desk(session=saved(machine, many(200)))
        async with full_screen(desk) as pilot:
            transcript = pilot.app.screen.query_one(Transcript)
            await until(pilot, lambda: transcript.complete and transcript.max_scroll_y > 100)
            await pilot.press("ctrl+t", "up", "up")
            chosen = transcript.chosen
            await pilot.press("down")
            assert transcript.chosen > chosen
            for down, up in [("shift+down", "shift+up"), ("pagedown", "pageup")]:
                await pilot.press(up, up)
                above = await stands(pilot, transcript)
                await pilot.press(down)
                assert await stands(pilot, transcript) > above
            await pilot.press("f8")
            rows = pilot.app.screen.query_one(Rows)
            await until(pilot, lambda: rows.count > 50)
            for down, up in [("down", "up"), ("j", "k"), ("pagedown", "pageup")]:
                before = rows.at
                await pilot.press(down)
                assert rows.at > before
                await pilot.press(up)
                assert rows.at == before

    asyncio.run(play())


async def stands(pilot, widget):
    """Return which row is on top, when that has come to rest."""
    await pilot.wait_for_animation()
    await pilot.pause()
    return widget.scroll_offset.y


def test_other_keys_of_the_timeline_and_the_inspector(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(120, 40)) as pilot:
            await led(pilot, ["f3"])
            chart = pilot.app.screen.query_one(Chart)
            whole = chart.shown
            await pilot.press("equals_sign", "equals_sign")
            assert chart.shown.length < whole.length
            await pilot.press("greater_than_sign")
            after = chart.shown
            await pilot.press("less_than_sign")
            assert chart.shown.begin < after.begin
            await pilot.press("n", "n")
            failed = chart.chosen
            await pilot.press("n", "N")
            assert chart.chosen is failed
            await led(pilot, ["enter"])
            inspector = pilot.app.screen
            assert inspector.seq == failed.last
            await pilot.press("right")
            assert inspector.focused.id == "facet"
            await pilot.press("left")
            assert inspector.focused.id == "facets"
            await pilot.press("c")
            await until(pilot, lambda: pilot.app.screen.query(Transcript))
            transcript = pilot.app.screen.query_one(Transcript)
            await until(pilot, lambda: transcript.chosen >= 0)
            assert transcript.rows.entries[transcript.chosen].seq == failed.last
            await pilot.app.push_screen(Reading("all of it"))
            await pilot.press("q")
            assert pilot.app.screen.query(Transcript)

    asyncio.run(play())


def test_other_keys_of_saved_sessions(machine):
    async def play():
        recorded(machine, "goes-on", "several-steps")
        desk = machine.desk(machine.script("Hello."))
        async with full_screen(desk) as pilot:
            await pilot.press("f5")
            sessions = pilot.app.screen
            await until(pilot, lambda: sessions.rows.count == 2)
            await pilot.press("delete")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            keys = pilot.app.screen.query_one(".keys")
            await pilot.click(keys, offset=(str(keys.content).index("Esc"), 0))
            await until(pilot, lambda: pilot.app.screen is sessions)
            replay = Replay(desk, "goes-on", 9)
            await pilot.app.push_screen(replay)
            await until(pilot, lambda: replay.film and replay.film.scrubber.at == 9)
            await pilot.press("equals_sign")
            assert replay.film.scrubber.speed == 2
            await pilot.press("less_than_sign")
            await until(pilot, lambda: replay.film.scrubber.at == 0)
            await pilot.press("q")
            await until(pilot, lambda: pilot.app.screen is sessions)
            verify = Verify(desk, "goes-on")
            await pilot.app.push_screen(verify)
            await until(pilot, lambda: verify.ended and verify.rows.count)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, Replay))
            assert (machine.sessions / "goes-on.jsonl").exists()

    asyncio.run(play())


def test_other_keys_of_the_settings(machine):
    own = configured(machine, "[limits]\nmax_steps = 12\n")

    async def play():
        desk = machine.desk(machine.script("Hello."))
        async with full_screen(desk) as pilot:
            await pilot.press("f8")
            pane = pilot.app.screen.pane
            await until(pilot, lambda: pane.found)
            at = next(at for at, row in enumerate(pane.found) if row.key == "limits.max_steps")
            pane.query_one(Rows).at = at
            await pilot.press("delete")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            await pilot.press("y")
            await until(pilot, lambda: "max_steps" not in own.read_text())
            await said(pilot, "/permissions add allow bash: ls")
            await pilot.press("2")
            rules = pilot.app.screen.pane
            await until(pilot, lambda: rules.entries)
            await pilot.press("delete")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            keys = pilot.app.screen.query_one(".keys")
            await pilot.click(keys, offset=(2, 0))  # the mouse does it as well: take it back
            await until(pilot, lambda: not rules.entries)
            assert not desk.assembly.gate.book.entries

    asyncio.run(play())


def test_other_keys_of_a_question(machine):
    lines = "\n".join(f"echo {number}" for number in range(60))
    block = f'Look.\n\n<helpers lang="bash">\ngetent passwd root\n{lines}\n</helpers>\n'

    async def play():
        desk = machine.desk(machine.script(block, "Done."), **{"sandbox.net": ["example.org"]})
        async with full_screen(desk) as pilot:
            desk.work.enter("go")
            await until(pilot, lambda: isinstance(pilot.app.screen, Question))
            (about,) = await until(pilot, lambda: pilot.app.screen.query("#about"))
            await until(pilot, lambda: about.max_scroll_y > 5)
            await pilot.resize_terminal(60, 20)
            await until(pilot, lambda: "no, and say why" in text(pilot))  # all choices are seen,
            await until(pilot, lambda: "starts getent" in text(pilot))  # and what it does
            assert "echo 0" in text(pilot)
            await pilot.press("pagedown")
            await until(pilot, lambda: about.scroll_offset.y > 0)
            await pilot.press("pageup")
            await until(pilot, lambda: about.scroll_offset.y == 0)
            await until(pilot, lambda: "Run this bash block?" in text(pilot))
            await asyncio.sleep(2 * GRACE)
            await pilot.press("r")
            await until(pilot, lambda: "why not" in text(pilot))
            await pilot.press("pagedown")  # also while something is typed
            await until(pilot, lambda: about.scroll_offset.y > 0)
            await pilot.press("pageup", "escape")
            await asyncio.sleep(2 * GRACE)
            await pilot.press("e")
            await until(pilot, lambda: "takes the change" in text(pilot))
            pilot.app.screen.query_one("#code").text = "getent group root"
            await pilot.press("f10")
            await until(pilot, lambda: "getent group root" in text(pilot))
            assert isinstance(pilot.app.screen, Question)
            await pilot.press("ctrl+d")
            await until(pilot, lambda: not desk.work.busy)
            assert [event.reason for event in events(desk, TurnFinished)] == ["cancelled"]

    asyncio.run(play())
