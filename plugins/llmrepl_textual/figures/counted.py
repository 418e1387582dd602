"""What the records say of tools and models: those of this session, or of all that are saved.

They are read in threads, some at a time, so that keys and the screen never wait for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from llmrepl.accounting.tallies import Tally
from llmrepl.compose.spending import take
from llmrepl.errors import LlmreplError
from llmrepl.record import Record
from llmrepl.sessions.listing import sessions
from llmrepl_textual.desk import Desk

T = TypeVar("T")

AT_ONCE = 500
"""Records that are read at once."""

SOME = 20
"""Sessions that are listed at once."""


class Counted:
    """The tally of the session that the chat is in; it grows.

    Args:
        desk: has the records.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: list[Record] | None = None  # what comes while the rest is read
        self._read = asyncio.Lock()
        self._of: object = None
        self.tally = Tally()

    async def read(self) -> Tally:
        """Return the tally of this session, read as far as it is not yet."""
        async with self._read:
            assembly = self._desk.assembly
            session = (assembly.session_id, assembly.opened) if assembly else None
            if self._of is None or self._of != session:
                self._of = session
                await self._anew()
            return self.tally

    def took(self, record: Record) -> None:
        """Take a record that has just come."""
        if not record.event.durable or self._of is None:
            return
        if self._waiting is not None:
            self._waiting.append(record)
        else:
            self.tally.show(record)

    async def _anew(self) -> None:
        tally = self.tally = Tally()
        self._waiting = []
        records = self._desk.records
        rest = iter(records.read(1, len(records)))
        while batch := await asyncio.to_thread(_next, rest, AT_ONCE):
            for record in batch:
                tally.show(record)
        waiting, self._waiting = self._waiting, None
        for record in waiting:
            tally.show(record)


class Saved:
    """The tally of all saved sessions.

    Args:
        directory: where they are.

    Attributes:
        read: how many have been read.
        left_out: ids of those that could not be, and why.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.tally = Tally()
        self.read = 0
        self.left_out: list[str] = []

    async def walk(self) -> AsyncIterator[None]:
        """Read them, the one used last first; pauses after each.

        Raises:
            SessionError: the directory cannot be read.
        """
        found = iter(sessions(self._directory))
        while some := await asyncio.to_thread(_next, found, SOME):
            for each in some:
                await asyncio.to_thread(self._take, each.id, each.path)
                yield

    def _take(self, name: str, path: Path) -> None:
        try:
            take(self.tally, path)
        except LlmreplError as error:
            self.left_out.append(f"{name} is left out: {error.message}")
        else:
            self.read += 1


def _next(rest: Iterator[T], count: int) -> list[T]:
    return [*islice(rest, count)]
