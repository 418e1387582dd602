"""Calls a person back to a terminal that they are not looking at: the window's title and the bell.

These go past everything that is drawn, since they move no cursor. What stands in a title is made
safe to show, and the title that was there before comes back at the end.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from llmrepl.events import ApprovalDecided, ApprovalRequested, TurnFinished, TurnStarted
from llmrepl.parts import text_of
from llmrepl.record import Record
from llmrepl.sanitise import clean

SAVE, RESTORE = "\x1b[22;2t", "\x1b[23;2t"
"""Put the title on the terminal's own stack, and take it from there."""

WORDS = 40
"""Characters of the first prompt that stand in the title."""

BELL = "\x07"
NOTES: Mapping[str, str] = {
    "iTerm.app": "\x1b]9;{}\x1b\\",
    "WezTerm": "\x1b]777;notify;llmrepl;{}\x1b\\",
    "ghostty": "\x1b]777;notify;llmrepl;{}\x1b\\",
    "foot": "\x1b]777;notify;llmrepl;{}\x1b\\",
    "rxvt-unicode-256color": "\x1b]777;notify;llmrepl;{}\x1b\\",
}
"""How a terminal is asked for a message on the desktop, by TERM_PROGRAM or TERM."""


class Terminal(Protocol):
    """What is written to."""

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        ...

    def write(self, text: str, /) -> object:
        """Write text that moves no cursor."""
        ...

    def flush(self) -> object:
        """See to it that what was written is there."""
        ...


class Attention:
    """Sees every record (`llmrepl.ports.Display`).

    Args:
        stream: a terminal; on anything else nothing is written.
        environ: the environment variables.
        bell: seconds of a turn from which on its end rings, as every question does; 0 never rings.
        title: whether the window gets a title.
        clock: returns seconds that never go back.
    """

    def __init__(
        self,
        stream: Terminal,
        environ: Mapping[str, str],
        *,
        bell: float,
        title: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        able = stream.isatty() and environ.get("TERM") not in ("dumb", "linux", None)
        self._bell = bell if able else 0.0
        self._titled = title and able
        terminal = environ.get("TERM_PROGRAM") or environ.get("TERM", "")
        self._note = NOTES.get(terminal, "") if "TMUX" not in environ else ""
        self._clock = clock
        self._began = 0.0
        self._words = ""
        self._saved = False

    def show(self, record: Record) -> None:
        """Take note of how a turn stands."""
        match record.event:
            case TurnStarted(prompt=prompt):
                self._began = self._clock()
                self._words = self._words or _first_words(text_of(prompt))
                self._title("working")
            case ApprovalRequested():
                self._title("asks")
            case ApprovalDecided(by=by):
                self._title("working")
                # The time in which somebody was there to answer is none of waiting.
                self._began = self._clock() if by == "person" else self._began
            case TurnFinished():
                self._title("done")
                if self._bell and self._clock() - self._began >= self._bell:
                    self._ring("done")

    def asks(self) -> None:
        """Ring, since a person is asked something."""
        if self._bell:
            self._ring("asks something")

    def close(self) -> None:
        """Give the window the title back that it had."""
        if self._saved:
            self._saved = False
            self._write(RESTORE)

    def _title(self, state: str) -> None:
        if not self._titled:
            return
        if not self._saved:
            self._saved = True
            atexit.register(self.close)
            self._write(SAVE)
        self._write(f"\x1b]2;llmrepl: {self._words} · {state}\x1b\\")

    def _ring(self, what: str) -> None:
        self._write(BELL + self._note.format(f"{self._words} · {what}".replace(";", ",")))

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._titled, self._bell, self._saved = False, 0.0, False  # the terminal is gone


def _first_words(text: str) -> str:
    words = " ".join(clean(text[: 10 * WORDS]).split())
    return words if len(words) <= WORDS else words[: WORDS - 1] + "…"
