"""What stays in the terminal when the full screen is gone."""

import asyncio
import io

from llmrepl_textual.farewell import farewell
from llmrepl_textual.tests.host import full_screen, said, typed


def left(machine, play, *replies):
    desk = machine.desk(machine.script(*replies))

    async def run():
        async with full_screen(desk) as pilot:
            await play(pilot)

    asyncio.run(run())
    stream = io.StringIO()
    farewell(desk, stream)
    return stream.getvalue()


def test_the_last_turn_and_how_to_resume(machine):
    async def play(pilot):
        await said(pilot, "first")
        await said(pilot, "second")

    told = left(machine, play, "One.", "Two.")
    assert "Two." in told
    assert "One." not in told
    assert "To resume this session: llmrepl tui " in told


def test_what_was_not_sent(machine):
    async def play(pilot):
        await typed(pilot, "half a line")

    assert left(machine, play, "One.") == "not sent: half a line\n"
