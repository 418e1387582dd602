"""Shows the end of a session that is gone on with, so that the person knows where it stands."""

from __future__ import annotations

import sys

from llmrepl.compose.opening import SHOWN_TURNS, Opened
from llmrepl.displays.opening import open_display
from llmrepl.displays.paint import Paint
from llmrepl.ports import Surface


def show_again(opened: Opened, name: str, surface: Surface) -> None:
    """Show its last turns.

    Args:
        opened: the session.
        name: the display that shows them.
        surface: what to draw on.
    """
    paint = Paint(surface.theme)
    if opened.log.repaired:
        sys.stdout.write(f"note: {opened.log.repaired}\n")
    first = opened.state.turn - SHOWN_TURNS + 1
    if first > 1:
        sys.stdout.write(paint(f"… {first - 1} earlier turns\n", "dim"))
    display = open_display(name, surface, saved=True)
    for record in opened.records:
        display.show(record)
    sys.stdout.write(paint(f"resumed session {opened.log.id}\n", "dim"))
    sys.stdout.flush()
