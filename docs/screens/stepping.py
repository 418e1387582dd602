"""Draw the debugger for the documentation: python -m docs.screens.stepping.

A turn is stepped through with a scripted model, and what is seen becomes
docs/screens/full-screen/NAME.svg.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest

from docs.screens import full_screen
from llmrepl_textual.debugging.breakpoints import parsed
from llmrepl_textual.debugging.words import title
from llmrepl_textual.debugging.writing import Writing
from llmrepl_textual.tests.host import Machine, until
from llmrepl_textual.tests.host import full_screen as running

REPLIES = (
    """usage: 912/71

I count the words.

<helpers>
from collections import Counter
from pathlib import Path
words = Path("tea.txt").read_text().lower().split()
for word, times in Counter(words).most_common(4):
    print(times, word)
</helpers>""",
    """usage: 1130/64

I clear up.

<helpers lang="bash">
rm -rf build && ls
</helpers>""",
    "Done.",
)
BREAKPOINTS = ("status !ok", r"pattern rm\s+-r", "cost turn > 0.05", "tool read_*")


async def _paused(pilot: Any, what: str) -> None:
    screen = pilot.app.screen
    await until(pilot, lambda: screen.waits and title(screen.waits.action) == what)
    await pilot.pause(0.5)


async def _drawn(machine: Machine) -> None:
    machine.script(*REPLIES)
    (machine.project / "tea.txt").write_text(full_screen.TEA)
    desk = machine.desk("scripted/script.txt", **{"ui.theme": "light"})
    async with running(desk, size=(120, 30)) as pilot:
        await pilot.press("f7")
        screen: Any = pilot.app.screen
        await until(pilot, lambda: screen.stepper is not None)
        for line in BREAKPOINTS:
            screen.stepper.add(parsed(line))
        await pilot.press("p")
        desk.work.enter("Which words are in tea.txt most often? Clear up after that.")
        await _paused(pilot, "ask the model")
        full_screen.draw(pilot.app, "debugger-request")
        await pilot.press("c")
        await _paused(pilot, "run bash 1.2.1")
        full_screen.draw(pilot.app, "debugger")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, Writing))
        await pilot.pause(0.5)
        full_screen.draw(pilot.app, "debugger-edit")
        await pilot.press("escape")
        desk.work.interrupt()
        await until(pilot, lambda: not desk.work.busy)


def main() -> None:
    """Step through a turn, and draw."""
    patch = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_drawn(Machine(Path(folder), patch)))
    patch.undo()


if __name__ == "__main__":
    main()
