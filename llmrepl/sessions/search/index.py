"""Searches what was said and done in all sessions: an index that can always be made again.

The logs are the truth. The index follows them by size: what was appended since is read, what is
gone is forgotten, and an index that cannot be read is made anew. Of sealed sessions it holds no
word; see `sealed`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from llmrepl.errors import SessionError
from llmrepl.sessions.blobs import FIELD, Blobs, inside
from llmrepl.sessions.catalog import newest, session_path
from llmrepl.sessions.format import is_sealed
from llmrepl.sessions.packed import PACKED, bytes_of
from llmrepl.sessions.search.words import asked, is_found, text_in

T = TypeVar("T")

VERSION = 2
"""The version of the tables; an index of another one is made anew."""

WAIT = 5.0
"""Seconds to wait for another process that brings the index up to date."""

PATIENCE = 1000
"""Milliseconds to wait for another process where something must leave the index."""

_TABLES = """
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, inode INTEGER NOT NULL,
    size INTEGER NOT NULL, changed INTEGER NOT NULL, done INTEGER NOT NULL,
    sealed INTEGER NOT NULL);
CREATE TABLE entries (
    number INTEGER PRIMARY KEY, session INTEGER NOT NULL, seq INTEGER NOT NULL,
    turn INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL);
CREATE INDEX of_session ON entries (session);
CREATE VIRTUAL TABLE texts USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2');
"""

_SEARCH = """
SELECT sessions.id, seq, turn, at, kind, text
FROM texts JOIN entries ON entries.number = texts.rowid
JOIN sessions ON sessions.number = entries.session
WHERE texts MATCH ? ORDER BY texts.rowid DESC LIMIT ?
"""


class Hit(NamedTuple):
    """A record in which everything was found.

    `at` is Unix time in milliseconds; `kind` is the record's type; `text` is what was indexed.
    """

    session: str
    seq: int
    turn: int
    at: int
    kind: str
    text: str


class SearchIndex:
    """The index of one directory of sessions. It is a context manager that closes itself.

    Args:
        directory: where the sessions are.
        file: where the index is, or will be; made for its owner alone.

    Raises:
        SessionError: there is no room or no right to make it.
    """

    def __init__(self, directory: Path, file: Path) -> None:
        self._directory = directory
        self._blobs = Blobs(directory)
        self._file = file
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._base = self._opened()
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def update(self, progress: Callable[[int, int], None] = lambda _, __: None) -> None:
        """Take in what the logs hold by now.

        Args:
            progress: is told how many of how many changed sessions have been read.

        Raises:
            SessionError: the directory cannot be read, or the index cannot be written.
        """
        self._whole(lambda: self._update(progress))

    def _update(self, progress: Callable[[int, int], None]) -> None:
        found = newest(self._directory)
        try:
            known = {row[0]: row[1:] for row in self._base.execute(_KNOWN)}
            changed = [
                (name, facts) for name, facts in found if known.get(name, ())[1:] != _key(facts)
            ]
            gone = known.keys() - {name for name, _ in found}
            if not changed and not gone:
                return
            hidden = False
            self._base.execute("BEGIN IMMEDIATE")
            with self._base:
                for name in gone:
                    self._forget(name)
                # The oldest first, so that a later entry is a newer one.
                for count, (name, facts) in enumerate(reversed(changed)):
                    progress(count, len(changed))
                    hidden |= self._follow(name, facts)
            if gone or hidden:
                self._erase()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            # Another process is at it: what there is can be searched.

    def forget(self, names: Iterable[str]) -> None:
        """Leave no byte of these sessions in the file, whatever the directory holds.

        Args:
            names: their ids; those that are not in the index do no harm.

        Raises:
            SessionError: the index cannot be written, or another process is at it.
        """
        try:
            self._base.execute(f"PRAGMA busy_timeout = {PATIENCE}")
            self._base.execute("BEGIN IMMEDIATE")
            with self._base:
                for name in names:
                    self._forget(name)
            self._erase()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def sealed(self) -> list[str]:
        """Return the ids of the sessions in which `search` finds nothing, as they are sealed."""
        query = "SELECT id FROM sessions WHERE sealed ORDER BY number"
        return [row[0] for row in self._whole(lambda: self._base.execute(query).fetchall())]

    def search(self, query: str, limit: int = 20) -> list[Hit]:
        """Return the newest records that hold every word of `query`, or words that begin so.

        Args:
            query: words; those between double quotes are found in that order alone.
            limit: how many records at the most.

        Raises:
            SessionError: there is no word in the query, or the index cannot be read.
        """
        values = (asked(query), limit)
        rows = self._whole(lambda: self._base.execute(_SEARCH, values).fetchall())
        return [Hit(*row) for row in rows]

    def _whole(self, work: Callable[[], T]) -> T:
        """Return what `work` gives, if need be with an index that was made anew."""
        try:
            try:
                return work()
            except sqlite3.DatabaseError as error:
                if not _is_spoilt(error):
                    raise
                self._base.close()
                self._base = self._made()
                self._update(lambda _, __: None)
                return work()
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def _opened(self) -> sqlite3.Connection:
        """Return the index with its tables, made anew where it is not one of ours."""
        base = self._connected()
        try:
            (version,) = base.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                base.execute("SELECT count(*) FROM sessions").fetchone()
                if self._is_all_there(base):
                    return base
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                base.close()
                raise
        base.close()
        return self._made()

    def _is_all_there(self, base: sqlite3.Connection) -> bool:
        """Return whether no end of the file is missing, which the pages that are there hide."""
        (pages,) = base.execute("PRAGMA page_count").fetchone()
        (size,) = base.execute("PRAGMA page_size").fetchone()
        return self._file.stat().st_size >= int(pages) * int(size)

    def _made(self) -> sqlite3.Connection:
        """Return a new index, in the place of what there is."""
        discard(self._file)
        base = self._connected()
        base.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {VERSION};COMMIT;")
        return base

    def _connected(self) -> sqlite3.Connection:
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        base = sqlite3.connect(self._file, timeout=WAIT, isolation_level=None)
        with contextlib.suppress(sqlite3.DatabaseError):  # no database: what opens it finds out
            base.execute("PRAGMA secure_delete = ON")
            base.execute("PRAGMA synchronous = OFF")  # what a crash spoils can be made again
        return base

    def _follow(self, name: str, facts: os.stat_result) -> bool:
        """Index what was appended to a session, or all of it where it is another file.

        Return whether it was sealed since its words were taken.
        """
        row = self._base.execute(
            "SELECT number, sealed, done, inode FROM sessions WHERE id = ?", (name,)
        ).fetchone()
        was_plain = row is not None and not row[1]
        if row is not None and (row[3] != facts.st_ino or row[2] > facts.st_size):
            self._forget(name)
            row = None
        number, sealed, done = row[:3] if row else (None, 0, 0)
        try:
            found = _behind(session_path(self._directory, name), done)
        except (OSError, SessionError):
            return False  # gone, or not ours to read
        whole = found[: found.rfind(b"\n") + 1]
        sealed = sealed if done else is_sealed(whole)
        key = (*_key(facts), done + len(whole), sealed)
        if number is None:
            number = self._base.execute(_ADD, (name, *key)).lastrowid
        else:
            self._base.execute(_CHANGE, (*key, number))
        for line in () if sealed else whole.split(b"\n"):
            self._take(number, line)
        return bool(was_plain and sealed)

    def _take(self, session: int | None, line: bytes) -> None:
        try:
            record = json.loads(line)
            kind = record.get("type")
            if not is_found(kind):
                return
            if FIELD in record:
                inside(record, self._blobs.get)
            text = text_in(record)
            place = (session, record["seq"], record["turn"], record["at"], kind) if text else ()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return  # damage: whoever opens the session is told of it
        if place:
            entry = self._base.execute(
                "INSERT INTO entries (session, seq, turn, at, kind) VALUES (?, ?, ?, ?, ?)", place
            ).lastrowid
            self._base.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", (entry, text))

    def _forget(self, name: str) -> None:
        of_it = "(SELECT number FROM sessions WHERE id = ?)"
        entries = f"(SELECT number FROM entries WHERE session = {of_it})"  # noqa: S608 - no input
        self._base.execute(f"DELETE FROM texts WHERE rowid IN {entries}", (name,))  # noqa: S608
        self._base.execute(f"DELETE FROM entries WHERE session = {of_it}", (name,))  # noqa: S608
        self._base.execute("DELETE FROM sessions WHERE id = ?", (name,))

    def _erase(self) -> None:
        """Leave no byte of what was forgotten: the full-text index keeps it until it is merged."""
        self._base.execute("INSERT INTO texts (texts) VALUES ('optimize')")
        self._base.execute("VACUUM")

    def _failed(self, error: Exception) -> SessionError:
        full = (
            getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            or getattr(error, "errno", None) == errno.ENOSPC
        )
        hint = "it holds nothing of its own: remove it, and the next search makes it again"
        if full:
            hint = "free some space, and search again"
        return SessionError(f"the search index {self._file} cannot be used: {error}", hint=hint)


def discard(file: Path) -> None:
    """Remove an index with what a database keeps beside itself; the next search makes it again."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


_KNOWN = "SELECT id, number, inode, size, changed FROM sessions"
_ADD = """INSERT INTO sessions (id, inode, size, changed, done, sealed)
    VALUES (?, ?, ?, ?, ?, ?)"""
_CHANGE = """UPDATE sessions SET inode = ?, size = ?, changed = ?, done = ?, sealed = ?
    WHERE number = ?"""


def _is_spoilt(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file itself is what is wrong."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _behind(path: Path, done: int) -> bytes:
    """Return what is in a log from the byte `done` on."""
    if path.suffix == PACKED:
        return bytes_of(path)[done:]
    with path.open("rb") as file:
        file.seek(done)
        return file.read()


def _key(facts: os.stat_result) -> tuple[int, int, int]:
    """Return what is another where a file has changed."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
