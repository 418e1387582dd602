"""Reads a session's log as a stream, and verifies every line against the one before it.

Reading never changes the file and needs no lock. A line counts once the next line has vouched for
it; what does not verify is not yielded, nor is anything behind it, and `problem` says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import IO, NamedTuple

from llmrepl.errors import SessionError
from llmrepl.record import Record, decode_record
from llmrepl.sessions.format import Header, decode_header, digest

_decode = json.JSONDecoder().raw_decode  # json.loads without its two searches for white space


class Problem(NamedTuple):
    """Why reading ended before the end of the file.

    `line` counts from 1, the header included. `torn` means that the last line was never finished,
    as a crash leaves it; anything else is damage.
    """

    line: int
    reason: str
    torn: bool


class LogReader:
    """One session's records in order.

    Iterating yields the records that verify; iterating again goes on behind them and yields what
    another process has appended since. The attributes hold when an iteration has ended.

    Attributes:
        header: the first line.
        seq: the last record that verified; 0 before the first.
        last: the digest of its line, or of the header.
        end: bytes of the file up to there, its newline included if it has one.
        ended: whether that newline is there.
        problem: why the last iteration ended early; None where it reached the end of the file.

    Raises:
        SessionError: the file cannot be read, or does not begin with a header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seq = 0
        self.problem: Problem | None = None
        with self._file() as file:
            raw = file.readline()
        line = raw.removesuffix(b"\n")
        try:
            self.header: Header = decode_header(line)
        except ValueError as exc:
            raise SessionError(
                f"{path} line 1: {exc}",
                hint="`llmrepl sessions list` shows the sessions that can be read",
            ) from None
        self.last = digest(line)
        self.end = len(raw)
        self.ended = raw != line

    def __iter__(self) -> Iterator[Record]:
        return map(itemgetter(1), self.lines())

    def lines(self) -> Iterator[tuple[bytes, Record]]:
        """Yield each line without its newline, with its record."""
        self.problem = None
        with self._file() as file:
            file.seek(self.end)
            if not self.ended and file.read(1) == b"\n":
                self.end += 1
                self.ended = True
            seq, last, raw = self.seq, self.last, b""
            held: tuple[bytes, Record] | None = None  # waits for the next line to vouch for it
            for following in file:
                line = following.removesuffix(b"\n")
                try:
                    record = _verified(line, seq + 1, last)
                except _Changed:
                    self.problem = Problem(seq + 1, f"it, or line {seq + 2}, was changed", False)
                    return
                except _Damaged as exc:
                    self.problem = Problem(seq + 2, str(exc), False)
                    break
                except _NotJson:
                    torn = following == line
                    reason = "it was never finished" if torn else "it is not a JSON object"
                    self.problem = Problem(seq + 2, reason, torn)
                    break
                if held is not None:
                    self.seq, self.last = seq, last
                    self.end += len(raw)
                    yield held
                held, raw = (line, record), following
                seq, last = seq + 1, sha256(line).hexdigest()
            if held is not None:
                self.seq, self.last = seq, last
                self.end += len(raw)
                self.ended = raw.endswith(b"\n")
                yield held

    def _file(self) -> IO[bytes]:
        try:
            return self.path.open("rb")
        except OSError as exc:
            raise SessionError(f"cannot read {self.path}: {exc.strerror}") from exc


def _verified(line: bytes, seq: int, last: str) -> Record:
    """Return the record of a line that must have this seq and follow the line with this digest."""
    try:
        text = line.decode()
        data, end = _decode(text)
    except (ValueError, RecursionError):
        raise _NotJson from None
    if end != len(text) or not isinstance(data, dict):
        raise _NotJson
    if data.get("seq") != seq:
        raise _Damaged(f"its seq is {data.get('seq')!r} where {seq} must follow")
    if data.get("prev") != last:
        raise _Changed
    try:
        return decode_record(data)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as exc:
        raise _Damaged(f"its record cannot be decoded ({exc!r})") from None


class _NotJson(Exception):
    """A line is no JSON object: damage, or torn if it is also the last and has no newline."""


class _Damaged(Exception):
    """A line cannot have been written like this."""


class _Changed(Exception):
    """A line and the one before it do not belong together."""
