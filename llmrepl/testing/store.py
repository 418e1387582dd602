"""A store that keeps records in memory."""

from __future__ import annotations

from llmrepl.errors import SessionError
from llmrepl.record import Record


class MemoryStore:
    """Implements `llmrepl.ports.Store`; takes records only in a gapless order.

    Args:
        full_after: how many records fit before each further one is a `SessionError`; None: all.
    """

    def __init__(self, *, full_after: int | None = None) -> None:
        self.records: list[Record] = []
        self.synced = 0
        self._full_after = full_after

    def append(self, record: Record, *, sync: bool = False) -> None:
        """Keep `record`; `synced` counts the records that have reached the disk for certain.

        Raises:
            SessionError: it is out of order, transient, or there is no room.
        """
        if record.seq != len(self.records) + 1:
            raise SessionError(f"record {record.seq} cannot follow record {len(self.records)}")
        if not record.event.durable:
            raise SessionError(f"{record.event.type} is transient: the log does not keep it")
        if self._full_after is not None and len(self.records) >= self._full_after:
            raise SessionError("the session could not be written: no space left")
        self.records.append(record)
        if sync:
            self.synced = len(self.records)
