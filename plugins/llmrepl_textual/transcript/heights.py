"""Heights of blocks that lie one below the other: where a block begins, and which block is where.

Both take time that grows with the logarithm of their number (a Fenwick tree).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate


class Heights:
    """Heights in rows; `total` is their sum.

    Args:
        heights: those that there are already.
    """

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._own = list(heights)
        above = [*accumulate(self._own, initial=0)]
        self._sums = [total - above[at & (at - 1)] for at, total in enumerate(above)]
        self.total = above[-1]

    def __iter__(self) -> Iterator[int]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def __getitem__(self, at: int) -> int:
        return self._own[at]

    def __setitem__(self, at: int, height: int) -> None:
        change = height - self._own[at]
        if not change:
            return
        self._own[at] = height
        self.total += change
        node = at + 1
        while node < len(self._sums):
            self._sums[node] += change
            node += node & -node

    def append(self, height: int) -> None:
        """Add one below the others."""
        node = len(self._sums)
        below = node - (node & -node)
        self._sums.append(self.above(node - 1) - self.above(below) + height)
        self._own.append(height)
        self.total += height

    def above(self, at: int) -> int:
        """Return the sum of all that come before `at`."""
        found = 0
        while at:
            found += self._sums[at]
            at -= at & -at
        return found

    def find(self, row: int) -> tuple[int, int]:
        """Return which one a row is in, and which row of it that is.

        Args:
            row: less than `total`.
        """
        at, step = 0, 1 << len(self._own).bit_length()
        while step:
            below = at + step
            if below < len(self._sums) and self._sums[below] <= row:
                at = below
                row -= self._sums[below]
            step >>= 1
        return at, row
