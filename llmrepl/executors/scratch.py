"""Looking at what blocks left in the scratch, without being led astray.

Blocks own the scratch and may put a link to anywhere in it: the host never follows one, and walks
by directory descriptors only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

ARTIFACTS = "artifacts"
MAX_ARTIFACTS = 64
MAX_ENTRIES = 1000
MAX_DEPTH = 4

MAX_NESTING = 100
"""Directories in one another beyond which a walk goes no deeper."""

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
    """Return how many bytes and how many files the scratch holds, however deep they lie.

    It goes back up by `..`, so that any depth takes two descriptors; where a directory was moved
    meanwhile it ends there, and the next count sees the rest.
    """
    fd = os.open(scratch, os.O_DIRECTORY)
    above: list[tuple[tuple[int, int], list[str]]] = []
    try:
        size, count, names = _counted(fd)
        while True:
            inner = _first(fd, names)
            if inner >= 0:
                above.append((_place(fd), names))
                fd = _instead(fd, inner)
                more = _counted(fd)
                size, count, names = size + more[0], count + more[1], more[2]
            elif above:
                fd = _instead(fd, enter(fd, ".."))
                place, names = above.pop()
                if _place(fd) != place:
                    return size, count
            else:
                return size, count
    except OSError:
        return size, count
    finally:
        os.close(fd)


def _counted(fd: int) -> tuple[int, int, list[str]]:
    """Return the bytes and the number of what is in a directory, and the directories among it."""
    size = count = 0
    names = []
    with os.scandir(fd) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # it went while we looked
                size += entry.stat(follow_symlinks=False).st_blocks * 512
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name)
    return size, count, names


def _first(fd: int, names: list[str]) -> int:
    """Open the first of `names` that can be entered and left again; -1 where none can."""
    while names:
        with contextlib.suppress(OSError):
            inner = enter(fd, names.pop())
            try:
                os.stat("..", dir_fd=inner)
            except OSError:
                os.close(inner)
                raise
            return inner
    return -1


def _instead(fd: int, other: int) -> int:
    os.close(fd)
    return other


def _place(fd: int) -> tuple[int, int]:
    facts = os.fstat(fd)
    return facts.st_dev, facts.st_ino


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
