"""`llmrepl replay`: show a saved session again, with its own timing."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.exits import DONE, INTERRUPTED
from llmrepl.cli.options import load_config, redactor_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmrepl.config import Loaded
    from llmrepl.ports import Display
    from llmrepl.record import Record


@click.command("replay")
@click.argument("session")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.01, max=1000),
    default=1.0,
    metavar="N",
    help="How many times as fast; 1 is as it was.",
)
@click.option("--instant", is_flag=True, help="Everything at once.")
@click.option("--display", metavar="NAME", help="What shows it: timeline, plain or a plugin's.")
def command(session: str, speed: float, instant: bool, display: str | None) -> int:
    """Show a saved session again, with its own timing.

    SESSION is an id, the beginning of one, `last`, or a session's file. In a terminal, space
    pauses and goes on, n or → shows the next record, + and - change the speed, q ends. A pause is
    never longer than 2 s.
    """
    from llmrepl.sessions.finding import records_of, session_file

    loaded = load_config({"ui__display": display})
    _, records = records_of(session_file(loaded.config.sessions.directory, session))
    records = redactor_for(loaded).scrub(records)
    if instant:
        shown = _display(loaded, saved=True)
        for record in records:
            shown.show(record)
        return DONE
    try:
        return asyncio.run(_play(records, loaded, speed))
    except KeyboardInterrupt:
        return INTERRUPTED


def _display(loaded: Loaded, *, saved: bool) -> Display:
    from llmrepl.displays.opening import open_display, surface_for

    ui = loaded.config.ui
    return open_display(ui.display, surface_for(sys.stdout, ui.theme, os.environ), saved=saved)


async def _play(records: Iterable[Record], loaded: Loaded, speed: float) -> int:
    from llmrepl.ports import Settles
    from llmrepl.replaying.pacing import Pacing
    from llmrepl.replaying.playing import frames, is_step

    display = _display(loaded, saved=False)
    pacing = Pacing(speed)
    with _keys(pacing):
        try:
            for seconds, record in frames(records):
                if not await pacing.wait(seconds):
                    break
                display.show(record)
                pacing.shown(is_step(record))
        finally:
            if isinstance(display, Settles):
                display.settle()
    return DONE


def _keys(pacing: Any) -> Any:
    """Let the keys of the terminal reach `pacing`, where there is one."""
    from contextlib import nullcontext

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return nullcontext()
    from llmrepl.repl.replaying import HINT, keys_for

    click.echo(HINT, err=True)
    return keys_for(sys.stdin, pacing.press)
