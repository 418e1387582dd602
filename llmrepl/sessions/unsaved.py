"""A session that is in memory alone."""

from __future__ import annotations

from collections.abc import Iterable

from llmrepl.record import Record


class Unsaved:
    """Keeps records as long as the program runs. It is a `ports.Store`.

    Args:
        records: what the session has had so far.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = list(records)

    def append(self, record: Record, *, sync: bool = False) -> None:  # noqa: ARG002 - the protocol's signature
        """Keep the record, if it is durable."""
        if record.event.durable:
            self.records.append(record)
