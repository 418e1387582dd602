"""Contents of files that are kept for `/undo`: bounded in size, in files of our own.

Contents that are kept at the same time share one file, which goes when none of them is needed any
more. So a project of many files costs one file, and a block that changes nothing costs none.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

MAX_FILE = 16 << 20
"""Bytes of a file beyond which its content is not kept."""

MAX_KEPT = 512 << 20
"""Bytes that are kept altogether."""

CHUNK = 1 << 20


class Kept:
    """The content of one file as it was."""

    __slots__ = ("_offset", "_pack", "size")

    def __init__(self, pack: Pack, offset: int, size: int) -> None:
        self._pack = pack
        self._offset = offset
        self.size = size

    def read(self, most: int = MAX_FILE) -> bytes:
        """Return the content, or its first `most` bytes; raises OSError."""
        fd = os.open(self._pack.path, os.O_RDONLY)
        try:
            return os.pread(fd, min(self.size, most), self._offset)
        finally:
            os.close(fd)

    def release(self) -> None:
        """Give the content up."""
        self._pack.release(self.size)


class Pack:
    """A file of contents, open until all that it is made for are in it.

    Raises:
        OSError: it could not be made.
    """

    def __init__(self, store: Store, path: Path) -> None:
        self.path = path
        self._store = store
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._end = 0
        self._needed = 1

    def keep(self, source: int, size: int) -> Kept | None:
        """Copy the content of an open file of `size` bytes; None where it is too large.

        Raises:
            OSError: it could not be copied, or has another size by now.
        """
        if size > MAX_FILE or not self._store.has_room(size):
            return None
        offset, left = self._end, size
        while left:
            piece = os.read(source, min(left, CHUNK))
            if not piece or os.pwrite(self._fd, piece, self._end) != len(piece):
                self._end = offset
                raise OSError(errno.EIO, "it could not be copied")
            self._end += len(piece)
            left -= len(piece)
        self._needed += 1
        self._store.held += size
        return Kept(self, offset, size)

    def close(self) -> None:
        """Take nothing more in."""
        os.close(self._fd)
        self.release(0)

    def release(self, size: int) -> None:
        """Note that a content is not needed any more."""
        self._store.held -= size
        self._needed -= 1
        if not self._needed:
            self.path.unlink(missing_ok=True)


class Store:
    """Where contents are kept, which ends with its directory.

    `let_go` is called where room is needed; it gives up something, or returns that it cannot.

    Args:
        directory: one of our own that nobody else may enter; made where it is missing.
        most: how many bytes may be kept.
    """

    def __init__(self, directory: Path, most: int = MAX_KEPT) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory
        self._most = most
        self._numbers = itertools.count()
        self.held = 0
        self.let_go: Callable[[], bool] = _nothing

    def pack(self) -> Pack | None:
        """Return a new file for contents, None where it cannot be made."""
        try:
            return Pack(self, self._directory / f"{next(self._numbers)}")
        except OSError:
            return None

    def has_room(self, size: int) -> bool:
        """Say whether so many bytes more may be kept, once what may go has gone."""
        while self.held + size > self._most:
            if not self.let_go():
                return False
        return True


def _nothing() -> bool:
    return False
