"""Keys that were not meant for a question: they are swallowed, so that none of them answers it."""

from __future__ import annotations

import time
from collections.abc import Callable

GRACE = 0.4
"""Seconds without a key before a question takes one. Each that is swallowed starts them again."""

ALONE = 0.06
"""Seconds in which no other key may follow an answer: what follows at once was pasted."""


class Guard:
    """Says which keys count.

    Args:
        clock: returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = clock() + GRACE

    def swallows(self) -> bool:
        """Return whether the key that was pressed just now does not count."""
        early = self._clock() < self._until
        if early:
            self.restart()
        return early

    def restart(self) -> None:
        """Let the grace time begin again."""
        self._until = self._clock() + GRACE
