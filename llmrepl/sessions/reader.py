"""Reads a session's log as a stream, and verifies every line against the one before it.

Reading never changes the file and needs no lock. A line counts once the next line has vouched for
it; what does not verify is not yielded, nor is anything behind it, and `problem` says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from llmrepl import chain
from llmrepl.chain import Follower
from llmrepl.errors import SessionError
from llmrepl.record import Record, decode_record
from llmrepl.sessions.blobs import FIELD, Blobs, inside
from llmrepl.sessions.format import BEGINNING, SEALED, VERSION, Header, decode_header
from llmrepl.sessions.migrations import BLOBS_SINCE, migrated
from llmrepl.sessions.packed import PACKED, bytes_of
from llmrepl.sessions.sealed.keys import FIELD as KEY
from llmrepl.sessions.sealed.keys import KEYS
from llmrepl.sessions.sealed.sealing import Places, Seal, SessionSealed, opened, opened_line

_LONGEST = 1 << 16
"""Bytes that the header of an unbegun session has at the most."""


class LogReader(Follower[Record]):
    """One session's records in order.

    Iterating yields the records that verify; iterating again goes on behind them and yields what
    another process has appended since. The attributes hold when an iteration has ended; those that
    are not named here are a `chain.Follower`'s.

    Attributes:
        header: the first line; of a sealed session, its `cwd` is known where its key is here.
        seal: what a sealed session is opened with; None where it is plain, or no key is here.
        places: those of the lines that were opened, which a writer goes on behind.
        lost: what could not be read because a blob is gone or was changed, a line for each; its
            record says so in its place.
        seq: the last record that verified; 0 before the first.

    Raises:
        SessionError: the file cannot be read, or does not begin with a header.
        SessionSealed: on iterating, no key of it is here.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(self._record)
        self.path = path
        self.lost: list[str] = []
        self.seal: Seal | None = None
        self.places = Places()
        self._locked: SessionError | None = None
        with self._file() as file:
            raw = file.readline()
        try:
            self.header: Header = decode_header(raw.removesuffix(b"\n"))
        except ValueError as exc:
            raise SessionError(
                f"{path} line 1: {exc}",
                hint="`llmrepl sessions list` shows the sessions that can be read",
            ) from None
        self.begin(raw)
        if self.header.version == SEALED:
            self._unlock()
        self._blobs = Blobs(path.parent, self.seal)

    def __iter__(self) -> Iterator[Record]:
        return map(itemgetter(1), self.lines())

    def lines(self) -> Iterator[tuple[bytes, Record]]:
        """Yield each line without its newline, with its record."""
        if self._locked is not None:
            raise self._locked
        with self._file() as file:
            file.seek(self.end)
            if not self.ended and file.read(1) == b"\n":
                self.end += 1
                self.ended = True
            yield from self.follow(file)

    def at(self, offset: int) -> Record:
        """Return the record whose line begins at a byte of the file of a plain session.

        Nothing is verified: whoever knows the place has seen that it was.
        """
        with self._file() as file:
            file.seek(offset)
            return self._record(json.loads(file.readline()))

    def whole(self, line: bytes) -> bytes:
        """Return a line that was yielded as it would be without seal and blobs.

        Its `prev` is still that of the file.
        """
        line = self.opened(line)
        if self._may_name_blobs(line):
            record = json.loads(line)
            if FIELD in record:
                inside(record, self._blobs.get)
                return chain.encode(record)
        return line

    def opened(self, line: bytes) -> bytes:
        """Return a line that was yielded as it would be without a seal."""
        return line if self.seal is None else opened_line(self.seal, self.places, line)

    def _may_name_blobs(self, line: bytes) -> bool:
        return self.header.version >= BLOBS_SINCE and b'"blobs":' in line

    def _unlock(self) -> None:
        """Find the key of a sealed session; whoever wants its records is told why there is none."""
        try:
            self.seal = KEYS.seal_of(self.header.extra)
            cwd = self.seal.open(self.header.extra[KEY]["cwd"], "cwd").decode()
            self.header = self.header._replace(cwd=cwd)
        except SessionError as exc:
            kind = SessionSealed if isinstance(exc, SessionSealed) else SessionError
            self._locked = kind(f"{self.path} cannot be opened: {exc}", hint=exc.hint)
        except (ValueError, TypeError, KeyError):
            self.seal = None
            self._locked = SessionError(f"{self.path} line 1: its header was changed")

    def _record(self, data: dict[str, Any]) -> Record:
        if self.seal:
            data = opened(self.seal, self.places, data)
        if self.header.version < VERSION:
            data = migrated(data, self.header.version)
        if FIELD in data:
            lost = inside(data, self._blobs.get)
            self.lost += (f"record {data['seq']}: {reason}" for reason in lost)
        return decode_record(data)

    def _file(self) -> IO[bytes]:
        try:
            if self.path.suffix == PACKED:
                return BytesIO(bytes_of(self.path))
            return self.path.open("rb")
        except OSError as exc:
            raise SessionError(f"cannot read {self.path}: {exc.strerror}") from exc


def is_unbegun(path: Path) -> bool:
    """Return whether a file has nothing but the beginning of a header, as a crash leaves it.

    After a power cut there may be zeros instead, or nothing.

    Raises:
        SessionError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST)
            if not content.strip(b"\0"):
                rest = iter(lambda: file.read(1 << 20), b"")
                return not any(chunk.strip(b"\0") for chunk in rest)
    except OSError as exc:
        raise SessionError(f"cannot read {path}: {exc.strerror}") from exc
    return is_beginning(content)


def is_beginning(content: bytes) -> bool:
    """Return whether this is the beginning of a header and nothing else, zeros behind it or not."""
    content = content.rstrip(b"\0")
    return (
        b"\n" not in content
        and len(content) < _LONGEST
        and BEGINNING.startswith(content[: len(BEGINNING)])
        and not content.endswith(b"}")
    )
