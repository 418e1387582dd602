"""From records to spans: what went on from when to when, and in which row it has room.

The same rows come out whether the records were all there or came one by one, transient ones or not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    BlockOpened,
    ContextCompacted,
    Custom,
    ErrorRaised,
    Event,
    MessageFinished,
    NetworkRequested,
    NoteAdded,
    ReasoningDelta,
    RequestFailed,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import text_of
from llmrepl.record import Record
from llmrepl.usage import Cost, Usage
from llmrepl_textual.bars.statuses import (
    CANCELLED,
    DENIED,
    ERROR,
    OK,
    RETRIED,
    RUNNING,
    of_decision,
    of_stop,
    worst,
)

TURN, STEP, MODEL, CALL, WAIT, MARK = "turn", "step", "model", "call", "approval", "mark"
KINDS = (TURN, STEP, MODEL, CALL, WAIT, MARK)
"""What a span can be, in the order of their rows."""

PAUSED = "paused"
"""The name of the `custom` record that says how long a turn was looked at, and before what."""

LABEL = 200
"""Characters of the longest label."""


@dataclass(slots=True, eq=False)
class Span:
    """Something that went on. Times are Unix time in milliseconds; `end` is None while it goes on.

    `seq` and `last` are those of the records that began and ended it; `row` counts the rows of its
    kind. `first` is when the model's first token came. `usage` is None where nothing was counted,
    `cost` where nobody knows the price; `tokens` and `dollars` are their sums, 0 then. `note` says
    more of how it ended.
    """

    kind: str
    seq: int
    begin: int
    turn: int
    step: int
    label: str = ""
    end: int | None = None
    status: str = RUNNING
    last: int = 0
    row: int = 0
    place: int = 0
    first: int | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    tokens: int = 0
    dollars: float = 0.0
    call_id: str = ""
    note: str = ""

    def until(self, now: int) -> int:
        """Return when it ended, or `now` where it goes on."""
        return max(self.begin, now if self.end is None else self.end)

    def count(self, usage: Usage, cost: Cost | None) -> None:
        """Take note of what it took."""
        self.usage, self.cost = usage, cost
        self.tokens = usage.input_tokens + usage.output_tokens
        self.dollars = float(cost.total) if cost is not None else 0.0


@dataclass(slots=True)
class Row:
    """Spans of a kind, none of which begins before the one before it has ended."""

    kind: str
    number: int
    spans: list[Span] = field(default_factory=list)

    def has_room(self, begin: int) -> bool:
        """Return whether a span that begins then fits behind the others."""
        if not self.spans:
            return True
        end = self.spans[-1].end
        return end is not None and end <= begin


class Spans:
    """The spans of a session; it takes in records as a display does.

    Args:
        records: those of the session so far.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._rows: dict[str, list[Row]] = {kind: [] for kind in KINDS}
        self._open: dict[str, Span] = {}  # what goes on of each kind that goes on once
        self._calls: dict[str, Span] = {}
        self._waits: dict[str, Span] = {}
        self._requests: dict[str, ToolRequested] = {}
        self._seen = 0  # when the last record came that is no late end of something
        self._broken = False
        self._came = OK  # the worst that came of the step that goes on
        self.began = 0
        self._takers: Mapping[type[Event], Callable[[Record, Any], None]] = {
            TurnStarted: self._turn_started,
            StepStarted: self._step_started,
            RequestFailed: self._request_failed,
            TextDelta: self._delta,
            ReasoningDelta: self._delta,
            BlockOpened: self._delta,
            MessageFinished: self._message_finished,
            ToolRequested: self._tool_requested,
            ApprovalRequested: self._approval_requested,
            ApprovalDecided: self._approval_decided,
            ToolStarted: self._tool_started,
            ToolFinished: self._tool_finished,
            StepFinished: self._step_finished,
            TurnFinished: self._turn_finished,
            ContextCompacted: self._compacted,
            ErrorRaised: self._error_raised,
            NoteAdded: self._note_added,
            NetworkRequested: self._network_requested,
            Custom: self._custom,
        }
        for record in records:
            self.show(record)

    @property
    def rows(self) -> list[Row]:
        """The rows, those of a kind together."""
        return [row for kind in KINDS for row in self._rows[kind]]

    @property
    def now(self) -> int:
        """When the last record came."""
        return self._seen

    @property
    def is_running(self) -> bool:
        """Whether something goes on."""
        return bool(self._open or self._calls or self._waits)

    def __iter__(self) -> Iterator[Span]:
        for row in self.rows:
            yield from row.spans

    def show(self, record: Record) -> None:
        """Take in one record."""
        taker = self._takers.get(type(record.event))
        if not self.began:
            self.began = self._seen = record.at
        if taker is not None:
            taker(record, record.event)
        if not self._broken:
            self._seen = max(self._seen, record.at)

    # What the records say

    def _turn_started(self, record: Record, event: TurnStarted) -> None:
        self._broken = False
        self._end_all(record)
        self._begin(TURN, record, _first_line(text_of(event.prompt)))

    def _step_started(self, record: Record, event: StepStarted) -> None:
        self._broken = False
        if STEP not in self._open:
            self._came = OK
            self._begin(STEP, record, f"{record.turn}.{record.step}")
        self._begin(MODEL, record, f"{event.provider}/{event.model}")

    def _request_failed(self, record: Record, event: RequestFailed) -> None:
        if span := self._close(MODEL, record, RETRIED):
            span.note = f"{event.message}; {event.going_on}"

    def _delta(self, record: Record, _: Event) -> None:
        span = self._open.get(MODEL)
        if span is not None and span.first is None:
            span.first = record.at

    def _message_finished(self, record: Record, event: MessageFinished) -> None:
        self._break(event.stop == "interrupted")
        status = of_stop(event.stop)
        if span := self._close(MODEL, record, status):
            span.count(event.usage, event.cost)
            span.note = "" if status == OK else event.stop
            if event.first_token_ms is not None:
                first = span.begin + round(event.first_token_ms)
                span.first = min(first, span.until(record.at))
        self._came = worst(self._came, status)

    def _tool_requested(self, _: Record, event: ToolRequested) -> None:
        self._requests[event.call_id] = event

    def _approval_requested(self, record: Record, event: ApprovalRequested) -> None:
        span = self._add(WAIT, record, self._called(event.call_id), event.call_id)
        self._waits[event.call_id] = span

    def _approval_decided(self, record: Record, event: ApprovalDecided) -> None:
        span = self._waits.pop(event.call_id, None)
        if span is not None:
            span.note = f"{event.decision} by {event.by}"
            self._end(span, record, of_decision(event.decision))

    def _tool_started(self, record: Record, event: ToolStarted) -> None:
        span = self._add(CALL, record, self._called(event.call_id), event.call_id)
        self._calls[event.call_id] = span

    def _tool_finished(self, record: Record, event: ToolFinished) -> None:
        self._break(event.status == "unknown")
        wait = self._waits.pop(event.call_id, None)
        if wait is not None:
            self._end(wait, record, CANCELLED)
        span = self._calls.pop(event.call_id, None)
        if span is None:  # it was refused, or never ran for another reason
            span = self._add(CALL, record, self._called(event.call_id), event.call_id)
        span.note = " · ".join(filter(None, (event.reason, event.given)))
        self._end(span, record, event.status)
        self._requests.pop(event.call_id, None)
        self._came = worst(self._came, event.status)

    def _step_finished(self, record: Record, event: StepFinished) -> None:
        if span := self._close(STEP, record, self._came):
            span.count(event.usage, event.cost)

    def _turn_finished(self, record: Record, event: TurnFinished) -> None:
        self._break(event.reason == "interrupted")
        status = of_stop(event.reason)
        turn = self._open.pop(TURN, None)
        self._end_all(record, status)
        if turn is not None:
            turn.count(event.usage, event.cost)
            turn.note = "" if status == OK else event.reason
            self._end(turn, record, status)
        self._broken = False

    def _compacted(self, record: Record, event: ContextCompacted) -> None:
        began = max(self._seen, record.at - round(event.ms))
        span = self._add(MODEL, record, "summary", begin=min(began, record.at))
        if event.provider:
            span.label = f"summary by {event.provider}/{event.model}"
            span.count(event.usage, event.cost)
        span.note = event.problem
        self._end(span, record, ERROR if event.problem else OK)

    def _error_raised(self, record: Record, event: ErrorRaised) -> None:
        self._mark(record, event.message, ERROR)

    def _note_added(self, record: Record, event: NoteAdded) -> None:
        if event.audience != "model":
            self._mark(record, event.text, OK)

    def _network_requested(self, record: Record, event: NetworkRequested) -> None:
        place = f"{event.host}:{event.port}" if event.host else "?"
        allowed = event.decision == "allow"
        self._mark(record, f"{event.method} {place}".strip(), OK if allowed else DENIED)

    def _custom(self, record: Record, event: Custom) -> None:
        """A person looked at the turn, which waited for them."""
        ms = event.data.get("ms")
        if event.name == PAUSED and isinstance(ms, int):
            begin = min(record.at, max(self.began, record.at - ms))
            span = self._add(WAIT, record, f"paused: {event.data.get('before', '')}", begin=begin)
            self._end(span, record, OK)

    # The spans

    def _called(self, call_id: str) -> str:
        request = self._requests.get(call_id)
        if request is None:
            return "call"
        code = request.arguments.get("code")
        if not isinstance(code, str):
            code = json.dumps(dict(request.arguments), ensure_ascii=False)
        return f"{request.name} {_first_line(code)}".rstrip()

    def _add(
        self, kind: str, record: Record, label: str, call_id: str = "", begin: int | None = None
    ) -> Span:
        at = record.at if begin is None else begin
        rows = self._rows[kind]
        row = next((row for row in rows if row.has_room(at)), None)
        if row is None:
            row = Row(kind, len(rows))
            rows.append(row)
        span = Span(kind, record.seq, at, record.turn, record.step, label[:LABEL])
        span.call_id, span.row, span.place = call_id, row.number, len(row.spans)
        row.spans.append(span)
        return span

    def _mark(self, record: Record, label: str, status: str) -> None:
        self._end(self._add(MARK, record, _first_line(label)), record, status)

    def _begin(self, kind: str, record: Record, label: str) -> None:
        before = self._open.pop(kind, None)
        if before is not None:
            self._end(before, record, OK)
        self._open[kind] = self._add(kind, record, label)

    def _close(self, kind: str, record: Record, status: str) -> Span | None:
        span = self._open.pop(kind, None)
        if span is not None:
            self._end(span, record, status)
        return span

    def _end(self, span: Span, record: Record, status: str) -> None:
        at = self._seen if self._broken else record.at
        span.end, span.status, span.last = max(span.begin, at), status, record.seq

    def _end_all(self, record: Record, status: str = OK) -> None:
        """End what a turn leaves behind that ended out of order."""
        for span in (*self._open.values(), *self._calls.values(), *self._waits.values()):
            self._end(span, record, status)
        for left in (self._open, self._calls, self._waits):
            left.clear()

    def _break(self, broken: bool) -> None:
        """Note that what ends now ended when the process did, not when somebody saw to it."""
        self._broken = self._broken or broken


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()[:LABEL]
