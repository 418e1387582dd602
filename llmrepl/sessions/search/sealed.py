"""Searches sealed sessions: each is opened for it, and what it says is in memory alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from llmrepl.errors import SessionError
from llmrepl.record import encode_record
from llmrepl.sessions.catalog import session_path
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.search.index import Hit
from llmrepl.sessions.search.words import asked, text_in

_TABLE = """
PRAGMA temp_store = MEMORY;
CREATE VIRTUAL TABLE texts USING fts5 (
    session UNINDEXED, seq UNINDEXED, turn UNINDEXED, at UNINDEXED, kind UNINDEXED, text,
    tokenize = 'unicode61 remove_diacritics 2');
"""


class Searched(NamedTuple):
    """What was found, the newest first, and why a session could not be opened, by its id."""

    hits: list[Hit]
    unopened: dict[str, SessionError]


def search_sealed(directory: Path, names: Iterable[str], query: str, limit: int = 20) -> Searched:
    """Search sessions without an index; this takes as long as reading them does.

    Args:
        directory: where the sessions are.
        names: their ids.
        query: as `SearchIndex.search` takes it.
        limit: how many records at the most.

    Raises:
        SessionError: there is no word in the query.
    """
    match = asked(query)
    unopened = {}
    with closing(sqlite3.connect(":memory:")) as base:
        base.executescript(_TABLE)
        for name in names:
            try:
                base.executemany(
                    "INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?)", _entries(directory, name)
                )
            except SessionError as error:
                unopened[name] = error
        rows = base.execute(
            "SELECT * FROM texts WHERE texts MATCH ? ORDER BY at DESC, rowid DESC LIMIT ?",
            (match, limit),
        )
        return Searched([Hit(*row) for row in rows], unopened)


def _entries(directory: Path, name: str) -> Iterable[Hit]:
    for record in LogReader(session_path(directory, name)):
        data = encode_record(record)
        if text := text_in(data):
            yield Hit(name, record.seq, record.turn, record.at, data["type"], text)
