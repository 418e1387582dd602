"""The stream that everything in a chat is written to: whole lines go to the transcript."""

from __future__ import annotations

import io
from collections.abc import Callable


class Voice(io.TextIOBase):
    """Stands in place of stdout while the full screen is there.

    Args:
        told: takes text of whole lines, without the last line's end.
    """

    encoding = "utf-8"

    def __init__(self, told: Callable[[str], object]) -> None:
        self._told = told
        self._begun = ""

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def isatty(self) -> bool:
        """Return that nothing here is obeyed as a terminal would."""
        return False

    def write(self, text: str) -> int:
        """Take text; a line that is not finished waits for its end."""
        lines, newline, self._begun = (self._begun + text).rpartition("\n")
        if newline:
            self._told(lines)
        return len(text)
