"""The usage database: one row for each call of a model, with how it was estimated and counted.

It holds numbers and names, never text. Processes write to it at the same time; a transaction is a
single row. Whatever is wrong with the file is a `UsageError`.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from llmrepl.accounting.kinds import KINDS, SIZES
from llmrepl.content import Content
from llmrepl.errors import LlmreplError

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

VERSION = 1

SCHEMA = """
BEGIN;
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,             -- Unix time in milliseconds
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    purpose TEXT NOT NULL,
    estimated INTEGER NOT NULL,      -- input tokens, as we thought before the call
    input_tokens INTEGER NOT NULL,   -- and as the service reported
    output_tokens INTEGER NOT NULL,
    doubtful INTEGER NOT NULL,       -- 1 where that cannot be all that was sent
    requests INTEGER NOT NULL,       -- of what follows: 1 for all of the request, 0 for what is new
    content TEXT NOT NULL,           -- JSON: [tokens, [kinds], messages, images]
    counted INTEGER NOT NULL         -- what the service counted of it
);
CREATE INDEX IF NOT EXISTS calls_of_a_model ON calls (provider, model, id);
PRAGMA user_version = 1;
COMMIT;
"""

PATIENCE, PAUSE = 2.0, 0.01
"""Seconds that a process waits for another one, and between two tries."""

WIDTH = 2 * len(KINDS) + len(SIZES)
"""How many numbers a content has by its kinds."""

BUSY, READ_ONLY, FULL, NO_OPENING = 5, 8, 13, 14
"""What SQLite calls these errors."""

NO_ROOM = "free some space; until then nothing is learnt from calls"
NO_RIGHT = "make it writable for you; until then nothing is learnt from calls"
HINTS = {
    BUSY: "another program holds it; what is not written meanwhile is not learnt from",
    READ_ONLY: NO_RIGHT,
    FULL: NO_ROOM,
    NO_OPENING: NO_RIGHT,
}

REMEMBERED = 200
"""Calls of a model that say how it counts: the last ones."""


class UsageError(LlmreplError):
    """The usage database cannot be used."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it is kept.

    `content` is what the service counted as `counted`: all of the request where `requests` is 1,
    what it has more than the one before where it is 0. Nobody learns from a `doubtful` count.
    """

    provider: str
    model: str
    estimated: int
    input_tokens: int
    output_tokens: int
    content: Content
    counted: int
    requests: int = 1
    purpose: str = "main"
    doubtful: bool = False
    at: int = 0


class Calls:
    """The calls of all sessions; made for one thread.

    Args:
        path: the file, which is made with the first call.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: sqlite3.Connection | None = None

    def add(self, call: Call) -> None:
        """Keep a call.

        Raises:
            UsageError: it could not be written.
        """
        content = call.content
        numbers = [content.tokens, content.kinds, content.messages, content.images]
        row = (
            call.at or time.time_ns() // 1_000_000,
            call.provider,
            call.model,
            call.purpose,
            call.estimated,
            call.input_tokens,
            call.output_tokens,
            call.doubtful,
            call.requests,
            json.dumps(numbers),
            call.counted,
        )
        self._write(
            "INSERT INTO calls (at, provider, model, purpose, estimated, input_tokens,"
            " output_tokens, doubtful, requests, content, counted)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )

    def last(self, provider: str, model: str, limit: int = REMEMBERED) -> list[Call]:
        """Return the last calls of a model that nobody doubts, the oldest of them first.

        Raises:
            UsageError: they could not be read.
        """
        return self._read(
            "SELECT provider, model, estimated, input_tokens, output_tokens, content, counted,"
            " requests, purpose, doubtful, at FROM calls"
            " WHERE provider = ? AND model = ? AND NOT doubtful ORDER BY id DESC LIMIT ?",
            (provider, model, limit),
            _call,
        )[::-1]

    def begin_anew(self, provider: str, model: str, last: int) -> None:
        """Doubt all calls of a model but these last ones: its service counts in another way now.

        Raises:
            UsageError: it could not be written.
        """
        self._write(
            "UPDATE calls SET doubtful = id NOT IN (SELECT id FROM calls WHERE provider = ?1"
            " AND model = ?2 ORDER BY id DESC LIMIT ?3) WHERE provider = ?1 AND model = ?2",
            (provider, model, last),
        )

    def models(self) -> list[tuple[str, str, int]]:
        """Return each provider and model that was called, and how often that is not doubted.

        Raises:
            UsageError: they could not be read.
        """
        return self._read(
            "SELECT provider, model, count(*) FROM calls WHERE NOT doubtful"
            " GROUP BY provider, model ORDER BY provider, model",
            (),
            tuple,
        )

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _write(self, statement: str, values: Sequence[object]) -> None:
        self._done(lambda: self._connected(make=True).execute(statement, values))

    def _read(
        self, query: str, values: Sequence[object], made: Callable[[Sequence[Any]], T]
    ) -> list[T]:
        def rows() -> list[T]:
            if self._open is None and not self.path.exists():
                return []
            return [made(row) for row in self._connected().execute(query, values)]

        return self._done(rows)

    def _done(self, work: Callable[[], T]) -> T:
        """Do something with the file; where another process is in the way, try again.

        SQLite waits for most of what others do, but not while they make the file.
        """
        import sqlite3

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return work()
            except (sqlite3.Error, OSError, ValueError, TypeError) as error:
                self.close()
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code == BUSY and time.monotonic() < deadline:
                    time.sleep(PAUSE)
                    continue
                raise UsageError(
                    f"the usage database {self.path} cannot be used: {error}",
                    hint=_hint(error, code),
                ) from None

    def _connected(self, *, make: bool = False) -> sqlite3.Connection:
        if self._open is None:
            self._open = self._connect(make=make)
        return self._open

    def _connect(self, *, make: bool) -> sqlite3.Connection:
        import sqlite3

        if make and not self.path.exists():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
        # Each statement is a transaction of its own; whichever thread loads is the only one.
        db = sqlite3.connect(
            self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                _refuse(version)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if version < VERSION:
                db.executescript(SCHEMA)
        except BaseException:
            db.close()
            raise
        return db


def _refuse(version: int) -> NoReturn:
    raise ValueError(f"a newer llmrepl has written it (version {version})")


def _hint(error: Exception, code: int) -> str:
    """Return how to mend what is wrong with the file."""
    if code in HINTS:
        return HINTS[code]
    if isinstance(error, OSError):
        return {errno.ENOSPC: NO_ROOM}.get(error.errno or 0, NO_RIGHT)
    return "move it away, and a new one begins"


def _call(row: Sequence[Any]) -> Call:
    provider, model, estimated, sent, said, content, counted, *rest = row
    tokens, kinds, messages, images = json.loads(content)
    if kinds and len(kinds) != WIDTH:
        raise ValueError(f"a call of {provider}/{model} is counted in {len(kinds)} kinds")
    numbers = Content(int(tokens), tuple(map(int, kinds)), int(messages), int(images))
    return Call(provider, model, int(estimated), int(sent), int(said), numbers, int(counted), *rest)
