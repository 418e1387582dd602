"""The timeline and the inspector of a session, as their tests and their pictures show them."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from llmrepl_textual.tests.host import full_screen, lines, until
from llmrepl_textual.tests.sessions import eventful, saved

HERE = Path(__file__).parent / "screens"
SIZES = ((80, 24), (120, 40), (60, 20))

SHOWN = {
    "timeline": ("f3",),
    "timeline-bar": ("right", "home", "down", "down", "right"),
    "timeline-near": ("home", "n", "z"),
    "inspector-code": ("enter",),
    "inspector-request": ("down", "down", "down", "down"),
    "inspector-usage": ("left_square_bracket", "down", "down"),
    "inspector": ("right_square_bracket", "right_square_bracket", "home"),
}
"""Screens one after the other, and the keys that lead from each to the next."""


def quiet(pilot):
    """Return whether a screen shows all that it has to show."""
    screen = pilot.app.screen
    reads = isinstance(getattr(screen, "_waiting", None), list)  # the timeline
    asked = [section.text for section in getattr(screen, "sections", [])]
    return not reads and not any("making it again" in text for text in asked)


def told(pilot):
    """Return what was said at the edge of the screen."""
    return [notification.message for notification in pilot.app._notifications]


async def led(pilot, keys):
    """Press keys, each when what the one before it did is there to be seen."""
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
        await until(pilot, lambda: quiet(pilot))
        await pilot.pause()


async def shown(machine, size):
    """Return each screen's text without the footer, which has the keys of all other screens."""
    desk = machine.desk(session=saved(machine, eventful()))
    looks = {}
    async with full_screen(desk, size=size) as pilot:
        for name, keys in SHOWN.items():
            await led(pilot, keys)
            looks[name] = "\n".join([*lines(pilot)[:-1], ""])
    return looks


def coloured(pilot):
    """Return what the screen shows: its lines with escape sequences for colours."""
    screen = pilot.app.screen
    console = Console(
        file=StringIO(), force_terminal=True, color_system="standard", width=400, _environ={}
    )
    return [s.render(console) for s in screen._compositor.render_strips(screen.size)]


def kept(name, size):
    """Return the file of a screen."""
    return HERE / f"{name}-{size[0]}x{size[1]}.txt"
