"""Whether the scratch has grown too large, found out without counting its files all the time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from llmrepl.executors.policy import Limits
from llmrepl.executors.scratch import usage

RARELY = 20
"""A count that found nothing is not repeated for so many times as long as it took."""

_UNKNOWN_EVERY = 20  # looks between two counts where the file system does not tell its free files


class DiskMeter:
    """Guesses from the file system's free space, and counts where the guess is too high.

    Others write to the same file system, so the guess errs upwards; only a count decides. A block
    that begins with too full a scratch may go on while it adds nothing: it may be clearing up.
    """

    def __init__(self, scratch: Path, limits: Limits) -> None:
        self._scratch = scratch
        self._limits = limits
        self._looks = 0
        self._count_after = 0.0
        self._free = self._free_now()
        self._known = self._at_begin = usage(scratch)

    def begin(self) -> None:
        """Note how things stand as a block begins."""
        if self._may_exceed():
            self._count()
        self._at_begin = self._known

    def exceeded(self, unlinked: Callable[[], int]) -> bool:
        """Say whether the scratch holds too much, and more than when the block began.

        Args:
            unlinked: returns the bytes in files that are open there and have no name any more.
        """
        began = time.monotonic()
        if began < self._count_after or not self._may_exceed():
            return False
        self._count()
        held, count = self._known
        if held + unlinked() > max(self._limits.scratch_size, self._at_begin[0]):
            return True
        if count > max(self._limits.scratch_files, self._at_begin[1]):
            return True
        self._count_after = time.monotonic() + RARELY * (time.monotonic() - began)
        return False

    def _count(self) -> None:
        self._free = self._free_now()
        self._known = usage(self._scratch)

    def _free_now(self) -> tuple[int, int]:
        facts = os.statvfs(self._scratch)
        return facts.f_bfree * facts.f_frsize, facts.f_ffree

    def _may_exceed(self) -> bool:
        size, count = self._free_now()
        self._looks += 1
        if not count and self._looks % _UNKNOWN_EVERY == 0:
            return True
        return self._free[0] - size > max(
            0, self._limits.scratch_size - self._known[0]
        ) or self._free[1] - count > max(0, self._limits.scratch_files - self._known[1])
