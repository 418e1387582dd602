"""Draw the screens on which sessions are studied: python -m docs.screens.studies.

They show the session of their tests, without the footer, and stand on docs/how-to/full-screen.md.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from docs.screens.make import svg
from llmrepl_textual.tests.host import Machine, full_screen
from llmrepl_textual.tests.sessions import eventful, saved
from llmrepl_textual.tests.studies import coloured, led

PICTURES = Path(__file__).with_name("full-screen")
SIZE = (100, 26)

KEYS: Mapping[str, tuple[str, ...]] = {
    "timeline": ("f3", "n", "n"),
    "inspector": ("enter", *["down"] * 4, "right_square_bracket", "right_square_bracket"),
}
"""The pictures, one after the other, and the keys that lead from each to the next."""


def pictures() -> dict[str, str]:
    """Return each picture as SVG, by name."""
    patch = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory() as folder:
        try:
            return asyncio.run(_drawn(Machine(Path(folder), patch)))
        finally:
            patch.undo()


async def _drawn(machine: Machine) -> dict[str, str]:
    found = {}
    desk = machine.desk(session=saved(machine, eventful()))
    async with full_screen(desk, size=SIZE) as pilot:
        for name, keys in KEYS.items():
            await led(pilot, keys)
            found[name] = svg(coloured(pilot)[:-1], width=SIZE[0], name=name) + "\n"
    return found


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name, text in pictures().items():
        if name in (sys.argv[1:] or KEYS):
            (PICTURES / f"{name}.svg").write_text(text, "utf-8")
            click.echo(PICTURES / f"{name}.svg")
