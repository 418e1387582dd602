"""The display: turns records into blocks, stages the one that is being made, inscribes the rest.

What is inscribed is printed once and never touched again. Without a live terminal nothing is
staged, and the same lines are inscribed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

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
from llmrepl.ports import Surface
from llmrepl.record import Record
from llmrepl_timeline.blocks import Block, Page, with_drawings
from llmrepl_timeline.drawings import DRAWINGS, unknown
from llmrepl_timeline.lines import Line, line
from llmrepl_timeline.markdown import Look, draw
from llmrepl_timeline.screen import Pace, Screen
from llmrepl_timeline.signs import SIGNS, WORDS
from llmrepl_timeline.staging import Composing, Running, Waiting, Writing, about

APART = frozenset({"tool.requested", "text.delta", "reasoning.delta"})
"""Kinds of blocks that a blank line stands before, if something else does."""

WARMING = "| *a* |\n|-|\n\n```python\n1\n```\n"
"""A text that needs everything that an answer does."""

TICK = 0.5
"""Seconds after which what is staged is drawn again though nothing came, since its time goes on."""


class Timeline:
    """A display for terminals (`llmrepl.ports.Display`).

    Args:
        surface: what to draw on.
        clock: returns seconds that never go back.
    """

    def __init__(self, surface: Surface, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._surface = surface
        self._clock = clock
        self._screen = Screen(surface)
        self._pace = Pace(clock)
        self._drawings = with_drawings(DRAWINGS)
        self._lines: list[Line] = []  # to be inscribed with the next drawing
        self._stage: Waiting | None = None
        self._thinking: Writing | None = None  # the stage, where that is the model's reasoning
        self._running: dict[str, Running] = {}
        self._calls: dict[str, ToolRequested] = {}
        self._held: list[ToolRequested] = []
        self._later: list[Event] = []
        self._heard = False  # this step's message came in deltas
        self._called = 0  # calls in this step's message
        self._before = ""  # the kind of the block above
        self._asking = False
        self._asked: dict[str, ApprovalRequested] = {}
        self._signs = WORDS if surface.words else SIGNS
        self._spent = surface.spent
        self._timer: asyncio.TimerHandle | None = None
        if surface.live:
            # What draws an answer takes a tenth of a second to load, and a person would see that.
            Thread(target=draw, args=(WARMING, Look(self._screen.width)), daemon=True).start()
        self._takers: dict[type[Event], Callable[[Any], None]] = {
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

    def show(self, record: Record) -> None:
        """Take one record in, and draw what is due."""
        event = record.event
        taker = self._takers.get(type(event))
        if taker is not None:
            taker(event)
        elif isinstance(self._stage, Composing | Writing):
            self._later.append(event)  # the message that it came into is above it
        else:
            self._inscribe(event)
        if event.durable or self._pace.wait <= 0:
            self._draw()
        else:
            self._draw_later(self._pace.wait)

    def settle(self) -> None:
        """Inscribe what is complete and wipe what is staged, until the next record."""
        self._end_stage()
        self._running.clear()
        self._draw()
        self._screen.forget()

    @property
    def theme(self) -> str:
        """The name of the theme; setting it changes what is drawn from now on."""
        return self._screen.theme

    @theme.setter
    def theme(self, name: str) -> None:
        self._screen.theme = name

    # What the records say

    def _turn_started(self, event: TurnStarted) -> None:
        self._end_stage()
        self._before = ""
        if self._surface.prompts:
            self._inscribe(event)

    def _step_started(self, _: StepStarted) -> None:
        self._end_stage()
        self._heard, self._called = False, 0
        self._held.clear()
        self._stage = Waiting("Waiting for the model", self._clock)

    def _request_failed(self, event: RequestFailed) -> None:
        self._end_stage()
        self._inscribe(event)
        if event.wait:
            title = f"Waiting {duration(event.wait * 1000)} to ask again ·"
            self._stage = Waiting(title, self._clock)

    def _compacting(self, _: ContextCompacting) -> None:
        self._end_stage()
        self._stage = Waiting("Compacting the context", self._clock)

    def _compacted(self, event: ContextCompacted) -> None:
        self._end_stage()
        if event.provider:
            self._spent = self._spent.add(event.usage, event.cost)
        self._inscribe(event)

    def _reasoning_delta(self, event: ReasoningDelta) -> None:
        self._heard = True
        if self._thinking is None:
            self._end_stage()
            self._stage = self._thinking = Writing("Thinking", self._clock, line("  "))
        self._thinking.tail.feed(event.text)

    def _text_delta(self, event: TextDelta) -> None:
        self._heard = True
        if not self._surface.answers:
            return
        if not isinstance(self._stage, Composing):
            self._end_stage()
            self._stage = self._composing()
        self._stage.feed(event.text)

    def _block_opened(self, event: BlockOpened) -> None:
        self._heard = True
        self._end_stage()
        self._stage = Writing(f"Writing {event.language}", self._clock, line("│ ", "call"))

    def _block_delta(self, event: BlockDelta) -> None:
        self._heard = True
        if isinstance(self._stage, Writing):
            self._stage.tail.feed(event.text)

    def _tool_requested(self, event: ToolRequested) -> None:
        self._calls[event.call_id] = event
        if event.origin in TYPED:
            self._called, self._before = 0, ""  # it belongs to no message
            self._inscribe(event)
            return
        self._called += 1
        if self._heard:
            self._end_stage()
            self._inscribe(event)
        else:
            self._held.append(event)  # a saved session has a message's calls before its text

    def _message_finished(self, event: MessageFinished) -> None:
        self._end_stage()
        if not self._heard:
            self._whole_message(event)
        self._spent = self._spent.add(event.usage, event.cost)
        call = next(reversed(self._calls.values())) if self._called else None
        self._inscribe(event, call=call)
        self._stage = None

    def _whole_message(self, event: MessageFinished) -> None:
        """Inscribe a message of which no part has been shown."""
        if self._surface.answers:
            for part in event.parts:
                if isinstance(part, Reasoning):
                    self._inscribe(ReasoningDelta(text=""), tokens=about(len(part.text)))
            if text := text_of(event.parts):
                composing = self._composing()
                composing.feed(text)
                self._end_answer(composing)
        for request in self._held:
            self._inscribe(request)
        self._held.clear()

    def _approval_requested(self, event: ApprovalRequested) -> None:
        self._end_stage()
        self._inscribe(event)
        self._asked[event.call_id] = event
        self._asking = True  # the terminal is the approver's

    def _approval_decided(self, event: ApprovalDecided) -> None:
        self._asking = False
        self._screen.forget()
        asked = self._asked.pop(event.call_id, None)
        shown = self._surface.asks and event.by == "person"
        self._inscribe(event, asked=None if shown else asked)

    def _tool_started(self, event: ToolStarted) -> None:
        name = self._calls[event.call_id].name if event.call_id in self._calls else "call"
        self._running[event.call_id] = Running(f"Running {name}", self._clock, line("  "))

    def _tool_output(self, event: ToolOutput) -> None:
        if event.call_id in self._running:
            self._running[event.call_id].tail.feed(event.text)

    def _tool_finished(self, event: ToolFinished) -> None:
        self._running.pop(event.call_id, None)
        call = self._calls.pop(event.call_id, None)
        self._inscribe(event, call=call, together=self._called > 1)

    def _turn_finished(self, event: TurnFinished) -> None:
        self._end_stage()
        self._running.clear()
        self._calls.clear()
        self._asking = False
        self._inscribe(event)

    # What is inscribed

    def _end_stage(self) -> None:
        """Inscribe what was staged, as far as it came."""
        stage, self._stage = self._stage, None
        if isinstance(stage, Composing):
            self._end_answer(stage)
        thinking, self._thinking = self._thinking, None
        if thinking and self._surface.answers:
            event = ReasoningDelta(text="")
            self._inscribe(event, ms=thinking.seconds * 1000, tokens=thinking.tokens)
        later, self._later = self._later, []
        for came in later:
            self._inscribe(came)

    def _inscribe(self, event: Event, **about_it: Any) -> None:
        block = Block(event=event, spent=self._spent, **about_it)
        drawing = self._drawings.get(block.kind, unknown)
        self._add(block.kind, drawing(block, self._page))

    @property
    def _page(self) -> Page:
        surface = self._surface
        return Page(self._screen.width, surface.links, self._signs, surface.rest)

    def _composing(self) -> Composing:
        # An answer is inscribed while it is written, unless a plugin draws it.
        kept = self._drawings[TextDelta.type] is not DRAWINGS[TextDelta.type]
        surface = self._surface
        return Composing(self._clock, links=surface.links, words=surface.words, kept=kept)

    def _end_answer(self, composing: Composing) -> None:
        lines = composing.close(self._screen.width)
        if text := composing.text:
            self._inscribe(TextDelta(text=""), text=text)
        else:
            self._add(TextDelta.type, lines)

    def _add(self, kind: str, lines: Iterable[Line]) -> None:
        lines = list(lines)
        if not lines:
            return
        if kind in APART and self._before not in ("", TurnStarted.type, kind):
            self._lines.append(())
        self._lines += lines
        self._before = kind

    # What is drawn

    def _draw(self) -> None:
        began = self._clock()
        width = self._screen.width
        if isinstance(self._stage, Composing):
            self._add(TextDelta.type, self._stage.advance(width))
        staged = self._staged(width) if self._screen.live and not self._asking else []
        lines, self._lines = self._lines, []
        self._screen.update(lines, staged)
        self._pace.count(began)
        if staged:
            self._draw_later(TICK)
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _staged(self, width: int) -> list[Line]:
        stages: list[Waiting] = [*self._running.values()]
        if self._stage and not stages:
            stages = [self._stage]
        rows = max(0, self._screen.height - 2 * len(stages) - 1)
        lines: list[Line] = []
        for stage in stages:
            lines += stage.draw(width, rows // len(stages))
        return lines[-max(1, self._screen.height - 1) :]

    def _draw_later(self, seconds: float) -> None:
        """Draw after so many seconds, where an event loop runs that can do it."""
        if not self._screen.live:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        due = loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self._draw()
        except OSError:
            self._stage = None  # the terminal is gone: the next record will tell
            self._running.clear()
