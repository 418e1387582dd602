"""What stays in the terminal when the full screen is gone: the last turn, and how to come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from llmrepl.displays.opening import open_display, surface_for
from llmrepl.errors import LlmreplError
from llmrepl.events import TurnStarted
from llmrepl.record import Record
from llmrepl.sanitise import clean
from llmrepl_textual.desk import Desk

MOST = 400
"""Records of the last turn that are shown, those at its end."""


def farewell(desk: Desk, stream: TextIO) -> None:
    """Print the end of the transcript, and say how to go on.

    Args:
        desk: what was worked on; it may be closed.
        stream: the terminal.
    """
    name, theme = desk.config.ui.display, desk.look.theme
    surface = surface_for(stream, theme, desk.environ, words=desk.config.ui.screen_reader)
    try:
        display = open_display(name, surface, saved=True)
        for record in _last_turn(desk) if desk.failure is None else ():
            display.show(record)
    except LlmreplError as error:
        stream.write(f"{error.message}\n")
    stream.writelines(f"not sent: {clean(text)}\n" for text in desk.unsent)
    assembly = desk.assembly
    if assembly is not None and assembly.session_id and len(desk.records):
        stream.write(f"To resume this session: llmrepl tui {assembly.session_id}\n")
    stream.flush()


def _last_turn(desk: Desk) -> Iterator[Record]:
    first = last = len(desk.records)
    while first and last - first < MOST:
        first -= 1
        if isinstance(desk.records[first].event, TurnStarted):
            break
    return iter(desk.records[first:last])
