"""What a session's records say that each call took: one charge for each request to a service.

A charge has a key made of the session and the record that ended the call, so that whoever reads
the records, live or later, comes to the same charges, and none is kept twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from llmrepl.events import (
    PERSON,
    ContextCompacted,
    MessageFinished,
    ModelChosen,
    RequestFailed,
    StepStarted,
)
from llmrepl.record import Record
from llmrepl.usage import MILLION, Cost, Usage

BROKEN = {
    "cancelled": "cancelled",
    "max_time": "cancelled",
    "error": "error",
    "interrupted": "interrupted",
}
"""The status of a call whose message stopped so; any other is `ok`."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call took. `at` is when it began, Unix time in milliseconds, as `ms` are.

    `cost` is None where nobody knows the price. `passed` is the model that stands before this one
    in its chain, as provider/model, where another was asked instead; else empty.
    """

    seq: int
    at: int
    provider: str
    model: str
    purpose: str = "main"
    status: str = "ok"
    usage: Usage = Usage()
    cost: Cost | None = None
    passed: str = ""
    first_ms: float | None = None
    ms: float = 0.0

    @property
    def saved(self) -> Decimal:
        """What the service's cache has made it cheaper by; negative where writing cost more."""
        cost = self.cost
        if cost is None or cost.price is None:
            return Decimal(0)
        cached = self.usage.cache_read + self.usage.cache_write
        return cached * cost.price.input / MILLION - cost.cache_read - cost.cache_write


class Charging:
    """Makes charges of records; takes in every record of a session in order."""

    def __init__(self) -> None:
        self._began: Record | None = None
        self._passed: dict[str, str] = {}

    def take(self, record: Record) -> Charge | None:
        """Take in a record; return the charge where it ends a call."""
        match record.event:
            case ModelChosen() as chosen:
                first = chosen.passed[0].partition(": ")[0] if chosen.passed else ""
                self._passed[chosen.purpose] = first
            case StepStarted(provider=provider):
                self._began = None if provider == PERSON else record
            case RequestFailed() as failed:
                self._began = None
                return Charge(
                    record.seq,
                    record.at - round(failed.ms),
                    failed.provider,
                    failed.model,
                    status="failed",
                    cost=Cost(),
                    ms=failed.ms,
                )
            case MessageFinished() as message:
                began, self._began = self._began, None
                # A message that only closes a step whose requests have all failed is no call,
                # nor is one that a person wrote.
                return None if began is None else self._answered(record, message, began)
            case ContextCompacted() as compacted if compacted.provider and not (
                compacted.problem and not compacted.usage.input_tokens
            ):  # else no service has taken anything
                return Charge(
                    record.seq,
                    record.at - round(compacted.ms),
                    compacted.provider,
                    compacted.model,
                    "compact",
                    "error" if compacted.problem else "ok",
                    compacted.usage,
                    compacted.cost,
                    ms=compacted.ms,
                )
        return None

    def _answered(self, record: Record, message: MessageFinished, began: Record) -> Charge:
        asked = began.event
        assert isinstance(asked, StepStarted)
        usage = message.usage
        if message.stop == "interrupted" and usage == Usage():
            # The process ended while it was under way: it was sent, and nobody counted it.
            usage = Usage(asked.estimated_tokens, estimated=True)
        passed = self._passed.get("main", "")
        return Charge(
            record.seq,
            began.at,
            asked.provider,
            asked.model,
            status=BROKEN.get(message.stop, "ok"),
            usage=usage,
            cost=message.cost,
            passed="" if passed == f"{asked.provider}/{asked.model}" else passed,
            first_ms=message.first_token_ms,
            ms=message.total_ms,
        )


def charges(records: Iterable[Record], after: int = 0) -> list[Charge]:
    """Return the charges of a session; those of records up to `after` are another session's."""
    charging = Charging()
    found = (charging.take(record) for record in records)
    return [charge for charge in found if charge is not None and charge.seq > after]
