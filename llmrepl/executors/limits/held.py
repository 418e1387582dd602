"""Which files the processes of a sandbox can change without opening them: by descriptor or mapping.

What is written through a mapping, or under another name of a file, is told by no directory.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable

_SENT = b"scm_fds:"
_SHARED = re.compile(rb"^\S+ ..[-x]s \S+ \S+ +(\d+)", re.MULTILINE)
"""A mapping whose changes reach the file; what may not be written may be let."""

_OWNER_WRITES = 0o200
"""In the mode of a link in /proc/PID/fd itself: it was opened for writing; see proc(5)."""


def held(proc: int, names: Iterable[str], agent: str) -> frozenset[int] | None:
    """Return the inodes that are mapped as shared or open for writing; None where nobody can tell.

    Args:
        proc: a descriptor of a /proc.
        names: the processes, as entries of it.
        agent: the one among them that runs none of a block's code; nor do its children, unless
            they let us look.
    """
    found: set[int] = set()
    for name in names:
        if name == agent:
            continue
        try:
            for thread in _listed(proc, f"{name}/task"):
                if not _opened(proc, f"{name}/task/{thread}", found):
                    return None
            found |= set(map(int, _SHARED.findall(_read(proc, f"{name}/maps"))))
        except PermissionError:
            if _parent(proc, name) != agent:
                return None
        except OSError:
            continue  # it went while we looked
    return frozenset(found)


def _opened(proc: int, thread: str, found: set[int]) -> bool:
    """Add what a thread has open for writing; say whether that is all it can get hold of."""
    for fd in _listed(proc, f"{thread}/fd"):
        with contextlib.suppress(FileNotFoundError):
            path = f"{thread}/fd/{fd}"
            file = os.stat(path, dir_fd=proc)
            if stat.S_ISREG(file.st_mode):
                if os.stat(path, dir_fd=proc, follow_symlinks=False).st_mode & _OWNER_WRITES:
                    found.add(file.st_ino)
            elif stat.S_ISSOCK(file.st_mode):
                _, _, sent = _read(proc, f"{thread}/fdinfo/{fd}").partition(_SENT)
                if int(sent.split(None, 1)[0] if sent else 0):
                    return False  # descriptors on their way through a socket
    return True


def _parent(proc: int, name: str) -> str:
    with contextlib.suppress(OSError):
        fields = _read(proc, f"{name}/stat").rpartition(b")")[2].split()
        return fields[1].decode()
    return ""


def _listed(proc: int, path: str) -> list[str]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
    try:
        return os.listdir(fd)
    finally:
        os.close(fd)


def _read(proc: int, path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY, dir_fd=proc)
    try:
        return b"".join(iter(lambda: os.read(fd, 1 << 16), b""))
    finally:
        os.close(fd)
