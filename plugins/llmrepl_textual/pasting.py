"""Pastes in brackets, taken whole.

Textual looks for keys in them: a control sequence in a paste becomes keys that nobody pressed, and
the line end behind it sends the prompt.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END as END
from textual._xterm_parser import BRACKETED_PASTE_START as START
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.message import Message


class Pasting(XTermParser):
    """Reads what a terminal sends: keys, the mouse, and pastes as they are."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._pasted: list[str] | None = None  # what came of a paste that goes on
        self._tail = ""  # the end of it, where its end may have begun
        self._begun = ""  # of a paste's start, what has been read as keys

    def feed(self, data: str) -> Iterable[Message]:
        """Yield what `data` says; empty data is the end."""
        if not data:
            yield from super().feed(data)
            return
        # Where Textual has not waited for the rest, what began was a key.
        begun = self._begun if self._awaiting.timeout is not None else ""
        rest = START.removeprefix(begun)
        if begun and rest != data and rest.startswith(data):
            self._begun += data
            yield from super().feed(data)
            return
        if begun and data.startswith(rest):
            for _ in super().feed(rest + END):  # an empty paste, by which it forgets the start
                pass
            self._pasted, data = [], data.removeprefix(rest)
        self._begun = ""
        while data:
            if self._pasted is None:
                keys, start, data = data.partition(START)
                if keys:
                    yield from super().feed(keys)
                if start:
                    self._pasted = []
                else:
                    self._begun = _begun(keys)
            else:
                text, end, data = (self._tail + data).partition(END)
                self._tail = "" if end else text[1 - len(END) :]
                self._pasted.append(text.removesuffix(self._tail))
                if end:
                    pasted, self._pasted = "".join(self._pasted), None
                    yield events.Paste(pasted.replace("\0", ""))


def _begun(data: str) -> str:
    """Return the end of `data` that may begin a paste."""
    lengths = range(len(START) - 1, 0, -1)
    return next((START[:length] for length in lengths if data.endswith(START[:length])), "")


def teach_pastes(driver: type[Driver]) -> None:
    """Let a driver read pastes whole; Textual's own name the parser in their modules."""
    for kind in driver.__mro__:
        names = vars(sys.modules[kind.__module__])
        if names.get("XTermParser") is XTermParser:
            names["XTermParser"] = Pasting
