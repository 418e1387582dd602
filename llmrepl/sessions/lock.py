"""Who is writing which session: an exclusive flock on the log itself.

The kernel drops the lock with the process that holds it, so it can never be stale.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from llmrepl.errors import SessionError, SessionLocked

Inode = tuple[int, int, int]
"""Device major, device minor and inode number: how the kernel's lock table names a file."""


def lock(descriptor: int, path: Path) -> None:
    """Take the exclusive lock of the open file, or fail at once.

    Raises:
        SessionLocked: another process, or another part of this one, holds it.
        SessionError: the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = holders().get(inode(os.fstat(descriptor)))
        who = "a process that cannot be seen from here" if pid is None else f"process {pid}"
        raise SessionLocked(
            f"session {path.stem} is being written by {who}",
            hint="end that process, or go on from a copy with `--fork`",
        ) from None
    except OSError as exc:
        raise SessionError(
            f"cannot lock {path}: {exc.strerror}",
            hint="keep sessions on a file system with flock (setting sessions.directory)",
        ) from exc


def inode(status: os.stat_result) -> Inode:
    """Return the key of a file in `holders`."""
    return os.major(status.st_dev), os.minor(status.st_dev), status.st_ino


def holders() -> dict[Inode, int]:
    """Return the pid behind every flock on this machine that this process may see.

    Empty where the system has no `/proc/locks`.
    """
    try:
        table = Path("/proc/locks").read_text()
    except OSError:
        return {}
    found = {}
    for line in table.splitlines():
        # 1: FLOCK  ADVISORY  WRITE 4242 fe:00:131088 0 EOF
        fields = line.split()
        if fields[1] == "FLOCK":
            major, minor, number = fields[5].split(":")
            found[int(major, 16), int(minor, 16), int(number)] = int(fields[4])
    return found
