"""Landlock rules made without a library: which files the processes under them may open, and how.

What is not allowed is denied, whatever permissions a process has. The rules also keep it from TCP
ports, and from signals and abstract sockets of processes that are not under them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Mapping

LEAST = 6
"""The first version whose rules keep signals in: without, blocks could kill what is not theirs."""

_CREATE, _ADD = 444, 445  # on every architecture
_VERSION = 1
_PATH_BENEATH = 1

# The rights of struct landlock_ruleset_attr, by bit.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG, MAKE_FIFO, MAKE_SYM = 1 << 7, 1 << 8, 1 << 10, 1 << 12
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
ALL = (1 << 16) - 1
"""Making devices and sockets, which nobody is allowed, included."""

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = (
    READ
    | (WRITE_FILE | TRUNCATE | REFER)
    | (REMOVE_DIR | REMOVE_FILE)
    | (MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM)
)
DEVICE = READ_FILE | WRITE_FILE

_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_TCP = (1 << 0) | (1 << 1)  # bind and connect
_SCOPES = (1 << 0) | (1 << 1)  # abstract sockets and signals

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of Landlock that this kernel has, 0 for none, by asking it."""
    return max(0, int(_libc.syscall(_CREATE, None, 0, _VERSION)))


def rules(allowed: Iterable[tuple[str, int]]) -> int:
    """Return a descriptor of rules that allow nothing but `allowed`.

    Args:
        allowed: paths and the rights for each and all below it; those that do not exist are left
            out.

    Raises:
        OSError: this kernel does not have them.
    """
    attributes = struct.pack("=QQQ", ALL, _TCP, _SCOPES)
    fd = _checked(_libc.syscall(_CREATE, attributes, len(attributes), 0))
    try:
        for path, rights in merged(allowed).items():
            with contextlib.suppress(FileNotFoundError):
                _allow(fd, path, rights)
    except BaseException:
        os.close(fd)
        raise
    return fd


def merged(allowed: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    """Return `allowed` with the rights of a path that is named more than once together."""
    found: dict[str, int] = {}
    for path, rights in allowed:
        found[path] = found.get(path, 0) | rights
    return found


def _allow(ruleset: int, path: str, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= _OF_FILES
        attributes = struct.pack("=Qi", rights, parent)
        _checked(_libc.syscall(_ADD, ruleset, _PATH_BENEATH, attributes, 0))
    finally:
        os.close(parent)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
