"""Where the turns of a session begin: the places that one can go back to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llmrepl.events import TurnStarted
from llmrepl.parts import Part
from llmrepl.record import Record


class Turn(NamedTuple):
    """A turn of a session; `before` is the last record before it, 0 where there is none."""

    number: int
    before: int
    prompt: tuple[Part, ...]


def turns(records: Iterable[Record]) -> list[Turn]:
    """Return the turns that begin in `records`, the first one first.

    What happened between two turns belongs to the earlier one.
    """
    return [
        Turn(record.turn, record.seq - 1, record.event.prompt)
        for record in records
        if isinstance(record.event, TurnStarted)
    ]
