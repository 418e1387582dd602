"""Who is writing which session: an exclusive flock on the log itself.

The kernel drops the lock with the process that holds it, so it can never be stale. A note beside
the log says to people who holds it; it may be stale, and decides nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

from llmrepl.errors import SessionError, SessionLocked
from llmrepl.sessions.packed import PACKED

Inode = tuple[int, int, int]
"""Device major, device minor and inode number: how the kernel's lock table names a file."""

NOTE = ".holder"
"""The end of the name of a note."""

TRIES, PAUSE = 4, 0.015
"""How often a lock is asked for, and seconds between: whoever looks who holds it has it so long."""


class Holder(NamedTuple):
    """A process that writes a session.

    `pid` is 0 where it cannot be seen from here; `since` is Unix time in milliseconds, 0 where
    nobody says; `terminal` is its device, empty where it has none; `started` tells it from another
    process that had its number.
    """

    pid: int = 0
    host: str = ""
    since: int = 0
    terminal: str = ""
    started: str = ""

    def __str__(self) -> str:
        """Return who it is, in words."""
        words = [f"process {self.pid}" if self.pid else "a process that cannot be seen from here"]
        if self.host:
            words.append(f"on {self.host}")
        if self.terminal:
            words.append(f"in {self.terminal}")
        if self.since:
            moment, today = time.localtime(self.since / 1000), time.localtime()
            form = "%H:%M:%S" if moment[:3] == today[:3] else "%Y-%m-%d %H:%M"
            words.append(f"since {time.strftime(form, moment)}")
        return " ".join(words)


def lock(descriptor: int, path: Path) -> None:
    """Take the exclusive lock of the open file, or fail at once.

    Raises:
        SessionLocked: another process, or another part of this one, holds it.
        SessionError: the file system has no locks, or the file was deleted since it was opened.
    """
    for left in reversed(range(TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if left:
                time.sleep(PAUSE)
        except OSError as exc:
            raise SessionError(
                f"cannot lock {path}: {exc.strerror}",
                hint="keep sessions on a file system with flock (setting sessions.directory)",
            ) from exc
    else:
        raise SessionLocked(
            f"session {_id(path)} is being written by {_holder(path)}",
            hint=f"`llmrepl --fork {_id(path)}` goes on in a copy of it,"
            f" `llmrepl sessions watch {_id(path)}` shows it live",
        )
    if not os.fstat(descriptor).st_nlink:
        raise SessionError(f"session {_id(path)} was deleted just now: {path} is gone")


def announce(path: Path) -> None:
    """Leave a note of who holds the lock, which this process has, as far as there is room."""
    me = Holder(
        os.getpid(), os.uname().nodename, time.time_ns() // 1_000_000, _terminal(), _started("self")
    )
    with contextlib.suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(_note(path), flags, 0o600), "w") as file:
            file.write(json.dumps(me._asdict()) + "\n")


def withdraw(path: Path) -> None:
    """Take the note back, before the lock is given up."""
    with contextlib.suppress(OSError):
        _note(path).unlink()


def holder(path: Path) -> Holder | None:
    """Return who is writing a session; None where nobody is, or it is gone."""
    try:
        found = inode(path.stat()) in holders() or (_note(path).exists() and _is_locked(path))
    except OSError:
        return None
    return _holder(path) if found else None


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


def _holder(path: Path) -> Holder:
    """Return who holds the lock of a session, as far as the kernel and the note tell."""
    here = os.uname().nodename
    try:
        pid = max(0, holders().get(inode(path.stat()), 0))
    except OSError:
        pid = 0
    noted = _noted(path)
    if pid and (noted.pid, noted.host, noted.started) != (pid, here, _started(str(pid))):
        return Holder(pid, here)
    # Of another machine or container only the note tells. On this one, a process that is gone has
    # left it.
    gone = not pid and noted.host == here and _started(str(noted.pid)) != noted.started
    return Holder() if gone else noted


def _id(path: Path) -> str:
    """Return the session's id, whether its file is packed or not; an id may hold dots."""
    return path.name.removesuffix(PACKED).removesuffix(".jsonl")


def _note(path: Path) -> Path:
    return path.with_name(_id(path) + NOTE)


def _noted(path: Path) -> Holder:
    try:
        with _note(path).open() as file:
            data = json.loads(file.read(4096))
        return Holder(
            int(data["pid"]),
            *(str(data["host"]), int(data["since"]), str(data["terminal"]), str(data["started"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


def _is_locked(path: Path) -> bool:
    """Ask by taking the lock for a moment: the only way where the kernel's table is silent."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _terminal() -> str:
    for descriptor in range(3):
        with contextlib.suppress(OSError):
            return os.ttyname(descriptor)
    return ""


def _started(pid: str) -> str:
    """Return when a process was started, in ticks of this boot; empty where nobody knows."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
