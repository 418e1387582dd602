"""Shows each record as one line of JSON, for programs: durable ones as the log has them."""

from __future__ import annotations

import json

from llmrepl.ports import Surface
from llmrepl.record import Record, encode_record


class JsonLines:
    """A display for programs; nothing but ASCII is written."""

    def __init__(self, surface: Surface) -> None:
        self._stream = surface.stream

    def show(self, record: Record) -> None:
        """Write one record."""
        self._stream.write(json.dumps(encode_record(record)) + "\n")
        self._stream.flush()
