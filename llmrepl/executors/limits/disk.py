"""Whether a directory has grown too large, found out without counting its files all the time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from llmrepl.executors.files.scratch import Usage, usage
from llmrepl.executors.policy import Limits

RARELY = 20
"""A count that found nothing is not repeated for so many times as long as it took."""

CHEAP = 0.001
"""A count that takes fewer seconds is made for each block."""

SOON = 2
"""Nor, where much has been written since, for so many times."""

ANYWAY = 100
"""After so many times as long as it took it is repeated, whatever the guess is."""


class DiskMeter:
    """Guesses from the file system's free space, and counts where the guess is too high.

    Others write to the same file system and delete from it, so only a count decides, and there is
    one now and then in any case. Where blocks keep it from being counted, the guess decides. A
    block that begins with too full a directory may go on while it adds nothing: it may be clearing
    up.

    Args:
        directory: what blocks fill.
        limits: their `scratch_size` and `scratch_files` hold.
        theirs: whether it is a person's, so that they hold for what a block adds.
    """

    def __init__(self, directory: Path, limits: Limits, *, theirs: bool = False) -> None:
        self._scratch = directory
        self._limits = Usage(limits.scratch_size, limits.scratch_files)
        self._theirs = theirs
        self._count_soon = self._count_after = self._count_anyway = 0.0
        self._free = self._free_now()
        self._known = self._most = Usage()
        self._count()
        self._sent = self._free_now()
        self._begin(self._known)

    def sent(self) -> None:
        """Note how full the file system is before a block can write."""
        self._sent = self._free_now()

    def begin(self) -> None:
        """Note how things stood as the block began that was `sent`, and may run for a while."""
        before = self._known
        # What was too much at the last count may since be gone.
        if self._took < CHEAP or self._may_exceed() or self._is_too_full():
            self._count()
            before = self._before()
        self._begin(before)

    def _before(self) -> Usage:
        """Return what was counted, without what may have come while it was: that is the block's."""
        size, files = (max(0, a - b) for a, b in zip(self._sent, self._free_now(), strict=True))
        found = self._known
        before = Usage(max(0, found.size - size), max(0, found.files - files), found.whole)
        if before.size < found.size or before.files < found.files:
            self._count_anyway = 0.0  # it may be too much already
        return before

    def _begin(self, known: Usage) -> None:
        limits = self._limits
        self._most = (
            known + limits
            if self._theirs
            else Usage(max(known.size, limits.size), max(known.files, limits.files))
        )
        self._free_at_begin = self._sent
        self._began_whole = self._is_whole
        if self._theirs and not self._is_whole:
            self._free = self._free_at_begin  # others' files are there; what this block adds counts

    def exceeded(self, unlinked: Callable[[], int]) -> bool:
        """Say whether the directory holds too much, and more than when the block began.

        Args:
            unlinked: returns the bytes in files that are open there and have no name any more.
        """
        began = time.monotonic()
        after = self._count_soon if self._much_was_written() else self._count_after
        suspected = began >= after and self._may_exceed()
        if not suspected and began < self._count_anyway:
            return False
        found = self._count()
        if found.size + unlinked() > self._most.size or found.files > self._most.files:
            return (
                self._began_whole or self._added()
            )  # what could not be counted may have been there
        if suspected and not found.whole and self._added():
            return True
        ended = time.monotonic()
        self._count_soon = ended + SOON * (ended - began)
        self._count_after = ended + RARELY * (ended - began)
        self._count_anyway = ended + ANYWAY * (ended - began)
        return False

    def _added(self) -> bool:
        """Say whether the file system is fuller than when the block began."""
        return self._free_now() < self._free_at_begin

    def _count(self) -> Usage:
        """Count; only what was seen whole replaces what is known."""
        free = self._free_now()
        began = time.monotonic()
        found = usage(self._scratch)
        self._took = time.monotonic() - began
        self._is_whole = found.whole
        if found.whole:
            self._free, self._known = free, found
        return found

    def _free_now(self) -> tuple[int, int]:
        facts = os.statvfs(self._scratch)
        return facts.f_bfree * facts.f_frsize, facts.f_ffree

    def _written(self) -> tuple[int, int]:
        """Return by how many bytes and files the file system is fuller than at the last count."""
        size, count = self._free_now()
        return self._free[0] - size, self._free[1] - count

    def _much_was_written(self) -> bool:
        """Say whether a slow count must not wait, or blocks could fill the disk meanwhile."""
        size, count = self._written()
        return size > self._limits.size // 2 or count > self._limits.files // 2

    def _may_exceed(self) -> bool:
        size, count = self._written()
        room = (self._most.size - self._known.size, self._most.files - self._known.files)
        return size > max(0, room[0]) or count > max(0, room[1])

    def _is_too_full(self) -> bool:
        full = self._known.size > self._limits.size or self._known.files > self._limits.files
        return full and not self._theirs
