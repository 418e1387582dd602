"""Whether a directory has grown too large, found out without counting its files all the time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from llmrepl.executors.policy import Limits
from llmrepl.executors.scratch import usage

RARELY = 20
"""A count that found nothing is not repeated for so many times as long as it took."""

CHEAP = 0.001
"""A count that takes fewer seconds is made for each block."""

ANYWAY = 100
"""After so many times as long as it took it is repeated, whatever the guess is."""


class DiskMeter:
    """Guesses from the file system's free space, and counts where the guess is too high.

    Others write to the same file system and delete from it, so only a count decides, and there is
    one now and then in any case. A block that begins with too full a directory may go on while it
    adds nothing: it may be clearing up.

    Args:
        directory: what blocks fill.
        limits: their `scratch_size` and `scratch_files` hold.
        theirs: whether it is a person's, so that they hold for what a block adds.
    """

    def __init__(self, directory: Path, limits: Limits, *, theirs: bool = False) -> None:
        self._scratch = directory
        self._limits = limits
        self._theirs = theirs
        self._count_after = self._count_anyway = 0.0
        self._count()
        self._begin()

    def begin(self) -> None:
        """Note how things stand as a block begins."""
        if self._took < CHEAP or self._may_exceed():
            self._count()
        self._begin()

    def _begin(self) -> None:
        held, count = self._known
        size, files = self._limits.scratch_size, self._limits.scratch_files
        most = (
            (held + size, count + files) if self._theirs else (max(held, size), max(count, files))
        )
        self._most = most

    def exceeded(self, unlinked: Callable[[], int]) -> bool:
        """Say whether the directory holds too much, and more than when the block began.

        Args:
            unlinked: returns the bytes in files that are open there and have no name any more.
        """
        began = time.monotonic()
        suspected = began >= self._count_after and self._may_exceed()
        if not suspected and began < self._count_anyway:
            return False
        self._count()
        held, count = self._known
        if held + unlinked() > self._most[0] or count > self._most[1]:
            return True
        ended = time.monotonic()
        self._count_after = ended + RARELY * (ended - began)
        self._count_anyway = ended + ANYWAY * (ended - began)
        return False

    def _count(self) -> None:
        self._free = self._free_now()
        began = time.monotonic()
        self._known = usage(self._scratch)
        self._took = time.monotonic() - began

    def _free_now(self) -> tuple[int, int]:
        facts = os.statvfs(self._scratch)
        return facts.f_bfree * facts.f_frsize, facts.f_ffree

    def _may_exceed(self) -> bool:
        size, count = self._free_now()
        return self._free[0] - size > max(0, self._most[0] - self._known[0]) or (
            self._free[1] - count > max(0, self._most[1] - self._known[1])
        )
