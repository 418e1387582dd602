"""What a service says in the headers of its answers that is left of its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from llmrepl.ports import Allowance


class Headers(NamedTuple):
    """The names of the headers that tell of one limit; `again` has a date, or is empty for none."""

    left: str
    most: str
    again: str = ""


class Rations:
    """Keeps what the last answer said.

    Args:
        names: the headers, by what they limit: requests or tokens.
    """

    def __init__(self, names: Mapping[str, Headers]) -> None:
        self._names = names
        self._said: list[tuple[Allowance, datetime | None]] = []

    def read(self, headers: Mapping[str, str]) -> None:
        """Take what the headers of an answer say; nothing is forgotten where they say nothing."""
        said: list[tuple[Allowance, datetime | None]] = []
        for kind, names in self._names.items():
            try:
                allowance = Allowance(kind, int(headers[names.left]), int(headers[names.most]))
            except (KeyError, ValueError):
                continue
            said.append((allowance, date_in(headers.get(names.again, ""))))
        self._said = said or self._said

    def left(self, now: datetime) -> Sequence[Allowance]:
        """Return what is left, as far as it is known by `now`: what is full again is not."""
        return [
            Allowance(
                allowance.kind,
                allowance.left,
                allowance.most,
                None if full is None else (full - now).total_seconds(),
            )
            for allowance, full in self._said
            if full is None or full > now
        ]


def date_in(text: str) -> datetime | None:
    """Return the date in a header, as RFC 3339 has it; None where it is none."""
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
