"""Draw the screens about saved sessions: python -m docs.screens.studying.

They show recorded sessions, and stand in docs/screens/full-screen.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import click
import pytest

from docs.screens.make import svg
from llmrepl_textual.studying.compare import Compare
from llmrepl_textual.studying.replay import Replay
from llmrepl_textual.studying.verify import Verify
from llmrepl_textual.tests.host import Machine, full_screen, text, until
from llmrepl_textual.tests.shelf import at_noon, coloured, saved

PICTURES = Path(__file__).parent / "full-screen"
SIZE = (100, 28)
NAMES = ("bash-pipeline", "draws-a-plot", "forked-here", "goes-on", "is-a-fork", "several-steps")


def draw(pilot: Any, name: str) -> None:
    """Write a picture of the screen, without the keys at its foot, which are on the page."""
    picture = PICTURES / f"{name}.svg"
    picture.write_text(svg(coloured(pilot)[:-1], width=SIZE[0], name=f"tui-{name}"), "utf-8")
    click.echo(picture)


async def drawn(machine: Machine) -> None:
    """Draw all of them."""
    desk = machine.desk(machine.script("Hello."), **{"ui.theme": "light"})
    async with full_screen(desk, SIZE) as pilot:
        await pilot.press("f5")
        view: Any = pilot.app.screen
        await until(pilot, lambda: "6 sessions" in text(pilot) and "bash-pipeline ·" in text(pilot))
        view.rows.at = 2
        await pilot.press("space", "down")
        await until(pilot, lambda: "goes-on ·" in text(pilot))
        draw(pilot, "sessions")
        for name, screen, seen in (
            ("compare", Compare(desk, "forked-here", "is-a-fork"), "common"),
            ("replay", Replay(desk, "goes-on", 19), "19/25"),
            ("verify", Verify(desk, "several-steps"), "diverged"),
        ):
            await pilot.app.push_screen(screen)
            await until(pilot, lambda seen=seen: seen in text(pilot))
            await until(pilot, lambda screen=screen: getattr(screen, "ended", True))
            await pilot.pause(0.3)
            draw(pilot, name)
            await pilot.press("escape")


def main() -> None:
    """Make a machine with these sessions, and draw."""
    PICTURES.mkdir(exist_ok=True)
    patch = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder), patch)
        saved(machine, *NAMES)
        at_noon(machine, patch)
        sales = machine.sessions / ".project/sales.csv"
        sales.write_text(sales.read_text().replace("135", "153"))
        asyncio.run(drawn(machine))
    patch.undo()


if __name__ == "__main__":
    main()
