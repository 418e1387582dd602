"""Writes the audit log: one for all sessions of a user, one line at a time, by any process.

A line is in the file when `append` returns, so it survives the process; after `sync` it survives
the machine. The lock is held for that one line, and the chain goes on from the line before,
whoever wrote it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmrepl import chain
from llmrepl.audit.place import NAME, Head, decode_head, head_of
from llmrepl.audit.recovery import recover, roll
from llmrepl.errors import SessionError
from llmrepl.redaction import NOTHING, Redactor

MOST = 8 * 2**20
"""Bytes of a file from which on the next line begins a new one."""

LONGEST = 1000
"""Characters of a text that are written down; a model may make a name of any length."""

PATIENCE = 5.0
"""Seconds to wait for a process that holds the lock; it takes microseconds to write a line."""

REPAIRED = "log.repaired"
_HINT = "nothing runs that cannot be audited; free some space, or set XDG_DATA_HOME elsewhere"


class AuditLog:
    """One user's audit log, open for writing. Nothing is written before the first line is.

    Args:
        directory: where its files are; made, for its owner alone, where it is missing.
        redactor: takes secrets out of every line.
        most: bytes of a file from which on the next line begins a new one.

    Attributes:
        repaired: what had to be done before the last line that found anything amiss, in one line;
            mostly empty. The log says it too.
    """

    def __init__(self, directory: Path, redactor: Redactor = NOTHING, *, most: int = MOST) -> None:
        self.repaired = ""
        self._directory = directory
        self._path = directory / NAME
        self._redactor = redactor
        self._most = most
        self._head = -1
        self._file = -1
        self._which = (0, 0)

    def append(self, kind: str, fields: Mapping[str, Any], at: int | None = None) -> None:
        """Add one line.

        Args:
            kind: what happened, as a dotted name.
            fields: its details, JSON-ready.
            at: Unix time in milliseconds; None for now.

        Raises:
            SessionError: it could not be written; the log is as it was before.
        """
        at = time.time_ns() // 1_000_000 if at is None else at
        fields = {name: _short(item) for name, item in self._redactor.scrub(fields).items()}
        try:
            self._lock()
            try:
                self._add(kind, at, fields)
            finally:
                fcntl.flock(self._head, fcntl.LOCK_UN)
        except OSError as exc:
            reason = "another process holds its lock" if _is_locked(exc) else exc.strerror
            raise SessionError(
                f"cannot write to the audit log {self._path}: {reason}", hint=_HINT
            ) from exc

    def sync(self) -> None:
        """Return when every line of this process has reached the disk.

        The head may be older on the disk: the lines behind it still count.

        Raises:
            SessionError: that cannot be said.
        """
        try:
            if self._file >= 0:
                os.fdatasync(self._file)
        except OSError as exc:
            raise SessionError(
                f"cannot write to the audit log {self._path}: {exc.strerror}", hint=_HINT
            ) from exc

    def close(self) -> None:
        """Give back what is open. May be called twice; `append` opens it again."""
        for descriptor in (self._head, self._file):
            if descriptor >= 0:
                os.close(descriptor)
        self._head = self._file = -1

    def _add(self, kind: str, at: int, fields: Mapping[str, Any]) -> None:
        """Write a line where the log ends, after one that tells of a repair if there was any."""
        head = decode_head(os.pread(self._head, 128, 0))
        entries = [(kind, fields)]
        if head is None or self._size() != head.size:
            head, note = recover(self._directory, head)
            os.pwrite(self._head, head.encode(), 0)  # a kill right now leaves a log with a head
            self._size()
            if note:
                self.repaired = note
                entries.insert(0, (REPAIRED, {"reason": note}))
        if head.size >= self._most:
            head = roll(self._directory, head)
            self._size()
        seq, size, last = head
        data = b""
        for name, details in entries:
            seq += 1
            place = {"prev": last, "seq": seq, "at": at, "pid": os.getpid(), "type": name}
            line = chain.encode({**place, **details, **place})  # no detail takes a place's name
            last = chain.digest(line)
            data += line + b"\n"
        try:
            _write(self._file, data)
            os.pwrite(self._head, Head(seq, size + len(data), last).encode(), 0)
        except BaseException:
            with contextlib.suppress(OSError):  # what caused it is what counts
                os.ftruncate(self._file, size)
            raise

    def _size(self) -> int:
        """Open the current file if it is another one than before; return its size, -1 if none."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return -1
        if self._which != (status.st_dev, status.st_ino) or self._file < 0:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            self._which = (status.st_dev, status.st_ino)
        return status.st_size

    def _lock(self) -> None:
        while True:
            if self._head < 0:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._head = os.open(head_of(self._directory), flags, 0o600)
            self._wait()
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._head), head_of(self._directory).stat()):
                    return
            os.close(self._head)  # somebody moved it away: others lock a new one
            self._head = -1

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(self._head, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.0002)
            else:
                return


def _write(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):  # the disk is full: the next write says so
        written += os.write(descriptor, data[written:])


def _is_locked(error: OSError) -> bool:
    return isinstance(error, BlockingIOError)


def _short(value: Any) -> Any:
    return value[:LONGEST] if isinstance(value, str) else value
