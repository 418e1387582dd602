"""Writes one session's log: a record is one line, and a line is one write to an append-only file.

What was appended survives the process; what was appended with `sync` survives the machine. A
line that could not be written whole is taken back, so that the file always ends with a record.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from llmrepl.chain import digest
from llmrepl.errors import SessionError
from llmrepl.events import ToolStarted
from llmrepl.record import Record
from llmrepl.sessions.blobs import Blobs, outside
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.catalog import absent, new_id, session_path
from llmrepl.sessions.drafts import settle
from llmrepl.sessions.format import SEALED, Header, encode_header, encode_line
from llmrepl.sessions.lock import announce, lock, withdraw
from llmrepl.sessions.migrations import BLOBS_SINCE
from llmrepl.sessions.packed import PACKED
from llmrepl.sessions.reader import LogReader, is_unbegun
from llmrepl.sessions.sealed.keys import FIELD as KEY
from llmrepl.sessions.sealed.keys import KEYS
from llmrepl.sessions.sealed.sealing import Places, Seal, sealed_line

_FULL = "free some space, or set sessions.directory to another disk; the session goes on from here"


class SessionLog:
    """One session, open for writing by this process alone. It is a `ports.Store`.

    Make one with `create` or `open`; it is a context manager that closes itself.

    Attributes:
        header: the file's first line.
        seq: the last record in the file; the next one must have the next seq.
        repaired: what had to be done to the file to open it, and what of it is lost, in one line;
            mostly empty.
        on_line: is given every record's line, without its newline and its seal, once it is in the
            file.
    """

    def __init__(self, directory: Path, header: Header, seal: Seal | None = None) -> None:
        self.directory = directory
        self.header = header
        self._seal = seal
        self._places = Places()
        self._sealed = ""
        self._blobs = Blobs(directory, seal)
        self.seq = 0
        self.repaired = ""
        self.on_line: Callable[[bytes], None] | None = None
        self._last = ""
        self._descriptor = -1
        self._size = 0
        self._torn = False
        self._placed = False
        self._named = False
        self._closed = False

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        cwd: str = "",
        session_id: str = "",
        created: int | None = None,
        forked_from: tuple[str, int] | None = None,
    ) -> Self:
        """Begin a new session. Nothing is written before the first record is appended.

        Args:
            directory: where the file will be; made, for its owner alone, where it is missing.
            cwd: the directory the session belongs to.
            session_id: an id of the caller's own; empty for a new one.
            created: Unix time in milliseconds; None for now.
            forked_from: the id of the session whose empty beginning this one has, and 0.

        Raises:
            SessionError: `session_id` is no id, or already taken; or it is to be sealed, and cannot
                be.
        """
        created = time.time_ns() // 1_000_000 if created is None else created
        if session_id and session_path(directory, session_id).exists():
            raise SessionError(
                f"session {session_id} already exists in {directory}",
                hint=f"go on with it: `llmrepl --resume {session_id}`",
            )
        new = session_id or new_id(directory, created)
        log = cls(directory, *_begun(Header(new, created, cwd, forked_from)))
        log._named = bool(session_id)
        return log

    @classmethod
    def open(cls, directory: Path, session_id: str, *, cwd: str = "") -> tuple[Self, list[Record]]:
        """Go on with a session: return its log and the records it holds so far; see `resume`."""
        records: list[Record] = []
        return cls.resume(directory, session_id, records.append, cwd=cwd), records

    @classmethod
    def resume(
        cls, directory: Path, session_id: str, take: Callable[[Record], object], *, cwd: str = ""
    ) -> Self:
        """Go on with a session: give `take` the records it holds so far, and return its log.

        None of them is kept here, so that a long session needs no memory but what `take` keeps.

        A torn last line is cut off. A damaged session is never appended to: the records before
        the damage are copied to a new session, which is opened in its place, and the damaged file
        stays as it is. Where a crash left no whole record the session begins anew. `repaired` says
        which of these was done. A packed session is unpacked.

        Args:
            directory: where the session is.
            session_id: its id.
            take: is given each record as it is read; what it raises leaves the session closed.
            cwd: the directory it belongs to, where it begins anew.

        Raises:
            SessionLocked: another process is writing this session.
            SessionError: there is no such session, or it cannot be read.
        """
        path, descriptor = _locked(directory, session_id)
        try:
            path.with_name(path.name + PACKED).unlink(missing_ok=True)  # left from a crash
            if is_unbegun(path):
                return cls._anew(descriptor, directory, session_id, cwd)
            reader = LogReader(path)
            for record in reader:
                take(record)
            problem = reader.problem
            if problem is None or problem.torn:
                log = cls(directory, reader.header, reader.seal)
                log._places = reader.places
                log._adopt(descriptor, reader)
                return log
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        log, _ = cls.open(directory, fork(directory, session_id))
        log.repaired = (
            f"{path} is damaged at line {problem.line}: {problem.reason}; the {log.seq}"
            f" records before it were copied to session {log.id}, and the file was left as it is"
            + (f"; {log.repaired}" if log.repaired else "")
        )
        return log

    @property
    def id(self) -> str:
        """The session's id: final once a record was appended."""
        return self.header.id

    @property
    def path(self) -> Path:
        """The session's file."""
        return session_path(self.directory, self.header.id)

    def append(self, record: Record, *, sync: bool = False) -> None:
        """Add one record; a transient one is ignored.

        Args:
            record: its seq must be the one after `seq`.
            sync: return only when the record is on the disk; a `tool.started` always is then.

        Raises:
            SessionError: it could not be written. The log is as it was before, and the same
                record can be appended again.
        """
        if not record.event.durable:
            return
        # What has begun must be known after a power cut as well: it is never to begin again.
        sync = sync or isinstance(record.event, ToolStarted)
        if record.seq != self.seq + 1:
            raise SessionError(
                f"record {record.seq} cannot follow record {self.seq} of session {self.id}",
                hint="records are appended once each, in order",
            )
        if self._closed:
            raise SessionError(f"session {self.id} is closed", hint="open it again")
        try:
            if self._size:
                line, plain = self._line(self._last, record)
                self._write(line + b"\n", sync=sync)
            else:
                line, plain = self._begin(record, sync=sync)
        finally:
            self._blobs.let_go()
        self.seq = record.seq
        self._last = digest(line)
        if self._seal:
            self._places.take(record.seq, self._sealed)
        if self.on_line is not None:
            self.on_line(plain)

    def close(self) -> None:
        """Give up the file and its lock. May be called twice; nothing can be appended after it."""
        self._closed = True
        if self._descriptor >= 0:
            withdraw(self.path)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @classmethod
    def _anew(cls, descriptor: int, directory: Path, session_id: str, cwd: str) -> Self:
        """Begin in an open and locked file that never had a whole record."""
        log = cls(directory, *_begun(Header(session_id, time.time_ns() // 1_000_000, cwd)))
        os.ftruncate(descriptor, 0)
        log.repaired = f"the first line of {log.path} was never finished: the session begins anew"
        log._descriptor = descriptor
        log._named = True
        return log

    def _adopt(self, descriptor: int, reader: LogReader) -> None:
        """Take over an open and locked file that `reader` has read to its end."""
        torn = os.fstat(descriptor).st_size - reader.end
        if torn:
            os.ftruncate(descriptor, reader.end)
            self.repaired = (
                f"the last line of {self.path} was never finished: {torn} bytes were cut off"
            )
        self._descriptor = descriptor
        self._size = reader.end
        self.seq = reader.seq
        self._last = reader.last
        if reader.lost:
            told = f"{self.path} is not whole: {'; '.join(reader.lost)}"
            self.repaired = f"{self.repaired}; {told}" if self.repaired else told
        if not reader.ended:
            self._write(b"\n", sync=False)
        announce(self.path)

    def _line(self, prev: str, record: Record) -> tuple[bytes, bytes]:
        """Return the record's line, and what it is without a seal.

        The large texts that are not in it are on the disk by then.
        """
        line = encode_line(prev, record)
        if self.header.version >= BLOBS_SINCE:
            line = outside(line, record.event.type, self._blobs.put)
        if self._seal is None:
            return line, line
        sealed, self._sealed = sealed_line(self._seal, self._places, line)
        return sealed, line

    def _begin(self, record: Record, *, sync: bool) -> tuple[bytes, bytes]:
        """Make the file, header and first record in one write; return the record's line twice."""
        if self._descriptor < 0:
            self._create()
        try:
            header = encode_header(self.header)
            line, plain = self._line(digest(header), record)
            self._write(header + b"\n" + line + b"\n", sync=sync)
        except BaseException:
            with contextlib.suppress(OSError):
                self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = -1
            raise
        announce(self.path)
        return line, plain

    def _create(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            while True:
                try:
                    self._descriptor = os.open(self.path, flags, 0o600)
                    break
                except FileExistsError:
                    if self._named:
                        raise
                    # Another process took the same id in the same second.
                    fresh = new_id(self.directory, self.header.created)
                    self.header = self.header._replace(id=fresh)
        except OSError as exc:
            raise SessionError(f"cannot create {self.path}: {exc.strerror}", hint=_FULL) from exc
        try:
            lock(self._descriptor, self.path)
        except BaseException:  # whoever was faster begins the session
            os.close(self._descriptor)
            self._descriptor = -1
            raise

    def _write(self, data: bytes, *, sync: bool) -> None:
        try:
            if self._torn:
                self._cut()
            written = os.write(self._descriptor, data)
            while written < len(data):  # the disk is full: the next write says so
                written += os.write(self._descriptor, data[written:])
            if sync:
                self._sync()
        except BaseException as exc:
            self._torn = True
            with contextlib.suppress(OSError):
                self._cut()
            if isinstance(exc, OSError):
                raise SessionError(
                    f"cannot write to {self.path}: {exc.strerror}", hint=_FULL
                ) from exc
            raise
        self._size += len(data)

    def _cut(self) -> None:
        os.ftruncate(self._descriptor, self._size)
        self._torn = False

    def _sync(self) -> None:
        os.fdatasync(self._descriptor)
        if not self._placed:
            # A new file's name is in its directory, which has to reach the disk as well.
            settle(self.directory)
            self._placed = True


def _begun(header: Header) -> tuple[Header, Seal | None]:
    """Return the header of a new session with its seal, if sessions are sealed."""
    if not KEYS.sealing:
        return header, None
    seal, field = KEYS.begin(header.cwd)
    return header._replace(version=SEALED, extra={**header.extra, KEY: field}), seal


def _locked(directory: Path, session_id: str) -> tuple[Path, int]:
    """Open a session's file for this process alone; unpack it first where it is packed."""
    while True:
        path = session_path(directory, session_id)
        if path.suffix == PACKED:
            from llmrepl.sessions.rewriting import unpack

            unpack(directory, session_id)
            continue
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            raise absent(directory, session_id) from None
        except OSError as exc:
            raise SessionError(f"cannot open {path}: {exc.strerror}") from exc
        try:
            lock(descriptor, path)
        except BaseException as exc:
            os.close(descriptor)
            if isinstance(exc, SessionError) and session_path(directory, session_id) != path:
                continue  # it was packed between the two
            raise
        return path, descriptor
