"""Which entries of the audit log somebody wants to see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

Entry = dict[str, Any]
"""The object of a line of the log."""

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
TIMES = "30m, 2h, 7d, 2026-01-31, 2026-01-31T09:30"
"""Times that `moment` accepts, for messages."""


def chosen(since: int = 0, session: str = "", kind: str = "") -> Callable[[Entry], bool]:
    """Return what says of an entry whether it is wanted.

    Args:
        since: Unix time in milliseconds of the first.
        session: how the session's id begins.
        kind: how the type begins.
    """
    return lambda entry: (
        entry.get("at", 0) >= since
        and str(entry.get("session", "")).startswith(session)
        and str(entry["type"]).startswith(kind)
    )


def moment(text: str, now: float) -> int:
    """Return the Unix time in milliseconds that a person means.

    Args:
        text: as in `TIMES`.
        now: Unix time in seconds.

    Raises:
        ValueError: it is no time.
    """
    number, unit = text[:-1], text[-1:]
    try:
        if unit in UNITS:
            return int((now - float(number) * UNITS[unit]) * 1000)
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except OverflowError as error:
        raise ValueError(text) from error
