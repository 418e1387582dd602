"""What two sessions did differently behind their common beginning: answers, calls, cost and time.

The beginning is found by what the records hold, so that it matters neither which of the two was
forked from the other nor what their headers say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llmrepl.conversation import Spend
from llmrepl.events import (
    ApprovalDecided,
    ContextCompacted,
    Event,
    MessageFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import text_of
from llmrepl.record import Record


@dataclass(slots=True)
class CallSeen:
    """A call: what it ran, and its status and milliseconds; no status where it never ended."""

    name: str
    code: str
    status: str = ""
    ms: float = 0.0


@dataclass(slots=True)
class Stretch:
    """A turn, or what one side has of a turn that both began: `whole` says which.

    `ms` is what models and calls took; `answer` is the text of the last message, `reason` why the
    turn ended, empty where it did not.
    """

    turn: int
    whole: bool
    prompt: str = ""
    models: dict[str, None] = field(default_factory=dict)
    calls: list[CallSeen] = field(default_factory=list)
    answer: str = ""
    reason: str = ""
    spend: Spend = Spend()
    ms: float = 0.0


class Side(NamedTuple):
    """What one session has behind the common beginning, turn by turn."""

    stretches: list[Stretch]

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return sum(len(stretch.calls) for stretch in self.stretches)

    @property
    def spend(self) -> Spend:
        """Tokens and money."""
        usage, cost = Spend().usage, Spend().cost
        for stretch in self.stretches:
            usage, cost = usage + stretch.spend.usage, cost + stretch.spend.cost
        return Spend(usage, cost, sum(stretch.spend.unpriced for stretch in self.stretches))

    @property
    def ms(self) -> float:
        """Milliseconds that models and calls took."""
        return sum(stretch.ms for stretch in self.stretches)


class Contrast(NamedTuple):
    """Two sessions beside each other: `common` records of both are the same, up to `turn`."""

    common: int
    turn: int
    left: Side
    right: Side


def contrast(left: Sequence[Record], right: Sequence[Record]) -> Contrast:
    """Return what two sessions have behind the records that begin both.

    Args:
        left: all records of one, in order.
        right: all records of the other.
    """
    common = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        common += 1
    turn = left[common - 1].turn if common else 0
    return Contrast(common, turn, _side(left, common), _side(right, common))


def plain(side: Side) -> dict[str, Any]:
    """Return a side as JSON-ready data."""
    return {
        "turns": [
            {
                "turn": stretch.turn,
                "whole": stretch.whole,
                "prompt": stretch.prompt,
                "models": list(stretch.models),
                "calls": [
                    {"name": call.name, "code": call.code, "status": call.status, "ms": call.ms}
                    for call in stretch.calls
                ],
                "answer": stretch.answer,
                "reason": stretch.reason,
                **_figures(stretch.spend, stretch.ms),
            }
            for stretch in side.stretches
        ],
        "calls": side.calls,
        **_figures(side.spend, side.ms),
    }


def _figures(spend: Spend, ms: float) -> dict[str, Any]:
    return {
        "input_tokens": spend.usage.input_tokens,
        "output_tokens": spend.usage.output_tokens,
        "cost_usd": None if spend.unpriced else float(spend.total),
        "ms": round(ms, 3),
    }


def _side(records: Sequence[Record], common: int) -> Side:
    stretches: list[Stretch] = []
    prompt, calls = "", {}
    for record in records[:common]:
        match record.event:
            case TurnStarted(prompt=parts):
                prompt = text_of(parts)
            case ToolRequested() as asked:
                calls[asked.call_id] = _seen(asked)
    for record in records[common:]:
        event = record.event
        if isinstance(event, TurnStarted):
            stretches.append(Stretch(record.turn, True, text_of(event.prompt)))
        elif isinstance(event, _TOLD):
            if not stretches:
                stretches.append(Stretch(record.turn, False, prompt))
            _take(stretches[-1], event, calls)
    return Side(stretches)


_TOLD = (
    StepStarted,
    MessageFinished,
    ContextCompacted,
    ToolRequested,
    ApprovalDecided,
    ToolFinished,
    TurnFinished,
)


def _take(stretch: Stretch, event: Event, calls: dict[str, CallSeen]) -> None:
    match event:
        case StepStarted(provider=provider, model=model):
            stretch.models[f"{provider}/{model}"] = None
        case MessageFinished(parts=parts):
            stretch.answer = text_of(parts).strip()
            stretch.spend = stretch.spend.add(event.usage, event.cost)
            stretch.ms += event.total_ms
        case ContextCompacted() if event.provider:
            stretch.spend = stretch.spend.add(event.usage, event.cost)
            stretch.ms += event.ms
        case ToolRequested(call_id=call_id):
            calls[call_id] = _seen(event)
            stretch.calls.append(calls[call_id])
        case ApprovalDecided(call_id=call_id, arguments=arguments) if arguments:
            if call_id in calls:
                calls[call_id].code = _code(arguments)
        case ToolFinished(call_id=call_id, status=status, ms=ms):
            call = calls.setdefault(call_id, CallSeen("", ""))
            if not _holds(stretch.calls, call):  # asked for before the two parted
                stretch.calls.append(call)
            call.status, call.ms = status, ms
            stretch.ms += ms
        case TurnFinished(reason=reason):
            stretch.reason = reason


def _holds(calls: Iterable[CallSeen], call: CallSeen) -> bool:
    return any(one is call for one in calls)


def _seen(event: ToolRequested) -> CallSeen:
    return CallSeen(event.name, _code(event.arguments))


def _code(arguments: Mapping[str, Any]) -> str:
    code = arguments.get("code")
    return code if isinstance(code, str) else json.dumps(dict(arguments), ensure_ascii=False)
