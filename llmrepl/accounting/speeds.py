"""How long models took for their messages, in whichever session: what the ledger says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from llmrepl.accounting.database import Database

if TYPE_CHECKING:
    import sqlite3

MEASURED = 20
"""How many messages back a model's time goes into its median."""

DAYS = 14
"""How many days back a message says something of its model."""

LOOKED_AT = 5000
"""The newest calls that are looked at, so that a long history takes no longer."""

_NEWEST = """
SELECT provider || '/' || model, ms FROM (
    SELECT at, provider, model, purpose, status, ms FROM charges
    WHERE at >= ? AND at < ? ORDER BY at DESC LIMIT ?
) WHERE status = 'ok' AND purpose = 'main' ORDER BY at DESC
"""


def speeds(path: Path, now: int) -> Mapping[str, tuple[float, ...]]:
    """Return what the last messages of each model took, in milliseconds, the oldest first.

    Args:
        path: the usage database.
        now: Unix time in milliseconds; what began later is not looked at.

    Raises:
        UsageError: it cannot be read.
    """
    since = now - DAYS * 24 * 60 * 60 * 1000

    def read(db: sqlite3.Connection) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for name, ms in db.execute(_NEWEST, (since, now, LOOKED_AT)):
            of_model = found.setdefault(name, [])
            if len(of_model) < MEASURED:
                of_model.append(ms)
        return found

    nothing: dict[str, list[float]] = {}
    database = Database(path)
    try:
        found = database.read(read, nothing)
    finally:
        database.close()
    return {name: tuple(reversed(times)) for name, times in found.items()}
