"""How long a service asks to wait: in a header, in words, or as a duration as Go writes it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC

LONGEST_WAIT = 86_400.0
"""Seconds that a service can mean: no limit of theirs is for longer than a day."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_WAIT = re.compile(r"try again in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)\b")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a `retry-after` header asks to wait; None where there is none."""
    value = headers.get("retry-after", "").strip()
    try:
        return _possible(float(value))
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(value)
        at = date if date.tzinfo else date.replace(tzinfo=UTC)
        return _possible(round(at.timestamp() - time.time(), 3))
    except (ValueError, OverflowError):
        return None


def _possible(seconds: float) -> float | None:
    """Return a time to wait that a service can mean; None where it is no number."""
    return None if math.isnan(seconds) else min(max(0.0, seconds), LONGEST_WAIT)


def wait_in(said: str) -> float | None:
    """Return the seconds in words like "try again in 2m59.5s"; None where there are none."""
    match = _WAIT.search(said)
    return None if match is None else seconds_in(match[1])


def seconds_in(duration: str) -> float | None:
    """Return the seconds of a duration as Go writes it, like `2m59.5s`; None where it is none."""
    if not re.fullmatch(f"(?:{_DURATION.pattern})+", duration):
        return None
    seconds = sum(float(n) * _UNITS[unit] for n, unit in _DURATION.findall(duration))
    return _possible(round(seconds, 3))
