"""`llmrepl run`: one turn without a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.exits import ERROR, code_of_turn
from llmrepl.cli.options import load_config, session_options, settings_options
from llmrepl.cli.weaker import require_walls
from llmrepl.errors import LlmreplError

if TYPE_CHECKING:
    from llmrepl.cli.shape import Shape
    from llmrepl.compose import Assembly
    from llmrepl.compose.opening import Wanted
    from llmrepl.config import Loaded
    from llmrepl.events import ToolFinished, ToolRequested
    from llmrepl.record import Record

AS_IT_IS = "what the model wrote is above, and in the session; a simpler schema may help"


@click.command("run")
@settings_options
@session_options
@click.option(
    "--output",
    type=click.Choice(["text", "json", "stream-json"]),
    default="text",
    show_default=True,
    help="Print the final answer, one object at the end, or each record as it is logged.",
)
@click.option(
    "--schema",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Answer with JSON of the JSON Schema in FILE.",
)
@click.argument("prompt", required=False)
def command(output: str, schema: Path | None, prompt: str | None, **options: Any) -> int:
    """Run one turn without a terminal and print the answer.

    Text piped in is appended to PROMPT; `-` or no PROMPT reads all of it from there. With --resume
    or --continue and nothing to say, an unfinished turn is gone on with.
    """
    from llmrepl.answers.schema import load_schema
    from llmrepl.cli.shape import Shape
    from llmrepl.compose.opening import Wanted

    wanted = Wanted(
        options.pop("resume") or "",
        options.pop("last"),
        options.pop("session") or "",
        options.pop("fork") or "",
    )
    shape = Shape(load_schema(schema)) if schema else None
    loaded = load_config(options)
    require_walls(loaded.config)
    text = _prompt(prompt)
    if not text and wanted.new:
        raise click.UsageError("there is no prompt: give one as an argument or pipe it in")
    return asyncio.run(_run(loaded, wanted, text, output, shape))


def _prompt(given: str | None) -> str:
    parts = [] if given in (None, "-") else [given]
    if not sys.stdin.isatty():
        parts.append(sys.stdin.buffer.read().decode("utf-8", "replace"))
    return "\n\n".join(part for part in parts if part and part.strip())


async def _run(loaded: Loaded, wanted: Wanted, text: str, output: str, shape: Shape | None) -> int:
    from llmrepl.compose import assemble
    from llmrepl.events import ToolStarted
    from llmrepl.parts import Text
    from llmrepl.sanitise import clean

    assembly = await assemble(loaded.config, wanted=wanted)
    try:
        if shape:
            shape.require(assembly)
        if assembly.opened and assembly.opened.log.repaired:
            click.echo(f"llmrepl: note: {clean(assembly.opened.log.repaired)}", err=True)
        assembly.meter.recall()
        # Without a sandbox nothing may run, and a script should hear of it before it pays a model.
        await assembly.start_sandbox()
        if assembly.trail.repaired:
            click.echo(f"llmrepl: note: audit log: {assembly.trail.repaired}", err=True)
        runtime = assembly.runtime
        outcome = _Outcome(assembly, output, shape)
        assembly.context_size.asks_after = (ToolStarted,)  # after the turn, nobody would wait
        runtime.subscribe(assembly.context_size)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, runtime.cancel)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, runtime.cancel)
        reason = await runtime.resume()
        if text and reason != "cancelled":
            reason = await runtime.turn((Text(shape.asked(text) if shape else text),))
        if shape:
            reason = await shape.held(assembly, reason, lambda: answer_of(assembly))
        return outcome.report(reason)
    finally:
        await assembly.close()


class _Outcome:
    """Watches the records of a run and prints what was asked for."""

    def __init__(self, assembly: Assembly, output: str, shape: Shape | None = None) -> None:
        from llmrepl.displays.opening import AUTO, open_display, surface_for

        self._assembly = assembly
        self._output = output
        self._shape = shape
        self._error: LlmreplError | None = None
        self._began = assembly.edges.clock.monotonic()
        runtime = assembly.runtime
        # Calls that an earlier process left unfinished get their results now.
        unfinished = [call.request for call in runtime.state.calls]
        self.calls = {request.call_id: _call(request) for request in unfinished}
        self._steps = 0
        self._failed = False
        runtime.subscribe(self)
        if output == "stream-json":
            if assembly.opened:
                assembly.opened.log.on_line = _print_line
            else:
                runtime.subscribe(_RecordLines())
        ui = assembly.config.ui
        if output == "text" and (ui.display != AUTO or sys.stderr.isatty()):
            surface = surface_for(sys.stderr, ui.theme, os.environ, words=ui.screen_reader)
            runtime.subscribe(
                open_display(
                    ui.display, replace(surface, answers=False, prompts=False, rest=_rest(assembly))
                )
            )

    def show(self, record: Record) -> None:
        """Take note of calls and errors."""
        from llmrepl.events import (
            ErrorRaised,
            RequestFailed,
            StepStarted,
            ToolFinished,
            ToolRequested,
        )

        match record.event:
            case StepStarted():
                self._steps += not self._failed
                self._failed = False
            case RequestFailed():
                self._failed = True  # another request of the same step follows
            case ToolRequested() as event:
                self.calls[event.call_id] = _call(event)
            case ToolFinished() as event:
                self.calls.setdefault(event.call_id, {}).update(_result(event))
            case ErrorRaised() as event:
                self._error = LlmreplError(event.message, hint=event.hint)
                self._kind = event.kind

    def report(self, reason: str) -> int:
        """Print the outcome and return the exit code."""
        from llmrepl.answers.faults import json_in
        from llmrepl.cli import complain
        from llmrepl.sanitise import clean

        answer = answer_of(self._assembly)
        fault = self._shape.fault(answer) if self._shape else ""
        if self._shape and not fault:
            answer = json_in(answer)
        if self._output == "json":
            click.echo(json.dumps(self._summary(reason, answer), ensure_ascii=False))
        elif self._output == "text" and fault and answer:
            click.echo(clean(answer), err=True)
        elif self._output == "text" and answer:
            # Into a file or a pipe goes what the model wrote; a terminal would obey it.
            shown = clean(answer) if sys.stdout.isatty() else answer
            sys.stdout.write(shown.rstrip("\n") + "\n")
        if reason == "error" and self._error is not None:
            complain(self._error)
            return code_of_turn(reason, self._kind)
        if fault and reason in ("end_turn", ""):
            complain(
                LlmreplError(f"the answer does not hold to the schema: {fault}", hint=AS_IT_IS)
            )
            return ERROR
        if reason not in ("end_turn", ""):
            from llmrepl.loop import STOP_REASONS

            if reason == "budget" and self._error is not None:
                complain(self._error)
            click.echo(f"llmrepl: the turn stopped: {STOP_REASONS[reason]}", err=True)
        return code_of_turn(reason)

    def _summary(self, reason: str, answer: str) -> dict[str, Any]:
        spend = self._assembly.runtime.state.turn_spend
        if self._shape:
            spend = self._shape.with_turns_before(spend)
        cost = None if spend.unpriced else float(spend.total)
        return {
            "session": self._assembly.session_id,
            "model": self._assembly.model,
            "stop": reason,
            "answer": answer,
            "steps": self._steps,
            "tool_calls": list(self.calls.values()),
            "usage": {
                "input_tokens": spend.usage.input_tokens,
                "output_tokens": spend.usage.output_tokens,
                "estimated": spend.usage.estimated,
            },
            "cost_usd": cost,
            "ms": round((self._assembly.edges.clock.monotonic() - self._began) * 1000, 1),
        }


def _rest(assembly: Assembly) -> str:
    """Return the command that shows all of an output, where the session is kept."""
    session = assembly.session_id
    return f"llmrepl sessions show {session} --display plain" if session else ""


class _RecordLines:
    """Prints the records of a session that is not saved, as its log would have them."""

    def show(self, record: Record) -> None:
        """Print a durable record."""
        from llmrepl.sessions.format import encode_line

        if record.event.durable:
            _print_line(encode_line("", record))


def _print_line(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _call(request: ToolRequested) -> dict[str, Any]:
    return {"language": request.language, "code": request.arguments.get("code")}


def _result(event: ToolFinished) -> dict[str, Any]:
    from llmrepl.parts import Output

    streams = {part.stream: part.text for part in event.parts if isinstance(part, Output)}
    return {
        "status": event.status,
        "exit_code": event.exit_code,
        "stdout": streams.get("stdout", ""),
        "stderr": streams.get("stderr", "") + streams.get("error", ""),
        "value": streams.get("value"),
        "reason": event.reason,
        "ms": event.ms,
    }


def answer_of(assembly: Assembly) -> str:
    """Return the model's last words, whole or broken off; nothing where it ended with a call."""
    from llmrepl.parts import ToolResult, text_of

    for message in reversed(assembly.runtime.state.messages):
        if message.role == "assistant":
            return text_of(message.parts)
        if message.role != "tool" or any(isinstance(part, ToolResult) for part in message.parts):
            return ""
    return ""
