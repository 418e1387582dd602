"""The terminal as what is not drawn reaches it: the window's title and the bell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO


class Undrawn:
    """Writes in between what is drawn, and to the terminal itself when nothing is drawn any more.

    Args:
        terminal: where it ends.
        between: writes in between what is drawn, and returns whether it could.
    """

    def __init__(self, terminal: TextIO, between: Callable[[str], bool]) -> None:
        self._terminal = terminal
        self._between = between

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._terminal.isatty()

    def write(self, text: str) -> None:
        """Write text that moves no cursor."""
        if not self._between(text):
            self._terminal.write(text)

    def flush(self) -> None:
        """See to it that what was written is there."""
        self._terminal.flush()
