"""Which files the processes of a sandbox can change without opening them: by descriptor or mapping.

What is written through a mapping, or under another name of a file, is told by no directory.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

_FLAGS, _SENT = b"flags:", b"scm_fds:"


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
            found |= set(_mapped(proc, name))
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
            facts = dict(line.split(None, 1) for line in _lines(proc, f"{thread}/fdinfo/{fd}"))
            if int(facts.get(_SENT, b"0")):
                return False  # descriptors on their way through a socket
            if int(facts[_FLAGS], 8) & os.O_ACCMODE != os.O_RDONLY:
                found.add(os.stat(f"{thread}/fd/{fd}", dir_fd=proc).st_ino)
    return True


def _mapped(proc: int, name: str) -> Iterator[int]:
    for line in _lines(proc, f"{name}/maps"):
        _addresses, rights, _offset, _device, inode, *_ = line.split(None, 5)
        if rights.endswith(b"s"):  # what may not be written may be let
            yield int(inode)


def _parent(proc: int, name: str) -> str:
    with contextlib.suppress(OSError):
        fields = b" ".join(_lines(proc, f"{name}/stat")).rpartition(b")")[2].split()
        return fields[1].decode()
    return ""


def _listed(proc: int, path: str) -> list[str]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
    try:
        return os.listdir(fd)
    finally:
        os.close(fd)


def _lines(proc: int, path: str) -> list[bytes]:
    fd = os.open(path, os.O_RDONLY, dir_fd=proc)
    with os.fdopen(fd, "rb") as file:
        return [line for line in file.read().splitlines() if line.strip()]
