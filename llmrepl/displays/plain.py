"""Shows a conversation as it happens, line after line and all of it, without going back.

Everything a model or a program wrote passes the sanitiser first, so that nothing but this module
can send control sequences to the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from llmrepl.conversation import verdict
from llmrepl.displays.paint import Paint
from llmrepl.events import (
    TYPED,
    ApprovalDecided,
    BlockOpened,
    CheckFinished,
    ContextCompacted,
    ContextRestored,
    ContextTrimmed,
    Custom,
    ErrorRaised,
    Event,
    MessageFinished,
    ModelChosen,
    NetworkRequested,
    NoteAdded,
    ReasoningDelta,
    RequestFailed,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    TurnFinished,
    TurnStarted,
)
from llmrepl.figures import duration, tokens, turn_line
from llmrepl.loop import STOP_REASONS
from llmrepl.parts import Output, text_of
from llmrepl.ports import Surface
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
    "failed": ("✗", "red"),
}

WELCOME = ("model", "sandbox", "session")
"""What is told of a chat's start, in this order."""

TYPERS = {"person": " · typed", "aside": " · typed, not for the model"}
"""How a call that the person typed is told from the model's."""


class PlainDisplay:
    """A display for pipes, files, and terminals that can only go on.

    Args:
        surface: what to write to.
    """

    def __init__(self, surface: Surface) -> None:
        self._stream = surface.stream
        self._paint = Paint(surface.theme)
        self._answers = surface.answers
        self._prompts = surface.prompts
        self._text = Sanitiser()
        self._outputs: dict[tuple[str, str], Sanitiser] = {}
        self._column = 0
        self._thinking = False
        self._heard = False  # this step's message came in pieces
        self._spend = surface.spent
        self._requested: list[ToolRequested] = []
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            TurnStarted: self._turn_started,
            ModelChosen: self._model_chosen,
            StepStarted: self._step_started,
            RequestFailed: self._request_failed,
            TextDelta: self._text_delta,
            ReasoningDelta: self._reasoning_delta,
            BlockOpened: self._block_opened,
            MessageFinished: self._message_finished,
            ToolRequested: self._tool_requested,
            ToolOutput: self._tool_output,
            ToolFinished: self._tool_finished,
            TurnFinished: self._turn_finished,
            NetworkRequested: self._network_requested,
            ErrorRaised: self._error_raised,
            NoteAdded: self._note_added,
            ContextTrimmed: self._trimmed,
            ContextCompacted: self._compacted,
            ContextRestored: self._restored,
            ApprovalDecided: self._approval_decided,
            CheckFinished: self._check_finished,
            Custom: self._custom,
        }

    @property
    def theme(self) -> str:
        """The name of the theme; setting it changes what is shown from now on."""
        return self._paint.theme

    @theme.setter
    def theme(self, name: str) -> None:
        self._paint = Paint(name)

    def show(self, record: Record) -> None:
        """Show one record."""
        handler = self._handlers.get(type(record.event))
        if handler is not None:
            handler(record.event)
            self._stream.flush()

    def _turn_started(self, event: TurnStarted) -> None:
        if self._prompts:
            self._fresh_line()
            self._write(self._paint(f"❯ {clean(text_of(event.prompt))}", "bold") + "\n")

    def _step_started(self, _: StepStarted) -> None:
        self._heard = False
        self._requested.clear()

    def _model_chosen(self, event: ModelChosen) -> None:
        self._fresh_line()
        told = f"model: {clean(event.provider)}/{clean(event.model)}"
        told += f" ({clean(event.reason)})" if event.reason else ""
        lines = [told, *(f"  not {clean(line)}" for line in event.passed)]
        self._write(self._paint("\n".join(lines), "dim") + "\n")

    def _request_failed(self, event: RequestFailed) -> None:
        self._fresh_line()
        self._write(self._paint(f"failed: {clean(event.message)}", "yellow") + "\n")
        self._write(self._paint(f"  {clean(event.going_on)}", "dim") + "\n")

    def _block_opened(self, _: BlockOpened) -> None:
        self._heard = True

    def _write(self, text: str, style: str = "") -> None:
        self._stream.write(self._paint(text, style) if style else text)
        if text:
            self._column = 0 if text.endswith("\n") else 1

    def _fresh_line(self) -> None:
        """Go to a line of its own."""
        if self._column:
            self._write("\n")

    def _text_delta(self, event: TextDelta) -> None:
        self._heard = True
        if not self._answers:
            return
        if self._thinking:
            self._thinking = False
            self._fresh_line()
        self._write(self._text.feed_text(event.text))

    def _reasoning_delta(self, event: ReasoningDelta) -> None:
        self._heard = True
        if self._answers:
            self._thinking = True
            self._write(self._text.feed_text(event.text), "dim")

    def _message_finished(self, event: MessageFinished) -> None:
        if not self._heard:
            self._text_delta(TextDelta(text=text_of(event.parts)))
        if self._answers:
            self._write(self._text.close())
        self._fresh_line()
        for requested in self._requested:
            self._tool_requested(requested)
        self._requested.clear()
        self._spend = self._spend.add(event.usage, event.cost)

    def _tool_requested(self, event: ToolRequested) -> None:
        if not self._heard and event.origin not in TYPED:
            self._requested.append(event)  # a saved session has a message's calls before its text
            return
        if self._answers:
            self._write(self._text.close())
        self._fresh_line()
        code = event.arguments.get("code")
        if not isinstance(code, str):
            code = json.dumps(dict(event.arguments), ensure_ascii=False, indent=2)
        whose = TYPERS.get(event.origin, "")
        name = self._paint(f"╭─ {clean(event.name)}{whose}", "cyan")
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
            lead = "" if self._column else "  "
            body, newline = line.removesuffix("\n"), "\n" * line.endswith("\n")
            self._write(lead + (self._paint(body, style) if style else body) + newline)

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
        notes = [f"{mark} {clean(event.status)}"]
        if event.exit_code:
            notes.append(f"exit {event.exit_code}")
        notes.append(duration(event.ms))
        if event.dropped_bytes:
            notes.append(f"{event.dropped_bytes} bytes dropped")
        if event.artifacts:
            notes.append("left " + ", ".join(map(clean, event.artifacts)))
        notes += map(clean, filter(None, (event.reason, event.given)))
        lead = self._paint("╰─ ", "cyan")
        self._write(lead + self._paint(" · ".join(notes), style) + "\n")

    def _network_requested(self, event: NetworkRequested) -> None:
        self._fresh_line()
        place = f"{event.host}:{event.port}" if event.host else "?"
        answer = "allowed" if event.decision == "allow" else "refused"
        line = clean(" ".join(f"{event.method} {place} {answer}".split()))
        self._write(self._paint(f"  network: {line}", "dim") + "\n")

    def _turn_finished(self, event: TurnFinished) -> None:
        self._fresh_line()
        if event.reason != "end_turn":
            why = STOP_REASONS.get(event.reason, event.reason)
            self._write(self._paint(f"stopped: {clean(why)}", "yellow") + "\n")
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

    def _trimmed(self, event: ContextTrimmed) -> None:
        self._fresh_line()
        told = f"context: {event.outputs} long outputs are sent without their middle"
        self._write(self._paint(told, "dim") + "\n")

    def _compacted(self, event: ContextCompacted) -> None:
        if event.provider:
            self._spend = self._spend.add(event.usage, event.cost)
        self._fresh_line()
        if event.problem:
            told = f"context: not compacted: {clean(event.problem)}"
            self._write(self._paint(told, "yellow") + "\n")
            return
        gone = event.replaced - len(event.kept)
        sizes = f"{tokens(event.tokens_before)} -> {tokens(event.tokens_after)} tokens"
        told = f"context: {gone} messages gave way to a summary, {sizes}"
        self._write(self._paint(told, "dim") + "\n" + clean(event.summary) + "\n")

    def _restored(self, event: ContextRestored) -> None:
        self._fresh_line()
        sizes = f"{tokens(event.tokens_before)} -> {tokens(event.tokens_after)} tokens"
        self._write(self._paint(f"context: all is sent again, {sizes}", "dim") + "\n")

    def _check_finished(self, event: CheckFinished) -> None:
        self._fresh_line()
        mark, style = MARKS.get(event.status, ("!", "yellow"))
        style = "dim" if event.status == "ok" else style
        self._write(
            self._paint(f"{mark} {clean(event.name)}: {clean(event.message)}", style) + "\n"
        )
        if event.fix:
            self._write(self._paint(f"    {clean(event.fix)}", "dim") + "\n")

    def _custom(self, event: Custom) -> None:
        if event.name == "welcome":
            self._fresh_line()
            for name in filter(event.data.get, WELCOME):
                self._write(f"{name}: {clean(str(event.data[name]))}\n")

    def _approval_decided(self, event: ApprovalDecided) -> None:
        self._fresh_line()
        self._write(self._paint(clean(verdict(event)), "dim") + "\n")
