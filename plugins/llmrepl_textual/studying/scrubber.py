"""The clock of a replay: which records are shown by now, and which come next, and when.

It knows no time of its own: whoever drives it says how much has passed. The records that it has
given out are always the first ones of the log, in their order; transient ones stand between them.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from llmrepl.events import StepFinished, StepStarted, TurnStarted
from llmrepl.record import Record
from llmrepl.replaying.playing import LONGEST, Frame, frames

INSTANT = math.inf
SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, INSTANT)
"""How many times as fast as it was; the last is all at once."""


class Scrubber:
    """A place in a session, and how it moves.

    Args:
        records: the session, from its first record on.
        longest: seconds that a pause takes at the most, before the speed is applied.

    Attributes:
        at: how many records are shown.
        playing: whether time moves it.
        speed: one of `SPEEDS`.
        turns: of each turn, its number and how many records are shown when its prompt is the last.
        moments: of each record that `go` returned, when it was, in the seconds of `elapsed`.
    """

    def __init__(self, records: Sequence[Record], longest: float = LONGEST) -> None:
        self._records = records
        self._longest = longest
        self._places = [0, *_places(records)]
        self.turns = [(r.turn, r.seq) for r in records if isinstance(r.event, TurnStarted)]
        self._begins = [seq for _, seq in self.turns]
        self.at = 0
        self.playing = False
        self.speed = 1.0
        self._credit = 0.0
        self._taken = 0.0
        self.moments: list[float] = []
        self._frames = self._from(0)
        self._next = next(self._frames, None)

    @property
    def elapsed(self) -> float:
        """Seconds of the session since the place that was gone to last; none pass in a pause."""
        return self._taken + (self._credit if math.isfinite(self._credit) else 0.0)

    @property
    def ended(self) -> bool:
        """Whether everything is shown."""
        return self._next is None

    def play(self) -> None:
        """Let time move it; what has ended begins anew only by `go`."""
        self.playing = not self.ended

    def pause(self) -> None:
        """Let time pass it by."""
        self.playing = False
        self._taken, self._credit = self.elapsed, 0.0

    def faster(self, by: int) -> None:
        """Take the speed that is so many steps further in `SPEEDS`, as far as there is one."""
        place = SPEEDS.index(self.speed) + by
        self.speed = SPEEDS[min(max(place, 0), len(SPEEDS) - 1)]

    def advance(self, seconds: float) -> list[Record]:
        """Let time pass; return what is shown by then, in order.

        Args:
            seconds: of the person's time.
        """
        if not self.playing:
            return []
        self._credit += INSTANT if self.speed == INSTANT else seconds * self.speed
        shown = []
        while self._next is not None and self._next[0] <= self._credit:
            self._credit -= self._next[0]
            shown.append(self._take())
        if self._next is None:
            self.pause()
        return shown

    def step(self) -> list[Record]:
        """Pause behind the next record; return what leads to it, and it."""
        self.pause()
        return [*self._up_to(self.at + 1)]

    def go(self, at: int) -> tuple[int, list[Record]]:
        """Pause behind a record, wherever that is.

        Args:
            at: how many records are shown then; it is brought within the session.

        Returns:
            How many records are over and done with then, and what to show behind these: the step
            that is under way, as it was.
        """
        self.pause()
        at = min(max(at, 0), len(self._records))
        done = self._places[bisect_right(self._places, at) - 1]
        self.at = done
        self._taken, self.moments = 0.0, []
        self._frames = self._from(done)
        self._next = next(self._frames, None)
        under_way = []
        for record in self._up_to(at):
            under_way.append(record)
            self.moments.append(self.elapsed)
        return done, under_way

    def turn_before(self) -> int:
        """Return the place where the turn before this place begins, 0 before the first."""
        place = bisect_left(self._begins, self.at)
        return self._begins[place - 1] if place else 0

    def turn_after(self) -> int:
        """Return the place where the next turn begins, or the end."""
        place = bisect_right(self._begins, self.at)
        return self._begins[place] if place < len(self._begins) else len(self._records)

    def _up_to(self, at: int) -> Iterator[Record]:
        while self.at < at and self._next is not None:
            yield self._take()

    def _take(self) -> Record:
        assert self._next is not None
        wait, record = self._next
        self._taken += wait
        self.at += record.event.durable
        self._next = next(self._frames, None)
        return record

    def _from(self, done: int) -> Iterator[Frame]:
        rest = islice(self._records, done, None)
        return _in_order(frames(rest, self._longest), done)


def _places(records: Iterable[Record]) -> Iterator[int]:
    """Yield how many records there are wherever nothing is under way that a frame tells of."""
    last = 0
    for count, record in enumerate(records):
        match record.event:
            case StepStarted() | TurnStarted():
                place = count
            case StepFinished():
                place = count + 1
            case _:
                continue
        if place > last:
            yield place
            last = place


def _in_order(timed: Iterable[Frame], done: int) -> Iterator[Frame]:
    """Yield frames, a record that comes before one which is ahead of it in the log right after it.

    Args:
        timed: the frames of a session from a record on.
        done: how many records there are before.
    """
    early: dict[int, Record] = {}
    wait = 0.0
    for seconds, record in timed:
        wait += seconds
        if not record.event.durable:
            yield wait, record
            wait = 0.0
            continue
        early[record.seq] = record
        while found := early.pop(done + 1, None):
            done += 1
            yield wait, found
            wait = 0.0
