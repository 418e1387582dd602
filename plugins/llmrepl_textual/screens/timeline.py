"""The timeline: turns, steps, the model's messages and tool calls as bars over time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer

from llmrepl.compose import Assembly
from llmrepl.errors import LlmreplError
from llmrepl.record import Record
from llmrepl_textual.bars.chart import Chart
from llmrepl_textual.bars.details import of_all, of_span
from llmrepl_textual.bars.picture import picture, save
from llmrepl_textual.bars.spans import Spans
from llmrepl_textual.desk import Desk
from llmrepl_textual.screen import View
from llmrepl_textual.widgets.sheet import Sheet

AT_ONCE = 500
"""Records that are read before what there is of them is shown."""

OFTEN = 0.3
"""Seconds between two drawings of what has been read so far."""

TICK = 0.25
"""Seconds between two drawings of what goes on, at the least."""


class Timeline(View):
    """The timeline's screen."""

    DEFAULT_CSS = """
    Timeline #about { height: 6; border-top: solid $primary; padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "inspect", "Inspect", tooltip="all about the bar, in the inspector"),
        Binding("c", "chat", "Chat", tooltip="its block in the chat"),
        Binding("e", "export", "Save", tooltip="save what is shown as a picture (SVG)"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.chart = Chart(lambda: desk.look.theme, self._now)
        self._about = Sheet(lambda: desk.look.theme, "about")
        self._spans = Spans()
        self._waiting: list[Record] | None = []  # what comes while the rest is read
        self._wanted = 0  # the record whose span is chosen once it has been read
        self._tick: Timer | None = None

    def contents(self) -> ComposeResult:
        """Yield the chart, and what is told of its chosen bar."""
        yield self.chart
        yield self._about

    async def begin(self, assembly: Assembly) -> None:
        """Show what there is."""
        del assembly
        await self._read()

    async def moved(self) -> None:
        """Show the session that the chat is in now; what is drawn must not wait for it."""
        self.run_worker(self._read_anew(), exclusive=True, group="reading")

    async def _read_anew(self) -> None:
        try:
            await self._read()
        except LlmreplError as error:
            self.failed(error)

    async def _read(self) -> None:
        """Take in what there is, and show it as it is read."""
        spans = self._spans = Spans()
        self._waiting = []
        self.chart.take(spans)
        records = self.desk.records
        rest = iter(records.read(1, len(records)))
        drawn = 0.0
        while batch := await asyncio.to_thread(_next, rest):
            if spans is not self._spans:
                break
            for record in batch:
                spans.show(record)
            if time.monotonic() - drawn > OFTEN:
                await self._draw()  # what is read next would keep the processor from it
                drawn = time.monotonic()
        if spans is not self._spans:
            return  # the chat has gone on to yet another session, which somebody else reads
        waiting, self._waiting = self._waiting, None
        for record in waiting:
            spans.show(record)
        self._grown()
        if self._wanted:
            self.reveal(self._wanted)

    async def _draw(self) -> None:
        """Show what there is, and return when it is to be seen."""
        self.chart.grown()
        if self.is_current:
            seen = asyncio.Event()
            self.call_after_refresh(seen.set)
            with suppress(TimeoutError):  # another screen may be shown by now
                await asyncio.wait_for(seen.wait(), OFTEN)

    def took(self, record: Record) -> None:
        """Take a record in; what it changes is drawn soon."""
        if self._waiting is not None:
            self._waiting.append(record)
            return
        self._spans.show(record)
        if self._tick is None:
            self._tick = self.set_timer(TICK, self._grown)

    def _grown(self) -> None:
        """Show what has come, and again as long as something goes on."""
        if self._tick is not None:
            self._tick.stop()
            self._tick = None
        if self.is_current:
            self.chart.grown()
            self._tell(top=False)
        if self._goes_on:
            self._tick = self.set_timer(TICK, self._grown)

    def on_screen_resume(self) -> None:
        """Show what has come meanwhile."""
        self.chart.grown()
        self._tell(top=False)

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        self.chart.redraw()
        self._about.redraw()

    @property
    def _goes_on(self) -> bool:
        return self._spans.is_running and self.desk.work.busy

    def _now(self) -> int:
        """Return until when that goes on which goes on; it does not while nobody works on it."""
        assembly = self.desk.assembly
        if assembly is None or not self._goes_on:
            return self._spans.now
        return max(self._spans.now, assembly.edges.clock.now())

    def _tell(self, *, top: bool = True) -> None:
        chart = self.chart
        span, spans = chart.chosen, chart.spans
        if span is None:
            self._about.put(lambda width: of_all(spans, chart.axis, width), top=top)
        else:
            self._about.put(lambda width: of_span(span, spans.began, self._now(), width), top=top)

    # What keys do

    def reveal(self, seq: int) -> None:
        """Choose the span that a record began or ended."""
        self._wanted = seq if self._waiting is not None else 0
        found = [span for span in self._spans if span.seq <= seq <= (span.last or seq)]
        if found:
            self.chart.choose(min(found, key=lambda span: (span.last or seq) - span.seq))

    def on_chart_chosen(self, event: Chart.Chosen) -> None:
        """Tell of the span that was chosen."""
        event.stop()
        self._tell()

    def on_chart_opened(self, event: Chart.Opened) -> None:
        """Show all of a span."""
        event.stop()
        self.action_inspect()

    def action_inspect(self) -> None:
        """Show all of the chosen span."""
        if self.chart.chosen is not None:
            self.jump("inspector", self.chart.chosen.last or self.chart.chosen.seq)

    def action_chat(self) -> None:
        """Show the chosen span's block in the chat."""
        if self.chart.chosen is not None:
            self.jump("chat", self.chart.chosen.last or self.chart.chosen.seq)

    def action_export(self) -> None:
        """Save what is shown as a picture, and say where."""
        assembly = self.desk.assembly
        name = (assembly.session_id if assembly else "") or "unsaved"
        title = f"session {name}"
        text = picture(self._spans, self.chart.scene(1), title)
        try:
            path = save(text, self.desk.cwd, f"timeline-{name}")
        except LlmreplError as error:
            self.failed(error)
        else:
            self.notify(f"saved {path}", markup=False)


def _next(records: Iterator[Record]) -> list[Record]:
    return [*islice(records, AT_ONCE)]
