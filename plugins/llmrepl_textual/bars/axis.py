"""Time as it is drawn: in full while something goes on, and next to none of it while nothing does.

Without this, the hours between two prompts would leave the seconds of a turn no room.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

IDLE = 1_000.0
"""Milliseconds that are drawn of an idle time that is cut."""

LONG = 3_000.0
"""Milliseconds from which on an idle time is cut."""


class Gap(NamedTuple):
    """An idle time that is drawn shorter than it was: its place on the axis, and its milliseconds.

    `drawn` is how many of these there are on the axis.
    """

    place: float
    ms: float
    drawn: float


class Axis:
    """Where moments stand. Places are milliseconds from the axis' beginning.

    Args:
        busy: when something went on: beginning and end, as Unix time in milliseconds.
        cut: whether idle times are shortened.
    """

    def __init__(self, busy: Iterable[tuple[int, int]], *, cut: bool = True) -> None:
        merged = _merged(busy) or [(0, 0)]
        self.began, self.ended = merged[0][0], merged[-1][1]
        self.gaps: list[Gap] = []
        # From each of these moments on, a place is the moment and so much less.
        self._moments, self._places = [float(self.began)], [0.0]
        place = 0.0
        before = merged[0]
        for begin, end in merged[1:] if cut else ():
            idle = begin - before[1]
            if idle > LONG:
                place = self._places[-1] + before[1] - self._moments[-1]
                self.gaps.append(Gap(place, idle, IDLE))
                # Within a gap a moment stands as far on as it was far on in the idle time.
                self._moments += [float(before[1]), float(begin)]
                self._places += [place, place + IDLE]
            before = (begin, end)
        self.length = max(1.0, self.place(self.ended))

    def place(self, at: float) -> float:
        """Return where a moment stands."""
        index = max(0, bisect_right(self._moments, at) - 1)
        into = at - self._moments[index]
        following = index + 1
        if index % 2 and following < len(self._moments):
            into *= IDLE / (self._moments[following] - self._moments[index])
        return self._places[index] + into

    def cuts(self, place: float) -> bool:
        """Return whether a place is within a time that is cut."""
        at = bisect_right(self.gaps, place, key=lambda gap: gap.place) - 1
        return at >= 0 and place < self.gaps[at].place + self.gaps[at].drawn

    def moment(self, place: float) -> float:
        """Return which moment stands there."""
        index = max(0, bisect_right(self._places, place) - 1)
        into = place - self._places[index]
        following = index + 1
        if index % 2 and following < len(self._places):
            into *= (self._moments[following] - self._moments[index]) / IDLE
        return self._moments[index] + into


def _merged(busy: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(busy):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged
