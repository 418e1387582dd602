"""Draw the dashboards and the settings for the documentation: python -m docs.screens.figures.

They are those of the full screen's tests, and become docs/screens/full-screen/NAME.svg.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest

from docs.screens import full_screen
from llmrepl_textual.tests.host import Machine, said, text, until
from llmrepl_textual.tests.host import full_screen as running
from llmrepl_textual.tests.panes import (
    NOW,
    OUTCOMES,
    audited,
    charged,
    configured,
    filtered,
    in_utc,
    opened,
    recorded,
    settled,
)

OWN = "[budgets]\nmonth = 5\nday = 0.10\nwarn = ['month']\n\n[sandbox]\ntimeout = 30\n"
RULES = "allow bash: git status\nallow any write: build/**\nask any network: *.example.com\n"


async def _dashboards(machine: Machine) -> None:
    desk = machine.desk("demo/assistant", **{"sessions.save": False, "ui.theme": "light"})
    async with running(desk, size=full_screen.SIZE) as pilot:
        await desk.assembly.warming
        pane: Any = await opened(pilot, "f6")
        pane.clock = lambda: NOW
        await pilot.press("r")
        await settled(pilot, pane)
        full_screen.draw(pilot.app, "usage")
        await said(pilot, "/resume falls-back")
        await opened(pilot, "f6", 2)
        full_screen.draw(pilot.app, "providers")
        pane = await opened(pilot, "f6", 3)
        await pilot.press("s")
        await settled(pilot, pane)
        full_screen.draw(pilot.app, "tools")
        pane = await opened(pilot, "f6", 4)
        await filtered(pilot, pane, "session:tea")
        full_screen.draw(pilot.app, "audit")


async def _settings(machine: Machine) -> None:
    desk = machine.desk("demo/assistant", **{"ui.theme": "light"})
    async with running(desk, size=full_screen.SIZE) as pilot:
        await desk.assembly.warming
        pane: Any = await opened(pilot, "f8")
        await filtered(pilot, pane, "sandbox")
        await pilot.press(*["down"] * 5, "enter")
        await until(pilot, lambda: "Enter takes it" in text(pilot))
        full_screen.draw(pilot.app, "configuration")
        await pilot.press("escape")
        await opened(pilot, "f8", 2)
        full_screen.draw(pilot.app, "permissions")
        await opened(pilot, "f8", 3)
        await pilot.press("down", "down")
        full_screen.draw(pilot.app, "plugins")
        pane = await opened(pilot, "f8", 4)
        pane.outcomes = OUTCOMES
        await pilot.press("r")
        await settled(pilot, pane)
        await pilot.press("down", "down")
        full_screen.draw(pilot.app, "health")


def main() -> None:
    """Make a machine with something to show, and draw."""
    patch = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder), patch)
        in_utc(patch)
        charged(machine)
        audited()
        file = configured(machine, OWN, "[sandbox]\ntimeout = 20\n")
        file.with_name("permissions").write_text(RULES)
        recorded(machine, "falls-back", "several-steps", "meets-a-limit")
        asyncio.run(_dashboards(machine))
        asyncio.run(_settings(machine))
    patch.undo()


if __name__ == "__main__":
    main()
