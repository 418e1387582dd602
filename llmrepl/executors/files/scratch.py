"""Looking at what blocks left in the scratch, without being led astray.

Blocks own the scratch and may put a link to anywhere in it: the host never follows one, and walks
by directory descriptors only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Usage:
    """How many bytes and how many files a directory holds.

    `whole` is False where some of it could not be seen: blocks had closed a directory, or moved it
    while it was counted.
    """

    size: int = 0
    files: int = 0
    whole: bool = True

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.size + other.size, self.files + other.files, self.whole and other.whole)


_PART = Usage(whole=False)


def usage(scratch: Path) -> Usage:
    """Return what the scratch holds, however deep it lies.

    It goes back up by `..`, so that any depth takes two descriptors.
    """
    found = Usage()
    above: list[tuple[tuple[int, int], list[str]]] = []
    try:
        fd = os.open(scratch, os.O_DIRECTORY)
    except OSError:
        return _PART
    try:
        more, names = _counted(fd)
        found += more
        while names or above:
            if names:
                try:
                    inner = _into(fd, names.pop())
                except (FileNotFoundError, NotADirectoryError):
                    continue  # it went while we looked
                except OSError:
                    found += _PART
                    continue
                above.append((place_of(fd), names))
                fd = instead(fd, inner)
                more, names = _counted(fd)
                found += more
            else:
                fd = instead(fd, enter(fd, ".."))
                place, names = above.pop()
                if place_of(fd) != place:
                    return found + _PART
    except OSError:
        return found + _PART
    finally:
        os.close(fd)
    return found


def _counted(fd: int) -> tuple[Usage, list[str]]:
    """Return what lies directly in a directory, and the names of the directories among it."""
    size = count = 0
    names = []
    with os.scandir(fd) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # it went while we looked
                size += entry.stat(follow_symlinks=False).st_blocks * 512
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name)
    return Usage(size, count), names


def _into(fd: int, name: str) -> int:
    """Open a directory that can be left again; raises OSError where it cannot."""
    inner = enter(fd, name)
    try:
        os.stat("..", dir_fd=inner)
    except OSError:
        os.close(inner)
        raise
    return inner


def instead(fd: int, other: int) -> int:
    """Close `fd` and return `other`."""
    os.close(fd)
    return other


def place_of(fd: int) -> tuple[int, int]:
    """Return what tells a directory from every other one."""
    facts = os.fstat(fd)
    return facts.st_dev, facts.st_ino


def enter(parent: int, name: str) -> int:
    """Open a directory below another, following no link."""
    return os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
