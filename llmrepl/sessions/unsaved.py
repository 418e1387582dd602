"""A store that keeps nothing, for sessions that are not saved."""

from __future__ import annotations

from llmrepl.record import Record


class Unsaved:
    """Takes records and forgets them. It is a `ports.Store`."""

    def append(self, record: Record, *, sync: bool = False) -> None:
        """Forget the record."""
