"""Looking at what blocks left in the scratch, without being led astray.

Blocks own the scratch and may put a link to anywhere in it: the host never follows one, and walks
by directory descriptors only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

ARTIFACTS = "artifacts"
MAX_ARTIFACTS = 64
MAX_ENTRIES = 1000
MAX_DEPTH = 4

MAX_NESTING = 100

Stamp = tuple[int, int]


def artifacts(scratch: Path) -> dict[str, Stamp]:
    """Return the regular files under `artifacts/` by their path in it, with size and time."""
    try:
        top = os.open(f"{scratch}/{ARTIFACTS}", os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return {}
    try:
        return dict(itertools.islice(_files(top, "", MAX_DEPTH), MAX_ARTIFACTS))
    finally:
        os.close(top)


def _files(directory: int, prefix: str, depth: int) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(directory) as entries:
        some = itertools.islice(entries, MAX_ENTRIES)
        for entry in sorted(some, key=lambda entry: entry.name):
            if not entry.name.isprintable():
                continue  # a name that could not be shown or written down
            if entry.is_file(follow_symlinks=False):
                facts = entry.stat(follow_symlinks=False)
                yield prefix + entry.name, (facts.st_size, facts.st_mtime_ns)
            elif depth and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    inner = enter(directory, entry.name)
                    try:
                        yield from _files(inner, f"{prefix}{entry.name}/", depth - 1)
                    finally:
                        os.close(inner)


def usage(scratch: Path) -> tuple[int, int]:
    """Return how many bytes and how many files the scratch holds.

    Directories nested deeper than `MAX_NESTING` count as more than any limit allows: nobody needs
    them, and they could not be walked.
    """
    size = count = 0
    levels = [_Level(os.open(scratch, os.O_DIRECTORY))]
    try:
        while levels:
            entry = next(levels[-1].entries, None)
            if entry is None:
                levels.pop().close()
                continue
            with contextlib.suppress(OSError):  # it went while we looked
                size += entry.stat(follow_symlinks=False).st_blocks * 512
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    if len(levels) > MAX_NESTING:
                        return sys.maxsize, sys.maxsize
                    levels.append(_Level(enter(levels[-1].fd, entry.name)))
    finally:
        for level in levels:
            level.close()
    return size, count


class _Level:
    """An open directory of a walk, and what is still to be seen of it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.entries = os.scandir(fd)

    def close(self) -> None:
        self.entries.close()
        os.close(self.fd)


def read_artifact(path: Path, scratch: Path, most: int) -> bytes:
    """Return the content of an artifact, at most `most` bytes, following no link on the way.

    Raises:
        OSError: it is gone, or something else stands where it was.
    """
    fd = os.open(scratch, os.O_DIRECTORY)
    try:
        for part in path.relative_to(scratch).parts:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            inner = os.open(part, flags, dir_fd=fd)
            os.close(fd)
            fd = inner
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise IsADirectoryError(f"{path} is not a regular file")
        with os.fdopen(os.dup(fd), "rb") as file:
            return file.read(most)
    finally:
        os.close(fd)


def enter(parent: int, name: str) -> int:
    """Open a directory below another, following no link."""
    return os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
