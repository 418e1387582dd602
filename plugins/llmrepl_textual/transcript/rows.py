"""The rows of all blocks, measured and drawn as far as somebody looks at them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from textual.strip import Strip

from llmrepl_textual.transcript.entries import Entry, Fold
from llmrepl_textual.transcript.heights import Heights

KEPT = 4_000
"""Rows whose drawing is kept: far more than a screen has."""

LARGE = 1_000
"""Rows as which a longer entry counts: it must not push out what stands beside it, which would push
it out in turn whenever the screen is drawn."""


class Rows:
    """Entries, one below the other, for one width.

    Heights of entries that nobody has drawn are about right. Drawings of those that were not looked
    at for long are forgotten, their heights are not.

    Args:
        draw: returns an entry's strips, without its gap, for a width.
    """

    def __init__(self, draw: Callable[[Entry, int], list[Strip]]) -> None:
        self._draw = draw
        self.width = 1
        self.entries: list[Entry] = []
        self.heights = Heights()
        self._exact: set[int] = set()
        self._drawn: OrderedDict[int, list[Strip]] = OrderedDict()
        self._kept = 0

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def total(self) -> int:
        """Rows of all entries."""
        return self.heights.total

    def place_of(self, seq: int) -> int:
        """Return which entry tells of a record, -1 where none does.

        Pieces of an answer have no record of their own while it is new: they stand before the next.
        """
        for at, entry in enumerate(self.entries):
            if entry.seq >= seq:
                return at if entry.seq == seq or not at else at - 1
        return len(self.entries) - 1

    def clear(self) -> None:
        """Hold nothing."""
        self.entries = []
        self.forget()

    def forget(self, width: int | None = None) -> None:
        """Draw everything anew, for another width where one is given."""
        self.width = width or self.width
        self._exact.clear()
        self._drawn.clear()
        self._kept = 0
        self.heights = Heights(entry.rows(self.width) for entry in self.entries)

    def repaint(self) -> None:
        """Draw everything anew; heights stay."""
        self._drawn.clear()
        self._kept = 0

    def append(self, entry: Entry, strips: list[Strip] | None = None) -> None:
        """Add an entry, with its strips where they are drawn already."""
        at = len(self.entries)
        self.entries.append(entry)
        if strips is None:
            self.heights.append(entry.rows(self.width))
        else:
            self.heights.append(len(strips) + entry.gap if strips else 0)
            self._exact.add(at)
            self._keep(at, strips)

    def prepend(self, entries: list[Entry], heights: list[int]) -> None:
        """Put entries before all others.

        Args:
            entries: what was there before them.
            heights: about how many rows each has.
        """
        by = len(entries)
        self.entries = [*entries, *self.entries]
        self.heights = Heights([*heights, *self.heights])
        self._exact = {at + by for at in self._exact}
        self._drawn = OrderedDict((at + by, strips) for at, strips in self._drawn.items())

    def fold(self, at: int, fold: Fold) -> None:
        """Show more or less of an entry."""
        self.entries[at].fold = fold
        self._exact.discard(at)
        self._drop(at)

    def measure(self, at: int) -> int:
        """Make the height of an entry exact, and return it."""
        if at not in self._exact:
            self.strips(at)
        return self.heights[at]

    def strips(self, at: int) -> list[Strip]:
        """Return the strips of an entry, without its gap."""
        found = self._drawn.get(at)
        if found is not None:
            self._drawn.move_to_end(at)
            return found
        entry = self.entries[at]
        found = self._draw(entry, self.width)
        self.heights[at] = len(found) + entry.gap if found else 0
        self._exact.add(at)
        self._keep(at, found)
        return found

    def _keep(self, at: int, strips: list[Strip]) -> None:
        self._drawn[at] = strips
        self._kept += _weight(strips)
        while self._kept > KEPT and len(self._drawn) > 1:
            _, dropped = self._drawn.popitem(last=False)
            self._kept -= _weight(dropped)

    def _drop(self, at: int) -> None:
        self._kept -= _weight(self._drawn.pop(at, []))


def _weight(strips: list[Strip]) -> int:
    return min(len(strips), LARGE)
