"""A record is an event with its place: one line of a session's log.

The line's codec lives here; files, locks and hashes belong to whoever keeps the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmrepl.events import Event, decode, encode


@dataclass(frozen=True, slots=True)
class Record:
    """An event and its place in the session.

    `seq` counts the log's records from 1 without a gap, and is 0 for a transient event, which the
    log does not keep. `at` is Unix time in milliseconds. `turn` and `step` count from 1; 0 means
    before the first.
    """

    seq: int
    at: int
    turn: int
    step: int
    event: Event


def encode_record(record: Record) -> dict[str, Any]:
    """Return `record` as JSON-ready data, the event's fields under `data`."""
    data = encode(record.event)
    kind = data.pop("type")
    return {
        "seq": record.seq,
        "at": record.at,
        "turn": record.turn,
        "step": record.step,
        "type": kind,
        "data": data,
    }


def decode_record(line: Mapping[str, Any]) -> Record:
    """Return the record that `encode_record` made `line` from.

    Raises:
        KeyError: a field of the envelope or of the event is missing.
        TypeError: a field that the event needs is missing.
    """
    event = decode({**line["data"], "type": line["type"]})
    return Record(line["seq"], line["at"], line["turn"], line["step"], event)
