"""A session as a reader is told it: turns of steps of calls, with what was said between them.

Every written format begins here, so that all of them tell the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from llmrepl.conversation import APPROVALS, verdict
from llmrepl.events import (
    ApprovalDecided,
    ContextCompacted,
    ContextRestored,
    ContextTrimmed,
    ErrorRaised,
    Event,
    MessageFinished,
    ModelChosen,
    NetworkRequested,
    NoteAdded,
    RequestFailed,
    StepFinished,
    StepStarted,
    SystemSet,
    ToolFinished,
    ToolRequested,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Part, Reasoning, text_of
from llmrepl.record import Record
from llmrepl.usage import Cost, Usage

TITLE = 100
"""Characters of the longest title."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session to be written: its header's fields and its records, both without secrets.

    `created` is Unix time in milliseconds.
    """

    id: str
    created: int
    records: Sequence[Record]
    cwd: str = ""
    forked_from: tuple[str, int] | None = None


@dataclass(slots=True)
class Call:
    """A call and what became of it; `finished` is None where that is not known.

    `remarks` are lines about it: who allowed it, which hosts it asked for. `ran` are its arguments
    where a person changed those that the model sent.
    """

    request: ToolRequested
    finished: ToolFinished | None = None
    remarks: list[str] = field(default_factory=list)
    ran: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """How it ended."""
        return self.finished.status if self.finished else "unknown"

    @property
    def code(self) -> str | None:
        """The code that ran, or None where it was no code."""
        code = (self.ran or self.request.arguments).get("code")
        return code if isinstance(code, str) else None


@dataclass(slots=True)
class Step:
    """One request to the model, its message and the message's calls; times in milliseconds."""

    number: int
    at: int
    model: str
    parts: tuple[Part, ...] = ()
    stop: str = ""
    usage: Usage = Usage()
    cost: Cost | None = None
    message_ms: float = 0.0
    first_token_ms: float | None = None
    ms: float = 0.0
    calls: list[Call] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What the model said."""
        return text_of(self.parts)

    @property
    def reasoning(self) -> str:
        """What the model thought."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))


@dataclass(slots=True)
class Remark:
    """Something that was told between the steps: its `kind` is note, error or compacted.

    `compaction` is what a summary took and stands for, or why none came.
    """

    kind: str
    at: int
    text: str
    compaction: ContextCompacted | None = None


@dataclass(slots=True)
class Turn:
    """A prompt and all that followed; `reason` is empty where the turn has no end.

    `steps` holds steps and remarks in their order; `system` is the system prompt from here on,
    empty where it is that of the turn before, or not known.
    """

    number: int
    at: int
    prompt: tuple[Part, ...] = ()
    system: str = ""
    steps: list[Step | Remark] = field(default_factory=list)
    reason: str = ""
    usage: Usage = Usage()
    cost: Cost | None = None
    ms: float = 0.0

    @property
    def asked(self) -> list[Step]:
        """The steps without the remarks."""
        return [step for step in self.steps if isinstance(step, Step)]

    @property
    def summaries(self) -> list[ContextCompacted]:
        """The compactions that a model was asked for."""
        told = [remark.compaction for remark in self.steps if isinstance(remark, Remark)]
        return [compaction for compaction in told if compaction and compaction.provider]


@dataclass(slots=True)
class Totals:
    """Sums over a session, summaries included; `unpriced` counts what has no known price."""

    turns: int
    steps: int
    calls: int
    usage: Usage
    cost: Decimal
    unpriced: int
    ms: float


def turns_of(records: Iterable[Record]) -> list[Turn]:
    """Return the turns; what came before the first is in one with the number 0."""
    teller = _Teller()
    for record in records:
        teller.take(record)
    return [turn for turn in teller.turns if turn.number or turn.steps]


def totals_of(turns: Sequence[Turn]) -> Totals:
    """Return the sums over `turns`."""
    steps = [step for turn in turns for step in turn.asked]
    spent: list[Step | ContextCompacted] = [*steps]
    spent += [summary for turn in turns for summary in turn.summaries]
    costs = [one.cost for one in spent if one.cost is not None]
    return Totals(
        sum(1 for turn in turns if turn.number),
        len(steps),
        sum(len(step.calls) for step in steps),
        sum((one.usage for one in spent), Usage()),
        sum((cost.total for cost in costs), Decimal(0)),
        len(spent) - len(costs),
        sum(turn.ms for turn in turns),
    )


def title_of(session: Session, turns: Sequence[Turn]) -> str:
    """Return the first line of the first prompt, or the session's id where there is none."""
    for turn in turns:
        line = text_of(turn.prompt).strip().partition("\n")[0].strip()
        if line:
            return line if len(line) <= TITLE else line[: TITLE - 1].rstrip() + "…"
    return session.id


