"""From rows of spans to cells, for the part of the axis that is shown. Nothing here draws.

Bars of a row never overlap and keep the spans' order; whatever is in the window has a cell. Spans
too short for a cell of their own share one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llmrepl_textual.bars.axis import Axis
from llmrepl_textual.bars.spans import STEP, TURN, Row, Span, Spans
from llmrepl_textual.bars.statuses import worst

SHORTEST = 20.0
"""Milliseconds that are shown at once, at the least."""

STEPS = (1, 2, 5)
"""What the distances of ticks begin with."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the axis that is shown, in its milliseconds."""

    begin: float
    length: float

    @property
    def end(self) -> float:
        """Where it ends."""
        return self.begin + self.length

    def within(self, length: float) -> Window:
        """Return the window nearest to this one on an axis of this length."""
        size = min(max(self.length, SHORTEST), max(length, SHORTEST))
        return Window(min(max(0.0, self.begin), max(0.0, length - size)), size)

    def zoomed(self, factor: float, at: float) -> Window:
        """Return a window of so many times the length, where the place `at` stays where it is."""
        length = max(SHORTEST, self.length * factor)
        share = (at - self.begin) / self.length
        return Window(at - share * length, length)

    def moved(self, share: float) -> Window:
        """Return the window that far on, as a share of its length."""
        return Window(self.begin + share * self.length, self.length)

    def showing(self, begin: float, end: float) -> Window:
        """Return the window moved as little as it takes to see what lies between two places."""
        if end - begin > self.length and begin < self.end and end > self.begin:
            return self
        if begin < self.begin:
            return Window(begin, self.length)
        if end > self.end:
            return Window(min(begin, end - self.length), self.length)
        return self


class Bar(NamedTuple):
    """Cells from `left` to before `right`, of one span or of several that share a cell.

    `more` says at which ends the spans go on outside the window.
    """

    left: int
    right: int
    spans: list[Span]
    more: tuple[bool, bool] = (False, False)

    @property
    def span(self) -> Span:
        """The span, or the first of them."""
        return self.spans[0]

    @property
    def status(self) -> str:
        """The worst of their statuses."""
        return worst(*(span.status for span in self.spans))


def axis_of(spans: Spans, now: int, *, cut: bool = True) -> Axis:
    """Return the axis of a session; what goes on goes on until `now`."""
    return Axis(_busy(spans, now), cut=cut)


def _busy(spans: Iterable[Span], now: int) -> Iterator[tuple[int, int]]:
    """Yield when something went on; of turns and steps, which hold the rest, where they end."""
    for span in spans:
        end = span.until(now)
        if span.kind in (TURN, STEP):
            yield span.begin, span.begin
            yield end, end
        else:
            yield span.begin, end


class Placed(NamedTuple):
    """Where the spans of a row begin and end on an axis, both in their order."""

    begins: Sequence[float]
    ends: Sequence[float]


def placed(row: Row, axis: Axis, now: int) -> Placed:
    """Return where a row's spans stand; what goes on goes on until `now`."""
    place = axis.place
    return Placed(
        [place(span.begin) for span in row.spans], [place(span.until(now)) for span in row.spans]
    )


def bars_of(row: Row, where: Placed, window: Window, width: int) -> list[Bar]:
    """Return a row's bars in a window, from left to right.

    It takes time by the bars that come of it, not by the spans.

    Args:
        row: the spans.
        where: where they stand.
        window: what is shown.
        width: cells there are for it.
    """
    begins, ends = where
    scale = width / window.length
    at = bisect_left(ends, window.begin)
    last = bisect_right(begins, window.end, lo=at)
    bars: list[Bar] = []
    while at < last:
        left = min(max(0, int((begins[at] - window.begin) * scale)), width - 1)
        right = min(max(left + 1, int((ends[at] - window.begin) * scale)), width)
        following = at + 1
        if right == left + 1:  # those that end in the same cell share it
            edge = window.begin + (left + 1) / scale
            following = max(following, bisect_left(ends, edge, lo=following, hi=last))
        spans = row.spans[at:following]
        before = bars[-1] if bars else None
        if before is not None and left < before.right:
            left = before.right
        if before is not None and left >= right:  # it has no cell of its own
            before.spans.extend(spans)
        else:
            more = begins[at] < window.begin, ends[following - 1] > window.end
            bars.append(Bar(left, right, spans, more))
        at = following
    return bars


def ticks(window: Window, width: int, room: int) -> list[tuple[int, float]]:
    """Return the cells of the ruler's ticks and their places on the axis.

    Args:
        window: what is shown.
        width: cells there are for it.
        room: cells that a tick needs, at the least.
    """
    least = window.length * room / max(1, width)
    unit = 1.0
    while unit * STEPS[-1] < least:
        unit *= 10
    step = next(unit * each for each in (*STEPS, 10) if unit * each >= least)
    first = int(-(-window.begin // step))
    found = []
    while (place := first * step) <= window.end:
        cell = int((place - window.begin) / window.length * width)
        if cell < width:
            found.append((cell, place))
        first += 1
    return found
