"""Shows a conversation as it happens, line after line, in the terminal's own scrollback.

Everything a model or a program wrote passes the sanitiser first, so that nothing but this module
can send control sequences to the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TextIO

from llmrepl.conversation import APPROVALS, Spend
from llmrepl.displays.paint import Paint
from llmrepl.errors import LlmreplError
from llmrepl.events import (
    ApprovalDecided,
    BlockDelta,
    ErrorRaised,
    Event,
    MessageFinished,
    NetworkRequested,
    NoteAdded,
    ReasoningDelta,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    TurnFinished,
    TurnStarted,
)
from llmrepl.figures import duration, turn_line
from llmrepl.loop import STOP_REASONS
from llmrepl.parts import Output, text_of
from llmrepl.record import Record
from llmrepl.sanitise import Sanitiser, clean

MARKS = {
    "ok": ("✓", "green"),
    "error": ("✗", "red"),
    "timeout": ("✗", "red"),
    "limit": ("✗", "red"),
    "denied": ("✗", "yellow"),
    "cancelled": ("✗", "yellow"),
    "unknown": ("?", "yellow"),
}
OUTPUT_LINES = 200
"""How many lines of one call's output are shown; the rest is counted."""


class LineDisplay:
    """A display for terminals and files.

    Args:
        stream: where to write.
        paint: how to colour.
        answers: whether to show the model's text, or only the work around it.
        spent: what the session has cost before.
    """

    def __init__(
        self, stream: TextIO, paint: Paint, *, answers: bool = True, spent: Spend | None = None
    ) -> None:
        self._stream = stream
        self._paint = paint
        self._answers = answers
        self._live = stream.isatty()
        self._text = Sanitiser()
        self._outputs: dict[tuple[str, str], Sanitiser] = {}
        self._column = 0
        self._thinking = False
        self._lines = 0
        self._writing = 0
        self._spend = spent or Spend()
        self._requested: list[Record] = []
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            TextDelta: self._text_delta,
            ReasoningDelta: self._reasoning_delta,
            BlockDelta: self._block_delta,
            MessageFinished: self._message_finished,
            ToolRequested: self._tool_requested,
            ToolOutput: self._tool_output,
            ToolFinished: self._tool_finished,
            TurnFinished: self._turn_finished,
            NetworkRequested: self._network_requested,
            ErrorRaised: self._error_raised,
            NoteAdded: self._note_added,
            ApprovalDecided: self._approval_decided,
        }

    def show(self, record: Record) -> None:
        """Show one record."""
        handler = self._handlers.get(type(record.event))
        if handler is not None:
            handler(record.event)
            self._stream.flush()

    def show_finished(self, record: Record) -> None:
        """Show one record of a saved session, whose transient events are gone."""
        match record.event:
            case TurnStarted(prompt=prompt):
                self._fresh_line()
                self._write(self._paint(f"❯ {clean(text_of(prompt))}", "bold") + "\n")
            case ToolRequested():
                self._requested.append(record)
            case MessageFinished(parts=parts):
                # The log has a message's calls before its text, as they became certain.
                self._text_delta(TextDelta(text=text_of(parts)))
                self.show(record)
                for requested in self._requested:
                    self.show(requested)
                self._requested.clear()
            case _:
                self.show(record)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        if text:
            self._column = 0 if text.endswith("\n") else 1

    def _fresh_line(self) -> None:
        """Go to a line of its own, wiping the live note if there is one."""
        if self._writing:
            self._writing = 0
            self._stream.write("\r\x1b[K")
            self._column = 0
        if self._column:
            self._write("\n")

    def _text_delta(self, event: TextDelta) -> None:
        if not self._answers:
            return
        if self._thinking:
            self._thinking = False
            self._fresh_line()
        self._write(self._text.feed_text(event.text))

    def _reasoning_delta(self, event: ReasoningDelta) -> None:
        if self._answers:
            self._thinking = True
            self._write(self._paint(self._text.feed_text(event.text), "dim"))

    def _block_delta(self, event: BlockDelta) -> None:
        if not self._live:
            return
        if not self._writing:
            self._fresh_line()
            self._writing = 1
        self._writing += event.text.count("\n")
        self._stream.write(self._paint(f"\r… writing code, {self._writing} lines", "dim"))
        self._column = 1

    def _message_finished(self, event: MessageFinished) -> None:
        if self._answers:
            self._write(self._text.close())
        self._fresh_line()
        self._spend = self._spend.add(event.usage, event.cost)

    def _tool_requested(self, event: ToolRequested) -> None:
        if self._answers:
            self._write(self._text.close())
        self._fresh_line()
        self._lines = 0
        code = event.arguments.get("code")
        if not isinstance(code, str):
            code = json.dumps(dict(event.arguments), ensure_ascii=False, indent=2)
        name = self._paint(f"╭─ {clean(event.name)}", "cyan")
        bar = self._paint("│ ", "cyan")
        lines = self._paint.code(clean(code), event.language).split("\n")
        self._write("\n".join([name, *(bar + line for line in lines)]) + "\n")

    def _tool_output(self, event: ToolOutput) -> None:
        key = (event.call_id, event.stream)
        text = self._outputs.setdefault(key, Sanitiser()).feed_text(event.text)
        self._output(text, event.stream)

    def _output(self, text: str, stream: str) -> None:
        style = "red" if stream in ("stderr", "error") else ""
        for line in text.splitlines(keepends=True):
            if self._lines < OUTPUT_LINES:
                lead = "" if self._column else "  "
                body, newline = line.removesuffix("\n"), "\n" * line.endswith("\n")
                self._write(lead + (self._paint(body, style) if style else body) + newline)
            self._lines += line.endswith("\n")

    def _tool_finished(self, event: ToolFinished) -> None:
        shown = {stream for call_id, stream in self._outputs if call_id == event.call_id}
        for stream in shown:
            self._output(self._outputs.pop((event.call_id, stream)).close(), stream)
        for part in event.parts:
            if isinstance(part, Output) and part.stream not in shown:
                self._fresh_line()
                self._output(clean(part.text), part.stream)
        self._fresh_line()
        mark, style = MARKS.get(event.status, ("?", "yellow"))
        notes = [f"{mark} {event.status}"]
        if event.exit_code:
            notes.append(f"exit {event.exit_code}")
        notes.append(duration(event.ms))
        if self._lines > OUTPUT_LINES:
            notes.append(f"{self._lines - OUTPUT_LINES} more lines not shown")
        if event.dropped_bytes:
            notes.append(f"{event.dropped_bytes} bytes dropped")
        if event.artifacts:
            notes.append("left " + ", ".join(map(clean, event.artifacts)))
        if event.reason:
            notes.append(clean(event.reason))
        lead = self._paint("╰─ ", "cyan")
        self._write(lead + self._paint(" · ".join(notes), style) + "\n")
        self._lines = 0

    def _network_requested(self, event: NetworkRequested) -> None:
        self._fresh_line()
        place = f"{event.host}:{event.port}" if event.host else "?"
        verdict = "allowed" if event.decision == "allow" else "refused"
        line = clean(" ".join(f"{event.method} {place} {verdict}".split()))
        self._write(self._paint(f"  network: {line}", "dim") + "\n")

    def _turn_finished(self, event: TurnFinished) -> None:
        self._fresh_line()
        if event.reason != "end_turn":
            why = STOP_REASONS.get(event.reason, event.reason)
            self._write(self._paint(f"stopped: {why}", "yellow") + "\n")
        spend = self._spend
        line = turn_line(event.usage, event.cost, event.ms, spend.cost, spend.unpriced)
        self._write(self._paint(line, "dim") + "\n")

    def _error_raised(self, event: ErrorRaised) -> None:
        self._fresh_line()
        self._write(self._paint(f"error: {clean(event.message)}", "red") + "\n")
        if event.hint:
            self._write(self._paint(f"  {clean(event.hint)}", "dim") + "\n")

    def _note_added(self, event: NoteAdded) -> None:
        if event.audience != "model":
            self._fresh_line()
            self._write(self._paint(f"note: {clean(event.text)}", "yellow") + "\n")

    def _approval_decided(self, event: ApprovalDecided) -> None:
        self._fresh_line()
        allowed = event.decision in APPROVALS
        verdict = f"allowed ({event.decision})" if allowed else "refused"
        told = event.reason or (", ".join(event.rules) if event.by == "rule" else "")
        why = f": {clean(told)}" if told else ""
        self._write(self._paint(f"{verdict} by {event.by}{why}", "dim") + "\n")


def complain(stream: TextIO, error: LlmreplError) -> None:
    """Write an error and its hint, a line each."""
    stream.write(f"error: {clean(error.message)}\n")
    if error.hint:
        stream.write(f"  {clean(error.hint)}\n")
    stream.flush()
