"""Reads a session's log as a stream, and verifies every line against the one before it.

Reading never changes the file and needs no lock. A line counts once the next line has vouched for
it; what does not verify is not yielded, nor is anything behind it, and `problem` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import IO

from llmrepl.chain import Follower
from llmrepl.errors import SessionError
from llmrepl.record import Record, decode_record
from llmrepl.sessions.format import Header, decode_header


class LogReader(Follower[Record]):
    """One session's records in order.

    Iterating yields the records that verify; iterating again goes on behind them and yields what
    another process has appended since. The attributes hold when an iteration has ended; those that
    are not named here are a `chain.Follower`'s.

    Attributes:
        header: the first line.
        seq: the last record that verified; 0 before the first.

    Raises:
        SessionError: the file cannot be read, or does not begin with a header.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(decode_record)
        self.path = path
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

    def __iter__(self) -> Iterator[Record]:
        return map(itemgetter(1), self.lines())

    def lines(self) -> Iterator[tuple[bytes, Record]]:
        """Yield each line without its newline, with its record."""
        with self._file() as file:
            file.seek(self.end)
            if not self.ended and file.read(1) == b"\n":
                self.end += 1
                self.ended = True
            yield from self.follow(file)

    def _file(self) -> IO[bytes]:
        try:
            return self.path.open("rb")
        except OSError as exc:
            raise SessionError(f"cannot read {self.path}: {exc.strerror}") from exc