class _Teller:
    """Puts each record where it belongs; an event that is not in the table is not told."""

    def __init__(self) -> None:
        self.turns = [Turn(0, 0)]
        self._calls: dict[str, Call] = {}
        self._failed = False  # a request of the step that is under way has
        self._takers: dict[type[Event], Callable[[Record, Any], None]] = {
            TurnStarted: self._turn_started,
            SystemSet: self._system_set,
            ModelChosen: self._model_chosen,
            StepStarted: self._step_started,
            RequestFailed: self._request_failed,
            ToolRequested: self._tool_requested,
            MessageFinished: self._message_finished,
            ApprovalDecided: self._approval_decided,
            NetworkRequested: self._network_requested,
            ToolFinished: self._tool_finished,
            StepFinished: self._step_finished,
            TurnFinished: self._turn_finished,
            NoteAdded: self._note_added,
            ErrorRaised: self._error_raised,
            ContextTrimmed: self._trimmed,
            ContextCompacted: self._compacted,
            ContextRestored: self._restored,
        }

    def take(self, record: Record) -> None:
        """Take the next record."""
        taker = self._takers.get(type(record.event))
        if taker is not None:
            taker(record, record.event)

    @property
    def _step(self) -> Step:
        asked = self.turns[-1].asked
        return asked[-1] if asked else Step(0, 0, "")

    def _turn_started(self, record: Record, event: TurnStarted) -> None:
        self.turns.append(Turn(record.turn, record.at, event.prompt))

    def _system_set(self, _: Record, event: SystemSet) -> None:
        self.turns[-1].system = event.text

    def _step_started(self, record: Record, event: StepStarted) -> None:
        model = f"{event.provider}/{event.model}"
        if self._failed:  # another request of the same step, which the remark stands before
            self._failed = False
            self._step.model = model
            return
        self.turns[-1].steps.append(Step(record.step, record.at, model))

    def _model_chosen(self, record: Record, event: ModelChosen) -> None:
        why = "; ".join(filter(None, (event.reason, *(f"not {line}" for line in event.passed))))
        self._remark(record, "note", f"{event.provider}/{event.model} is asked: {why}")

    def _request_failed(self, record: Record, event: RequestFailed) -> None:
        self._failed = True
        told = Remark("note", record.at, f"{event.message}; {event.going_on}")
        self.turns[-1].steps.insert(len(self.turns[-1].steps) - 1, told)

    def _tool_requested(self, _: Record, event: ToolRequested) -> None:
        call = self._calls[event.call_id] = Call(event)
        self._step.calls.append(call)

    def _message_finished(self, _: Record, event: MessageFinished) -> None:
        step = self._step
        step.parts, step.stop = event.parts, event.stop
        step.usage, step.cost = event.usage, event.cost
        step.message_ms, step.first_token_ms = event.total_ms, event.first_token_ms

    def _approval_decided(self, _: Record, event: ApprovalDecided) -> None:
        call = self._calls.get(event.call_id)
        if call is None:
            return
        call.remarks.append(verdict(event))
        if event.arguments and event.decision in APPROVALS:
            call.ran = dict(event.arguments)

    def _network_requested(self, record: Record, event: NetworkRequested) -> None:
        place = f"{event.host}:{event.port}" if event.host else "?"
        answer = "allowed" if event.decision == "allow" else "refused"
        line = " ".join(f"network: {event.method} {place} {answer}".split())
        call = self._calls.get(event.call_id)
        if call is None:
            self._remark(record, "note", line)
        else:
            call.remarks.append(line)

    def _tool_finished(self, _: Record, event: ToolFinished) -> None:
        if event.call_id in self._calls:
            call = self._calls[event.call_id]
            call.finished = event
            call.remarks += filter(None, (event.given,))

    def _step_finished(self, _: Record, event: StepFinished) -> None:
        self._step.ms = event.ms

    def _turn_finished(self, _: Record, event: TurnFinished) -> None:
        turn = self.turns[-1]
        turn.reason, turn.usage, turn.cost, turn.ms = (
            event.reason,
            event.usage,
            event.cost,
            event.ms,
        )

    def _note_added(self, record: Record, event: NoteAdded) -> None:
        if event.audience != "model":
            self._remark(record, "note", event.text)

    def _error_raised(self, record: Record, event: ErrorRaised) -> None:
        hint = f" ({event.hint})" if event.hint else ""
        self._remark(record, "error", event.message + hint)

    def _compacted(self, record: Record, event: ContextCompacted) -> None:
        kind, text = "compacted", event.summary
        if event.problem:
            kind, text = "note", f"The context was not compacted: {event.problem}"
        self.turns[-1].steps.append(Remark(kind, record.at, text, event))

    def _trimmed(self, record: Record, event: ContextTrimmed) -> None:
        text = f"From here on, {event.outputs} long outputs are sent without their middle"
        self._remark(record, "note", text)

    def _restored(self, record: Record, _: ContextRestored) -> None:
        self._remark(record, "note", "What the last compaction or trimming took is sent again")

    def _remark(self, record: Record, kind: str, text: str) -> None:
        self.turns[-1].steps.append(Remark(kind, record.at, text))
