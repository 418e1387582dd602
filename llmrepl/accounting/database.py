"""The usage database as a file: how it is opened, made and brought to the newest version.

Processes use it at the same time. Whatever is wrong with it is a `UsageError`.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from llmrepl.errors import LlmreplError

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

VERSION = 3
"""The version of the file.

Version 1 knew how calls were counted, version 2 what they cost, version 3 which are under way.
"""

COUNTED = """
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
"""
"""What version 1 has: how a model's service counts."""

CHARGED = """
CREATE TABLE IF NOT EXISTS charges (
    key TEXT PRIMARY KEY,            -- session:seq of the record that ended the call
    at INTEGER NOT NULL,             -- when it began; Unix time in milliseconds
    session TEXT NOT NULL,
    project TEXT NOT NULL,           -- the directory
    person TEXT NOT NULL,            -- the account's name
    purpose TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    status TEXT NOT NULL,            -- ok, failed, cancelled, error or interrupted
    input_tokens INTEGER NOT NULL,   -- all that was sent
    cache_read INTEGER NOT NULL,     -- parts of that
    cache_write INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,  -- all that was received
    reasoning_tokens INTEGER NOT NULL,  -- a part of that
    estimated INTEGER NOT NULL,      -- 1 where tokens are counted here
    currency TEXT NOT NULL,
    cost INTEGER,                    -- 10^-12 of it; NULL where nobody knows the price
    saved INTEGER NOT NULL,          -- 10^-12: what the cache has made it cheaper by
    price TEXT NOT NULL,             -- JSON: per million tokens, and where it is from; or empty
    passed TEXT NOT NULL,            -- provider/model that would have been asked first, or empty
    first_ms REAL,                   -- until the first word; NULL where there was none
    ms REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS charges_by_time ON charges (at, cost);
CREATE INDEX IF NOT EXISTS charges_of_a_session ON charges (session, cost);
CREATE INDEX IF NOT EXISTS charges_of_a_project ON charges (project, cost);
CREATE INDEX IF NOT EXISTS charges_of_a_person ON charges (person, cost);
CREATE TABLE IF NOT EXISTS held (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    process TEXT NOT NULL,           -- what shows whether it still runs
    session TEXT NOT NULL,
    project TEXT NOT NULL,
    person TEXT NOT NULL,
    amount INTEGER NOT NULL,         -- 10^-12 US dollars
    open INTEGER NOT NULL            -- 1 where nobody can bound what the call will cost
);
"""
"""What version 2 has besides: what each call took, and what calls that are under way may take."""

UNDER_WAY = """
CREATE TABLE IF NOT EXISTS under_way (
    held INTEGER PRIMARY KEY,        -- what is held for it
    purpose TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    tokens INTEGER NOT NULL,         -- what it sends, by our estimate
    cost INTEGER NOT NULL            -- and what that costs, in 10^-12 US dollars
);
"""
"""What version 3 has besides: what a call has cost at the least whose process was killed."""

TABLES = f"{COUNTED} {CHARGED} {UNDER_WAY}"
SCHEMA = f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"

PATIENCE, PAUSE = 5.0, 0.01
"""Seconds that a process waits for another one, and between two tries."""

CACHE = 256
"""KiB of the file that a process keeps in memory, which SQLite would let grow to 2 MB."""

BUSY, READ_ONLY, FULL, NO_OPENING = 5, 8, 13, 14
"""What SQLite calls these errors."""

NO_ROOM = "free some space; until then no call is kept"
NO_RIGHT = "make it writable for you; until then no call is kept"
HINTS = {
    BUSY: "another program holds it; what is not written meanwhile is not kept",
    READ_ONLY: NO_RIGHT,
    FULL: NO_ROOM,
    NO_OPENING: NO_RIGHT,
}


class UsageError(LlmreplError):
    """The usage database cannot be used."""


class Database:
    """The file, opened when it is first needed; for one thread at a time.

    Args:
        path: the file, which is made with the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: sqlite3.Connection | None = None

    def read(self, work: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """Return what `work` reads, or `nothing` where there is no file.

        Raises:
            UsageError: it could not be read.
        """
        if self._open is None and not self.path.exists():
            return nothing
        return self._done(lambda: work(self._connected()))

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what comes of `work`, all of it in one transaction that no other is at work in.

        Raises:
            UsageError: it could not be written; nothing of it was then.
        """

        def transaction() -> T:
            db = self._connected(make=True)
            db.execute("BEGIN IMMEDIATE")
            try:
                made = work(db)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
            return made

        return self._done(transaction)

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _done(self, work: Callable[[], T]) -> T:
        """Do something with the file; where another process is in the way, try again.

        SQLite waits for most of what others do, but not while they make the file.
        """
        import sqlite3

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return work()
            except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
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
            self._open = connect(self.path, make=make)
        return self._open


def connect(path: Path, *, make: bool) -> sqlite3.Connection:
    """Open the file, and bring an older one to the newest version.

    Raises:
        OSError, sqlite3.Error: it cannot be opened.
        ValueError: a newer llmrepl has written it.
    """
    import sqlite3

    if make and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    # Each statement is a transaction of its own; whichever thread loads is the only one.
    db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            _refuse(version)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA cache_size = -{CACHE}")
        if version < VERSION:
            db.executescript(SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _hint(error: Exception, code: int) -> str:
    """Return how to mend what is wrong with the file."""
    if code in HINTS:
        return HINTS[code]
    if isinstance(error, OSError):
        return {errno.ENOSPC: NO_ROOM}.get(error.errno or 0, NO_RIGHT)
    return "move it away, and a new one begins"


def _refuse(version: int) -> NoReturn:
    raise ValueError(f"a newer llmrepl has written it (version {version})")
