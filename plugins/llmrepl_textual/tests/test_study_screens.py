"""The screens about saved sessions look as they did, in a small, a usual and a large terminal."""

import asyncio

import pytest

from llmrepl_textual.studying.compare import Compare
from llmrepl_textual.studying.replay import Replay
from llmrepl_textual.studying.verify import Verify
from llmrepl_textual.tests.host import full_screen, text, until
from llmrepl_textual.tests.shelf import SIZES, at_noon, looks_as_on_file, saved

NAMES = ("bash-pipeline", "draws-a-plot", "forked-here", "goes-on", "is-a-fork", "several-steps")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_the_screens_are_those_on_file(machine, monkeypatch, size):
    saved(machine, *NAMES)
    at_noon(machine, monkeypatch)

    async def play():
        desk = machine.desk(machine.script("Hello there."))
        async with full_screen(desk, size) as pilot:
            await pilot.press("f5")
            await until(pilot, lambda: "bash-pipeline ·" in text(pilot))
            await until(pilot, lambda: "6 sessions" in text(pilot))
            looks_as_on_file(pilot, "sessions")

            compare = Compare(desk, "forked-here", "is-a-fork")
            await pilot.app.push_screen(compare)
            await until(pilot, lambda: compare.rows.count and "common" in text(pilot))
            looks_as_on_file(pilot, "compare")
            await pilot.press("escape")

            replay = Replay(desk, "several-steps", 16)
            await pilot.app.push_screen(replay)
            await until(pilot, lambda: "16/23" in text(pilot))
            replay.transcript.settle()
            replay.transcript.chosen = -1
            await pilot.pause()
            looks_as_on_file(pilot, "replay")
            await pilot.press("escape")

            verify = Verify(desk, "several-steps")
            await pilot.app.push_screen(verify)
            await until(pilot, lambda: verify.ended and "✓ several-steps" in text(pilot))
            verify._found = verify._found[:3]  # the rest tells of this machine's Python
            verify._draw()
            await pilot.pause()
            looks_as_on_file(pilot, "verify")

    asyncio.run(play())
