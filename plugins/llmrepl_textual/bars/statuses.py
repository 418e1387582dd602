"""How spans end: what that is called, and the sign and the style it is told by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from llmrepl.conversation import APPROVALS

RUNNING, OK, RETRIED, STOPPED = "running", "ok", "retried", "stopped"
CANCELLED, DENIED, UNKNOWN, LIMIT, TIMEOUT, ERROR = (
    "cancelled",
    "denied",
    "unknown",
    "limit",
    "timeout",
    "error",
)


class Sign(NamedTuple):
    """A sign of one cell, and a style of the timeline's themes."""

    sign: str
    style: str


SIGNS: Mapping[str, Sign] = {
    OK: Sign("✓", "ok"),
    RUNNING: Sign("●", "call"),
    RETRIED: Sign("↻", "warn"),
    STOPPED: Sign("!", "warn"),
    UNKNOWN: Sign("?", "warn"),
    DENIED: Sign("⊘", "warn"),
    CANCELLED: Sign("⊘", "warn"),
    LIMIT: Sign("✗", "bad"),
    TIMEOUT: Sign("✗", "bad"),
    ERROR: Sign("✗", "bad"),
}
"""Every status, the worst last."""

_RANKS = {status: rank for rank, status in enumerate(SIGNS)}

STOPS: Mapping[str, str] = {
    "end_turn": OK,
    "tool_calls": OK,
    "cancelled": CANCELLED,
    "interrupted": UNKNOWN,
    "error": ERROR,
}
"""What a stop reason comes to; any other is a turn or message that was stopped."""


def sign_of(status: str) -> Sign:
    """Return a status' sign; of one that is not known that of `unknown`."""
    return SIGNS.get(status, SIGNS[UNKNOWN])


def worst(*statuses: str) -> str:
    """Return the worst of some statuses."""
    return max(statuses, key=lambda status: _RANKS.get(status, _RANKS[UNKNOWN]))


def of_stop(reason: str) -> str:
    """Return what a stop reason comes to."""
    return STOPS.get(reason, STOPPED)


def of_decision(decision: str) -> str:
    """Return what an answer to a question comes to."""
    return OK if decision in APPROVALS else DENIED
