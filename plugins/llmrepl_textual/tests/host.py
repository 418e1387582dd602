"""A person's machine in a directory, and the full screen on it, with everything real but the model.

with machine.chat("Hello.") as ...   # see `Machine.run`
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path

from llmrepl.compose.opening import Wanted
from llmrepl.config import load
from llmrepl_textual.desk import Desk

PATIENCE = 60.0
"""Seconds that anything may take that a test waits for."""


class Machine:
    """A home and a project below `root`; the process's environment and directory are these."""

    def __init__(self, root, monkeypatch):
        self.root = root
        self.home = root / "home"
        self.project = self.home / "project"
        self.project.mkdir(parents=True)
        (self.project / ".git").mkdir()
        for name in [*os.environ]:
            if name.startswith(("LLMREPL_", "XDG_", "GROQ_", "OPENAI_", "OLLAMA_")):
                monkeypatch.delenv(name)
        for name in ("NO_COLOR", "VISUAL", "EDITOR", "PAGER", "COLORFGBG"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:1")
        monkeypatch.chdir(self.project)

    @property
    def sessions(self):
        return self.home / ".local" / "share" / "llmrepl" / "sessions"

    def script(self, *replies):
        """Return the model whose replies these are, each as a script file writes it."""
        path = self.project / "script.txt"
        path.write_text("====\n" + "====\n".join(f"{reply}\n" for reply in replies))
        return f"scripted/{path}"

    def desk(self, model="demo/assistant", *, session="", **settings):
        """Return a desk: of a new session, or of a saved one; without a model, with its own."""
        chosen = {"model": model} if model else {}
        loaded = load({**chosen, **settings}, os.environ, Path.cwd())
        return Desk(loaded, Wanted(resume=session), environ=os.environ, cwd=Path.cwd())


@asynccontextmanager
async def full_screen(desk, size=(80, 24), *, ready=True):
    """Run the app on a desk, and give its pilot once the desk is ready."""
    from llmrepl_textual.tests.keys import Watched

    app = Watched(desk)
    try:
        async with app.run_test(size=size) as pilot:
            app.watch_prompt(app.screen.prompt.presses)
            if ready:
                await asyncio.wait_for(desk.ready(), PATIENCE)
            await pilot.pause()
            yield pilot
    finally:
        await desk.close()


async def typed(pilot, words):
    """Type words."""
    names = {" ": "space", "/": "slash", "@": "at", "!": "exclamation_mark"}
    await pilot.press(*(names.get(letter, letter) for letter in words))


async def until(pilot, true):
    """Wait until `true()` is, and return what it gave."""
    async with asyncio.timeout(PATIENCE):
        while not (found := true()):
            await pilot.pause(0.02)
    return found


async def said(pilot, text):
    """Type a text into the prompt, send it, and wait until it is done."""
    desk = pilot.app.desk
    desk.work.enter(text)
    await until(pilot, lambda: not desk.work.busy)
    await pilot.pause()


def lines(pilot):
    """Return what the screen shows: its lines as text, without what is blank at their ends."""
    screen = pilot.app.screen
    strips = screen._compositor.render_strips(screen.size)
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def text(pilot):
    """Return what the screen shows as one text."""
    return "\n".join(lines(pilot))


def line_with(pilot, words):
    """Return the line of the screen that has the words."""
    return next(line for line in lines(pilot) if words in line)


def events(desk, kind=None):
    """Return the events that have happened, or those of a kind."""
    return [r.event for r in desk.records if kind is None or isinstance(r.event, kind)]
