"""`llmrepl sessions show --at` and `--context`: a session's state, and what its model was told."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.options import load_config
from llmrepl.errors import SessionError

if TYPE_CHECKING:
    from llmrepl.conversation import Conversation
    from llmrepl.record import Record


def look(session: str, at: int | None, step: str | None, *, as_json: bool) -> None:
    """Print the state behind a record, or the messages that a step sent.

    Raises:
        SessionError: there is no such session, record or step.
    """
    from llmrepl.config.secrets import redactor_of
    from llmrepl.sessions.finding import records_of, session_file

    if at is not None and step is not None:
        raise click.UsageError("--at and --context are two views: give one of them")
    config = load_config().config
    _, records = records_of(session_file(config.sessions.directory, session))
    records = redactor_of(config, os.environ, Path.cwd()).scrub(records)
    if step is not None:
        _context(records, step, as_json=as_json)
    else:
        _state(records, at or 0, as_json=as_json)


def _state(records: list[Record], at: int, *, as_json: bool) -> None:
    from llmrepl.runtime import fold

    if not 0 <= at <= len(records):
        raise SessionError(f"there is no record {at}", hint=f"there are 1 to {len(records)}")
    found = _plain(fold(records[:at]), at)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    from llmrepl.sanitise import clean

    for name, value in found.items():
        if isinstance(value, list):
            click.echo(f"{name}:")
            for item in value:
                click.echo(f"  {clean(json.dumps(item, ensure_ascii=False))}")
        else:
            click.echo(f"{name}: {clean(str(value))}")


def _plain(state: Conversation, at: int) -> dict[str, Any]:
    from llmrepl.parts import encode_parts

    spend = state.session_spend
    return {
        "seq": at,
        "phase": state.phase.value,
        "turn": state.turn,
        "step": state.step,
        "stop": state.stop,
        "input_tokens": spend.usage.input_tokens,
        "output_tokens": spend.usage.output_tokens,
        "cost_usd": None if spend.unpriced else float(spend.total),
        "calls": [
            {"call_id": call.request.call_id, "progress": call.progress.value}
            for call in state.calls
        ],
        "notes": list(state.notes),
        "messages": [
            {"role": message.role, "parts": encode_parts(message.parts)}
            for message in state.messages
        ],
    }


def _context(records: list[Record], step: str, *, as_json: bool) -> None:
    from llmrepl.context.window import messages_of
    from llmrepl.sanitise import clean

    for message in messages_of(_before(records, step)):
        if as_json:
            data = {"role": message.role, "text": message.text, "images": len(message.images)}
            click.echo(json.dumps(data, ensure_ascii=False))
        else:
            click.echo(f"── {message.role} ──\n{clean(message.text)}")
            if message.images:
                click.echo(f"({len(message.images)} images)")
    click.echo("llmrepl: note: a session does not hold the system prompt that came first", err=True)


def _before(records: list[Record], step: str) -> Conversation:
    """Return the conversation that the step's request was made from."""
    from llmrepl.events import StepStarted
    from llmrepl.runtime import fold

    if not re.fullmatch(r"\d+\.\d+", step):
        raise click.UsageError(f"{step!r} is no step: accepted is TURN.STEP, such as 1.2")
    known = []
    for index, record in enumerate(records):
        if isinstance(record.event, StepStarted):
            known.append(f"{record.turn}.{record.step}")
            if known[-1] == step:
                return fold(records[:index])
    raise SessionError(f"there is no step {step}", hint=f"there are: {', '.join(known) or 'none'}")
