"""`llmrepl sessions watch`: a session that another process writes, as it happens."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from llmrepl.cli.exits import DONE, ERROR
from llmrepl.cli.options import load_config, redactor_for

if TYPE_CHECKING:
    from llmrepl.config import Loaded
    from llmrepl.sessions.watching import Watching


def watch(session: str, display: str | None, *, as_json: bool) -> int:
    """Show a session while it is being written, and return the exit code.

    Args:
        session: what a person calls it; see `llmrepl.sessions.finding`.
        display: what shows it; None for what is configured.
        as_json: print the lines as they are logged instead.

    Raises:
        SessionError: there is no such session, or it cannot be read.
    """
    from llmrepl.sessions.finding import session_file
    from llmrepl.sessions.watching import Watching

    loaded = load_config({"ui__display": display})
    watching = Watching(session_file(loaded.config.sessions.directory, session))
    if watching.holder is not None:
        _say(f"{watching.path.stem} is being written by {watching.holder}; Ctrl-C ends watching")
    try:
        asyncio.run(_printed(watching) if as_json else _shown(watching, loaded))
    except KeyboardInterrupt:
        return DONE
    return _end(watching)


async def _printed(watching: Watching) -> None:
    async for line, _ in watching.lines():
        sys.stdout.buffer.write(watching.opened(line) + b"\n")
        sys.stdout.buffer.flush()


async def _shown(watching: Watching, loaded: Loaded) -> None:
    from llmrepl.displays.opening import open_display, surface_for
    from llmrepl.ports import Settles

    ui = loaded.config.ui
    redactor = redactor_for(loaded)
    surface = surface_for(sys.stdout, ui.theme, os.environ, words=ui.screen_reader)
    display = open_display(ui.display, surface)
    try:
        async for _, record in watching.lines():
            display.show(redactor.scrub(record))
    finally:
        if isinstance(display, Settles):
            display.settle()


def _end(watching: Watching) -> int:
    from llmrepl.sessions.watching import went_on

    name = watching.path.stem
    _say(f"{name}: {watching.ended}")
    if watching.holder is not None and (now := went_on(watching.path.parent, watching.holder)):
        _say(f"it goes on in session {now}: llmrepl sessions watch {now}")
    return ERROR if watching.ended.startswith("line ") else DONE


def _say(text: str) -> None:
    from llmrepl.sanitise import clean

    click.echo(f"llmrepl: {clean(text)}", err=True)
