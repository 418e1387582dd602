"""The terminal: lines that are inscribed for good, and below them a live area that is redrawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from llmrepl.ports import Surface
from llmrepl_timeline.lines import Line, width_of
from llmrepl_timeline.themes import Painter

SHARE = 0.1
"""The part of the time that may be spent on redrawing."""

LEAST = 0.1
"""Seconds between two redraws, at the least."""


class Pace:
    """Says when a redraw is due, from what the ones before it cost.

    Args:
        clock: returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next = clock()

    @property
    def wait(self) -> float:
        """How many seconds are left until a redraw is due; at most 0 when it is."""
        return self._next - self._clock()

    def count(self, began: float) -> None:
        """Take note of a redraw that began then and has ended now."""
        now = self._clock()
        self._next = now + max(LEAST, (now - began) * (1 - SHARE) / SHARE)


class Screen:
    """Writes to a stream. Where it is no live terminal, there is no live area."""

    def __init__(self, surface: Surface) -> None:
        self._stream = surface.stream
        self._size = surface.size
        self.live = surface.live
        self._painter = Painter(surface.theme, links=surface.links)
        self._stage = surface.stage if surface.live else None
        self._stage_painter = Painter(surface.theme)
        self._staged: list[int] = []  # the cells of each line of the live area

    @property
    def theme(self) -> str:
        """The name of the theme; setting it changes what is drawn from now on."""
        return self._painter.theme

    @theme.setter
    def theme(self, name: str) -> None:
        self._painter = self._painter.like(name)
        self._stage_painter = self._stage_painter.like(name)

    @property
    def width(self) -> int:
        """Cells that a line may take; the last column stays free, where terminals differ."""
        columns = self._size()[0]
        return max(1, columns - 1 if self.live else columns)

    @property
    def height(self) -> int:
        """Rows of the terminal."""
        return self._size()[1]

    def update(self, inscribed: Iterable[Line], staged: list[Line]) -> None:
        """Inscribe lines, and show `staged` below them in place of what was staged before.

        The cursor is left at the beginning of the line below, where others may write.
        """
        if self._stage is not None:
            self._stage("\n".join(self._stage_painter.paint(staged)))
            staged = []
        elif not self.live:
            staged = []
        text = [self._erased(), *(line + "\n" for line in self._painter.paint(inscribed))]
        text += (line + "\n" for line in self._painter.paint(staged))
        self._staged = [width_of(line) for line in staged]
        if written := "".join(text):
            self._stream.write(written)
            self._stream.flush()

    def forget(self) -> None:
        """Leave the live area as it is, since somebody else has written below it."""
        self._staged = []

    def _erased(self) -> str:
        """Return what erases the live area, as many rows as it takes at the width there is now."""
        if not self._staged:
            return ""
        columns = max(1, self._size()[0])
        rows = sum(max(1, -(-cells // columns)) for cells in self._staged)
        return f"\r\x1b[{rows}A\x1b[J"
