"""What an inspection is about: a block, found by one of its records, with the records around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from llmrepl.conversation import APPROVALS
from llmrepl.events import (
    TYPED,
    ApprovalDecided,
    ApprovalRequested,
    Event,
    MessageFinished,
    ModelChosen,
    NetworkRequested,
    RequestFailed,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.record import Record

E = TypeVar("E", bound=Event)

TURN, MESSAGE, CALL, OTHER = "turn", "message", "call", "record"

KINDS: dict[type[Event], str] = {
    TurnStarted: TURN,
    TurnFinished: TURN,
    StepStarted: MESSAGE,
    StepFinished: MESSAGE,
    ModelChosen: MESSAGE,
    RequestFailed: MESSAGE,
    MessageFinished: MESSAGE,
    ToolRequested: CALL,
    ToolStarted: CALL,
    ToolFinished: CALL,
    ApprovalRequested: CALL,
    ApprovalDecided: CALL,
}
"""What a record belongs to; any other is a block by itself, or its call's."""

BLOCKS = (TurnStarted, MessageFinished, ToolFinished, TurnFinished)
"""The records that a person goes through, and all that belong to nothing larger."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A block.

    `turn` are the records of its turn, or the record alone where it is in none.
    """

    record: Record
    turn: Sequence[Record]

    @property
    def kind(self) -> str:
        """What the block is: turn, message, call or record."""
        if isinstance(self.record.event, NetworkRequested):
            return CALL if self.call_id else OTHER
        return KINDS.get(type(self.record.event), OTHER)

    @property
    def call_id(self) -> str:
        """The call it is about; empty for none."""
        return str(getattr(self.record.event, "call_id", ""))

    @property
    def records(self) -> list[Record]:
        """The records of the block itself."""
        match self.kind:
            case "turn":
                return [*self.turn]
            case "message":
                return [r for r in self.step if not getattr(r.event, "call_id", "")]
            case "call":
                return [r for r in self.turn if getattr(r.event, "call_id", "") == self.call_id]
            case _:
                return [self.record]

    @property
    def step(self) -> list[Record]:
        """The records of the step that it is in; a call that a person typed is in none."""
        request = self.request
        if request is not None and request.origin in TYPED:
            return []
        return [record for record in self.turn if record.step == self.record.step]

    @property
    def step_name(self) -> str:
        """Its step as TURN.STEP; empty where it is in none that asked a model."""
        asked = self.of(StepStarted, self.step)
        return f"{self.record.turn}.{self.record.step}" if asked else ""

    @property
    def request(self) -> ToolRequested | None:
        """The call, as it was asked for."""
        return self.of(ToolRequested) if self.kind == CALL else None

    @property
    def ran(self) -> dict[str, object]:
        """The call's arguments as they ran: a person may have changed them."""
        decided = self.of(ApprovalDecided)
        if decided is not None and decided.arguments and decided.decision in APPROVALS:
            return dict(decided.arguments)
        return dict(self.request.arguments) if self.request else {}

    def of(self, kind: type[E], among: Sequence[Record] | None = None) -> E | None:
        """Return the last event of a kind among the block's records, or others."""
        records = self.records if among is None else among
        found = [record.event for record in records if isinstance(record.event, kind)]
        return found[-1] if found else None

    def all_of(self, kind: type[E]) -> list[E]:
        """Return all events of a kind among the block's records."""
        return [record.event for record in self.records if isinstance(record.event, kind)]


def subject_of(records: Sequence[Record], seq: int) -> Subject:
    """Return what a record belongs to.

    Args:
        records: those of the session; `records[seq - 1]` is the record.
        seq: the record's.
    """
    record = records[seq - 1]
    if not record.turn:
        return Subject(record, [*_around(records, seq, record)])
    first, last = seq, seq
    while first > 1 and _belongs(records[first - 2], record):
        first -= 1
        if isinstance(records[first - 1].event, TurnStarted):
            break
    if isinstance(record.event, TurnStarted):
        first = seq
    while (
        last < len(records)
        and _belongs(records[last], record)
        and not isinstance(records[last].event, TurnStarted)
    ):
        last += 1
    return Subject(record, [records[at - 1] for at in range(first, last + 1)])


def _belongs(one: Record, other: Record) -> bool:
    return one.turn == other.turn


def _around(records: Sequence[Record], seq: int, record: Record) -> Iterator[Record]:
    """Yield the records before any turn that are about the same call."""
    call_id = getattr(record.event, "call_id", "")
    if not call_id:
        yield record
        return
    near = range(max(1, seq - 32), min(len(records), seq + 32) + 1)
    for at in near:
        if getattr(records[at - 1].event, "call_id", "") == call_id:
            yield records[at - 1]


def block_near(records: Sequence[Record], seq: int, by: int) -> int:
    """Return the seq of the next block: behind a record where `by` is 1, before it where it is -1.

    Returns:
        0 where there is none.
    """
    seqs = range(seq + 1, len(records) + 1) if by > 0 else range(seq - 1, 0, -1)
    for at in chain(seqs):
        event = records[at - 1].event
        if isinstance(event, BLOCKS) or type(event) not in KINDS:
            return at
    return 0
