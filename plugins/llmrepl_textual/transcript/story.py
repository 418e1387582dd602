"""From records to blocks, saved or live: which there are, in which order, and what is staged.

It is what the timeline is on a terminal, but holds blocks instead of printing them, and of each no
more than where its record is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from llmrepl.conversation import Spend
from llmrepl.events import (
    TYPED,
    ApprovalDecided,
    ApprovalRequested,
    BlockDelta,
    BlockOpened,
    ContextCompacted,
    ContextCompacting,
    Event,
    MessageFinished,
    NoteAdded,
    ReasoningDelta,
    RequestFailed,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.figures import duration
from llmrepl.parts import Reasoning, text_of
from llmrepl.record import Record
from llmrepl_textual.transcript.answer import Answer
from llmrepl_textual.transcript.entries import SAID, Entry
from llmrepl_timeline.drawings import DRAWINGS
from llmrepl_timeline.lines import Line, line
from llmrepl_timeline.staging import Running, Waiting, Writing
from llmrepl_timeline.timeline import APART

SILENT = {kind for kind, drawing in DRAWINGS.items() if drawing is DRAWINGS[StepStarted.type]}
"""Kinds of events that show nothing."""


class Sink(Protocol):
    """Takes blocks."""

    def add(self, entry: Entry, lines: list[Line] | None = None) -> None:
        """Take a block, with its lines where they are drawn already."""
        ...


class Story:
    """Follows one session.

    Args:
        sink: takes the blocks.
        size: returns about how many bytes a record has.
        clock: returns seconds that never go back.
    """

    def __init__(
        self,
        sink: Sink,
        size: Callable[[int], int] = lambda _: 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.sink = sink
        self._size = size
        self._clock = clock
        self.answer: Answer | None = None
        self._stage: Waiting | None = None
        self._thinking: tuple[Writing, list[str]] | None = None
        self._running: dict[str, Running] = {}
        self._calls: dict[str, tuple[int, str]] = {}
        self._last_call = 0
        self._held: list[int] = []
        self._later: list[tuple[Event, int]] = []
        self._heard = False  # this step's message came in deltas
        self._called = 0  # calls in this step's message
        self._before = ""  # the kind of the block above
        self._asked: dict[str, int] = {}
        self.spent = Spend()
        self._takers: dict[type[Event], Callable[[Any, int], None]] = {
            TurnStarted: self._turn_started,
            StepStarted: self._step_started,
            RequestFailed: self._request_failed,
            ReasoningDelta: self._reasoning_delta,
            TextDelta: self._text_delta,
            BlockOpened: self._block_opened,
            BlockDelta: self._block_delta,
            ToolRequested: self._tool_requested,
            MessageFinished: self._message_finished,
            ApprovalRequested: self._approval_requested,
            ApprovalDecided: self._approval_decided,
            ContextCompacting: self._compacting,
            ContextCompacted: self._compacted,
            ToolStarted: self._tool_started,
            ToolOutput: self._tool_output,
            ToolFinished: self._tool_finished,
            TurnFinished: self._turn_finished,
        }

    @property
    def staged(self) -> list[Waiting]:
        """What goes on now, but for the answer that is being written."""
        if self._running:
            return [*self._running.values()]
        return [] if self._stage is None else [self._stage]

    def take(self, record: Record) -> None:
        """Take one record in, durable or transient."""
        event = record.event
        taker = self._takers.get(type(event))
        if taker is not None:
            taker(event, record.seq)
        elif self.answer is not None or isinstance(self._stage, Writing):
            self._later.append((event, record.seq))  # the message that it came into is above it
        else:
            self._add_event(event, record.seq)

    def say(self, own: Callable[[int], Iterable[Line]]) -> None:
        """Let what no record holds stand among the blocks."""
        self._add(Entry(SAID, own=own))

    def goes_on(self) -> None:
        """Let the next block stand below others, which another story tells."""
        self._before = TurnFinished.type

    def settle(self) -> None:
        """End what is staged: nothing goes on any more."""
        self._end_stage()
        self._running.clear()

    # What the records say

    def _turn_started(self, event: TurnStarted, seq: int) -> None:
        self._end_stage()
        self._add_event(event, seq)

    def _step_started(self, _: StepStarted, __: int) -> None:
        self._end_stage()
        self._heard, self._called = False, 0
        self._held.clear()
        self._stage = Waiting("Waiting for the model", self._clock)

    def _request_failed(self, event: RequestFailed, seq: int) -> None:
        self._end_stage()
        self._add_event(event, seq)
        if event.wait:
            title = f"Waiting {duration(event.wait * 1000)} to ask again ·"
            self._stage = Waiting(title, self._clock)

    def _compacting(self, _: ContextCompacting, __: int) -> None:
        self._end_stage()
        self._stage = Waiting("Compacting the context", self._clock)

    def _compacted(self, event: ContextCompacted, seq: int) -> None:
        self._end_stage()
        if event.provider:
            self.spent = self.spent.add(event.usage, event.cost)
        self._add_event(event, seq)

    def _reasoning_delta(self, event: ReasoningDelta, _: int) -> None:
        self._heard = True
        if self._thinking is None:
            self._end_stage()
            self._stage = writing = Writing("Thinking", self._clock, line("  "))
            self._thinking = writing, []
        self._thinking[0].tail.feed(event.text)
        self._thinking[1].append(event.text)

    def _text_delta(self, event: TextDelta, _: int) -> None:
        self._heard = True
        if self.answer is None:
            self._end_stage()
            self.answer = Answer(self._clock)
        self.answer.feed(event.text)

    def _block_opened(self, event: BlockOpened, _: int) -> None:
        self._heard = True
        self._end_stage()
        self._stage = Writing(f"Writing {event.language}", self._clock, line("│ ", "call"))

    def _block_delta(self, event: BlockDelta, _: int) -> None:
        self._heard = True
        if isinstance(self._stage, Writing):
            self._stage.tail.feed(event.text)

    def _tool_requested(self, event: ToolRequested, seq: int) -> None:
        self._calls[event.call_id] = seq, event.name
        self._last_call = seq
        if event.origin in TYPED:
            self._called, self._before = 0, ""  # it belongs to no message
            self._add_record(event.type, seq)
            return
        self._called += 1
        if self._heard:
            self._end_stage()
            self._add_record(event.type, seq)
        else:
            self._held.append(seq)  # a saved session has a message's calls before its text

    def _message_finished(self, event: MessageFinished, seq: int) -> None:
        self._end_stage()
        if not self._heard:
            self._whole_message(event, seq)
        self.spent = self.spent.add(event.usage, event.cost)
        if self._called:
            self._add_record(event.type, seq, call=self._last_call)
        self._stage = None

    def _whole_message(self, event: MessageFinished, seq: int) -> None:
        """Add the blocks of a message of which no part has been shown."""
        thoughts = [part for part in event.parts if isinstance(part, Reasoning)]
        for at, _ in enumerate(thoughts):
            self._add_record(ReasoningDelta.type, seq, part=at)
        if text := text_of(event.parts):
            self._add(Entry(TextDelta.type, seq, size=len(text)))
        for held in self._held:
            self._add_record(ToolRequested.type, held)
        self._held.clear()

    def _approval_requested(self, event: ApprovalRequested, seq: int) -> None:
        self._end_stage()
        self._asked[event.call_id] = seq

    def _approval_decided(self, event: ApprovalDecided, seq: int) -> None:
        self._add_record(event.type, seq, asked=self._asked.pop(event.call_id, 0))

    def _tool_started(self, event: ToolStarted, _: int) -> None:
        name = self._calls.get(event.call_id, (0, "call"))[1]
        self._running[event.call_id] = Running(f"Running {name}", self._clock, line("  "))

    def _tool_output(self, event: ToolOutput, _: int) -> None:
        if event.call_id in self._running:
            self._running[event.call_id].tail.feed(event.text)

    def _tool_finished(self, event: ToolFinished, seq: int) -> None:
        self._running.pop(event.call_id, None)
        call, _ = self._calls.pop(event.call_id, (0, ""))
        self._add_record(event.type, seq, call=call, together=self._called > 1)

    def _turn_finished(self, event: TurnFinished, seq: int) -> None:
        self._end_stage()
        self._running.clear()
        self._calls.clear()
        self._add_record(event.type, seq, spent=self.spent)

    # The blocks

    def _end_stage(self) -> None:
        """Add what was staged, as far as it came."""
        self._stage = None
        answer, self.answer = self.answer, None
        if answer is not None:
            lines = answer.close()
            self._add(Entry(TextDelta.type, text=answer.text, event=TextDelta(text="")), lines)
        thinking, self._thinking = self._thinking, None
        if thinking is not None:
            writing, pieces = thinking
            entry = Entry(ReasoningDelta.type, text="".join(pieces), ms=writing.seconds * 1000)
            entry.event = ReasoningDelta(text="")
            self._add(entry)
        later, self._later = self._later, []
        for event, seq in later:
            self._add_event(event, seq)

    def _add_event(self, event: Event, seq: int) -> None:
        kind = event.type if event.type in DRAWINGS else getattr(event, "name", event.type)
        if kind in SILENT or (isinstance(event, NoteAdded) and event.audience == "model"):
            return
        self._add(Entry(kind, seq, event=None if seq else event, size=self._size(seq)))

    def _add_record(self, kind: str, seq: int, **about: Any) -> None:
        self._add(Entry(kind, seq, size=self._size(seq), **about))

    def _add(self, entry: Entry, lines: list[Line] | None = None) -> None:
        kind, before = entry.kind, self._before
        apart = kind in APART and before not in ("", TurnStarted.type, kind)
        entry.gap = bool(before) and (kind == TurnStarted.type or apart)
        self._before = kind
        self.sink.add(entry, lines)
