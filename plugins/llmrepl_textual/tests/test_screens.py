"""What the screens show, as text in files; UPDATE_SCREENS=1 writes them anew."""

import asyncio
import os
import re
import time
from pathlib import Path

import pytest
from textual.events import MouseScrollDown

from llmrepl.conversing.commands.table import COMMANDS
from llmrepl_textual.app import FullScreen
from llmrepl_textual.screens import SCREENS
from llmrepl_textual.tests.bindings import bound
from llmrepl_textual.tests.host import full_screen, lines, said, text, typed, until
from llmrepl_textual.widgets.foot import Foot

FILES = Path(__file__).parent / "screens"
PATIENCE = 20.0
SIZES = ((80, 24), (120, 40), (60, 20))

FIRST = """usage: 860/64

I look at the *data* first.

<helpers>
values = [3, 1, 4]
print(sum(values) / len(values))
for value in range(40): print(value)
</helpers>"""
SECOND = """usage: 1200/90

## Result

The **mean** is `2.67`, and this sentence is so long that it has to be broken.

| value | times |
|---|---|
| 1 | 2 |

- one thing
- another

```python
def mean(xs):
    return sum(xs) / len(xs)
```"""

CHANGING = (
    (r"\d+(\.\d+)? (ms|s)\b", "# s"),
    (r"\d{8}-\d{6}-\w{4}", "SESSION"),
    (r"context ~[\d.k]+", "context ~#"),
    (r" *[▁▂▃▄▅▆▇█]+$", ""),
)
"""What differs from run to run, and what stands for it."""


def screen(pilot):
    """Return the screen without what differs from run to run."""
    found = "\n".join(lines(pilot))
    for pattern, instead in CHANGING:
        found = re.sub(pattern, instead, found, flags=re.MULTILINE)
    return found + "\n"


async def check(pilot, name):
    """Wait until the screen is as it is on file."""
    columns, rows = pilot.app.size
    file = FILES / f"{name}-{columns}x{rows}.txt"
    if os.environ.get("UPDATE_SCREENS"):
        await pilot.pause(2)
        file.parent.mkdir(exist_ok=True)
        file.write_text(screen(pilot))
    deadline = time.monotonic() + PATIENCE
    while screen(pilot) != file.read_text() and time.monotonic() < deadline:
        await pilot.pause(0.05)
    assert screen(pilot) == file.read_text()


@pytest.fixture
def model(machine):
    """A model with a short name, whatever directory the test has."""
    machine.script(FIRST, SECOND)
    return "scripted/script.txt"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_screens_are_those_on_file(machine, model, size):
    async def play():
        desk = machine.desk(model)
        async with full_screen(desk, size=size) as pilot:
            await asyncio.wait_for(desk.assembly.warming, 60)
            await asyncio.wait_for(desk.assembly.looking, 60)
            await said(pilot, "What is the mean?")
            await until(pilot, lambda: "tokens · " in text(pilot))
            await until(pilot, lambda: "context ~" in text(pilot) or size[0] < 80)
            await check(pilot, "turn")
            await pilot.press("ctrl+t", "up", "up", "up", "space")
            await check(pilot, "blocks")
            await pilot.press("enter", "ctrl+t")
            await typed(pilot, "/co")
            await until(pilot, lambda: "let a summary" in text(pilot))
            await check(pilot, "menu")
            await pilot.press("ctrl+c", "f1")
            await until(pilot, lambda: "Screens" in text(pilot))
            await check(pilot, "help")

    asyncio.run(play())


def test_the_help_has_every_key_and_every_command(machine):
    async def play():
        async with full_screen(machine.desk(), size=(120, 400)) as pilot:
            await pilot.press("f1")
            await until(pilot, lambda: "Commands" in text(pilot))
            shown = text(pilot)
            for row in SCREENS.values():
                assert f"{row.title}: {row.purpose}" in shown
            for name, command in COMMANDS.items():
                assert f"/{name}" in shown
                assert command.purpose in shown
            rows = [line.strip() for line in shown.splitlines()]
            for kind, bindings in bound().items():
                for binding in bindings if kind is not FullScreen else ():
                    about = binding.tooltip or binding.description
                    assert any(row.endswith(about) for row in rows), (kind, binding)

    asyncio.run(play())


def test_a_click_at_the_foot_is_the_key_and_the_wheel_shows_those_that_have_no_room(machine):
    async def play():
        async with full_screen(machine.desk(), size=(60, 20)) as pilot:
            await until(pilot, lambda: "f3 Timeline" in lines(pilot)[-1])
            foot = lines(pilot)[-1]
            assert "Settings" not in foot
            await pilot.hover(Foot, offset=(foot.index("Help"), 0))
            shown = pilot.app.screen.query_one(Foot)
            assert shown.tooltip == SCREENS["help"].purpose
            await pilot.hover("#prompt")
            assert shown.tooltip is None
            shown.on_mouse_scroll_down(wheel(shown))
            await until(pilot, lambda: lines(pilot)[-1].strip().startswith("Blocks"))
            for _ in range(30):
                shown.on_mouse_scroll_down(wheel(shown))
            await until(pilot, lambda: "Settings" in lines(pilot)[-1])
            for _ in range(30):
                shown.on_mouse_scroll_up(wheel(shown))
            await until(pilot, lambda: lines(pilot)[-1] == foot)
            await pilot.click(Foot, offset=(foot.index("Help"), 0))
            await until(pilot, lambda: "Screens" in text(pilot))

    asyncio.run(play())


def wheel(widget):
    at = dict.fromkeys(("delta_x", "delta_y", "button"), 0)
    keys = dict.fromkeys(("shift", "meta", "ctrl"), False)
    return MouseScrollDown(widget, 0, 0, **at, **keys)


def test_the_palette_finds_commands_screens_and_themes(machine):
    async def play():
        desk = machine.desk(machine.script("Hello."))
        async with full_screen(desk, size=(100, 40)) as pilot:
            await pilot.press("f9")
            await until(pilot, lambda: "/models" in text(pilot))
            await typed(pilot, "theme light")
            await until(pilot, lambda: "Theme: light" in text(pilot))
            await pilot.press("enter")
            await until(pilot, lambda: pilot.app.theme == "light")
            await pilot.press("f9")
            await until(pilot, lambda: "/models" in text(pilot))
            await typed(pilot, "retry")
            await until(pilot, lambda: "/retry" in text(pilot))
            await pilot.press("enter")
            await until(pilot, lambda: pilot.app.screen.query("#prompt"))
            await until(pilot, lambda: pilot.app.screen.prompt.text == "/retry ")

    asyncio.run(play())
