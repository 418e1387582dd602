"""Saved sessions for the tests of the screens about them, and what these screens looked like.

UPDATE_SCREENS=1 writes the screens on file anew.
"""

import os
import shutil
import time
from pathlib import Path

from rich.color import ColorSystem

from llmrepl_textual.tests.host import lines

SESSIONS = Path(__file__).parents[3] / "sessions"
SCREENS = Path(__file__).parent / "screens"
SIZES = [(60, 20), (80, 24), (120, 40)]


def saved(machine, *names, folder="golden"):
    """Save recorded sessions on a machine, the first one used last: an hour ago, then two, …"""
    machine.sessions.mkdir(parents=True, exist_ok=True)
    for beside in ("blobs", ".project"):
        source, here = SESSIONS / folder / beside, machine.sessions / beside
        if source.is_dir() and not here.exists():
            shutil.copytree(source, here)
    for hours, name in enumerate(names, 1):
        path = Path(shutil.copy(SESSIONS / folder / f"{name}.jsonl", machine.sessions))
        used = time.time() - 3600 * hours - 60
        os.utime(path, (used, used))


def many(machine, count):
    """Save so many sessions, the one with the highest number used last."""
    machine.sessions.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = machine.sessions / f"s{number:05}.jsonl"
        shutil.copy(SESSIONS / "golden/several-steps.jsonl", path)
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))


def at_noon(machine, monkeypatch):
    """Let every saved session have been used on the same day, a minute after the next."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for minutes, path in enumerate(sorted(machine.sessions.glob("*.jsonl"))):
        noon = 1_767_614_400 - 60 * minutes  # on 2026-01-05
        os.utime(path, (noon, noon))


def looks_as_on_file(pilot, name):
    """Assert that the screen shows what the file `name` has for its size."""
    size = pilot.app.screen.size
    file = SCREENS / f"{name}-{size.width}x{size.height}.txt"
    shown = "\n".join([*lines(pilot)[:-1], ""])  # the last one has the keys of all screens
    if os.environ.get("UPDATE_SCREENS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()


def listen(pilot):
    """Keep what pops up from now on, which a person sees for some seconds."""
    app, pilot.popped = pilot.app, []
    notify = app.notify

    def kept(message, **how):
        pilot.popped.append(message)
        notify(message, **how)

    app.notify = kept


def noted(pilot, words):
    """Return whether a message with these words has popped up since `listen`."""
    return any(words in message for message in pilot.popped)


def coloured(pilot):
    """Return the rows of the screen, with escape sequences for colours."""
    screen = pilot.app.screen
    strips = screen._compositor.render_strips(screen.size)
    return ["".join(map(_coloured, strip)) for strip in strips]


def _coloured(segment):
    style = segment.style
    return style.render(segment.text, color_system=ColorSystem.STANDARD) if style else segment.text
