"""An answer while it is being written: what of it is final is laid out once, and not again."""

from __future__ import annotations

from collections.abc import Callable

from llmrepl_timeline.lines import Line
from llmrepl_timeline.staging import Composing


class Answer:
    """The text so far, and its lines for one width.

    Args:
        clock: returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pieces: list[str] = []
        self._composing = Composing(clock, links=True)
        self._width = 0
        self.final: list[Line] = []

    def feed(self, text: str) -> None:
        """Take in more of it."""
        self._pieces.append(text)
        self._composing.feed(text)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)

    def advance(self, width: int) -> int:
        """Lay out what has become final; return how many lines of `final` are as they were."""
        if width != self._width:
            if self._width:
                self._begin_anew()
            self._width = width
        before = len(self.final)
        self.final += self._composing.advance(width)
        return before

    def rest(self, rows: int) -> list[Line]:
        """Return at most `rows` lines of what can still change, and how fast it goes."""
        return self._composing.draw(self._width, rows)

    def close(self) -> list[Line] | None:
        """Return all lines: the answer has ended. None where nobody has asked for any yet."""
        if not self._width:
            return None
        self.advance(self._width)
        return [*self.final, *self._composing.close(self._width)]

    def _begin_anew(self) -> None:
        began = self._composing
        self._composing = Composing(self._clock, links=True)
        self._composing.goes_on(began)
        self.final = []
        self._composing.feed(self.text)
