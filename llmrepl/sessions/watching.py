"""Follows a session while another process writes it: only reads, and needs no lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from llmrepl.errors import SessionError
from llmrepl.record import Record
from llmrepl.sessions.catalog import newest
from llmrepl.sessions.lock import Holder, holder, holders, inode
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.sealed.sealing import SessionSealed

POLL = 0.06
"""Seconds between two looks at the file."""


class Watching:
    """A session that is followed to where its holder closes it.

    Args:
        path: the session's file.

    Attributes:
        holder: who was writing it when somebody last looked; None where nobody was.
        seq: the last record that was seen.
        ended: why there is nothing more to see, in one line; empty before the end.

    Raises:
        SessionError: the file cannot be read, or does not begin with a header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.holder = holder(path)
        self.seq = 0
        self.ended = ""
        self._reader = LogReader(path)
        self._size = -1

    async def lines(self) -> AsyncIterator[tuple[bytes, Record]]:
        """Yield each line, without its newline, with its record: what is there, then what comes.

        A line that is being written is waited for. It ends when nobody writes the session, at once
        where nobody does.

        Raises:
            SessionSealed: it cannot be opened here.
        """
        closed = self.holder is None
        while True:
            try:
                for found in self._news(closed):
                    yield found
            except SessionSealed:
                raise
            except SessionError as error:
                self.ended = error.message if self.path.exists() else "it was deleted"
            if self.ended:
                return
            if closed:
                self.ended = self._end()
                return
            await asyncio.sleep(POLL)
            # Before the file is read, so that the last of what the holder wrote is seen.
            now = holder(self.path)
            self.holder, closed = now or self.holder, now is None

    def opened(self, line: bytes) -> bytes:
        """Return a line that was yielded as it would be without a seal."""
        return self._reader.opened(line)

    def _news(self, closed: bool) -> list[tuple[bytes, Record]]:
        """Return what was written since; raises SessionError where the file cannot be read."""
        try:
            size = self.path.stat().st_size
        except OSError as exc:
            raise SessionError(f"cannot read {self.path}: {exc.strerror}") from exc
        if size < self._reader.end:  # a record that could not be kept was taken back
            self._reader = LogReader(self.path)
        if size == self._size and not closed:
            return []
        self._size = size
        found = [pair for pair in self._reader.lines() if pair[1].seq > self.seq]
        if found:
            self.seq = found[-1][1].seq
        problem = self._reader.problem
        if problem is not None and not (problem.torn and not closed):
            self.ended = f"line {problem.line}: {problem.reason}"
        return found

    def _end(self) -> str:
        if self.holder is None:
            return "nobody is writing it"
        return f"{self.holder._replace(since=0, terminal='')} has closed it"


def went_on(directory: Path, before: Holder) -> str:
    """Return the id of the session that a process of this machine writes now; empty for none."""
    held = holders()
    for session_id, status in newest(directory):
        if before.pid and held.get(inode(status)) == before.pid:
            return session_id
    return ""
