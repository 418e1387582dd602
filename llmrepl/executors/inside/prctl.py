"""What a process can say about itself to the operating system, and Python cannot."""

from __future__ import annotations

import ctypes
import os

_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_LANDLOCK_RESTRICT_SELF = 446  # on every architecture


def set_dumpable(dumpable: bool) -> None:
    """Say whether processes of the same user may look into this one through /proc."""
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def adopt_orphans() -> None:
    """Become the parent of every orphan below this process."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def restrict(rules: int) -> None:
    """Confine this process, and what it starts, by the Landlock rules behind a descriptor."""
    library = ctypes.CDLL(None, use_errno=True)
    _checked(library.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0))


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    _checked(library.prctl(option, value, 0, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
