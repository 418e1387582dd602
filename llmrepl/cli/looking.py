"""`llmrepl sessions show --at` and `--context`: a session's state, and what its model was told."""

from __future__ import annotations

import json
import os
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

    Args:
        session: as the person names it.
        at: a record; with a step, the one that had begun last by then.
        step: TURN.STEP, or empty for the one at `at`; None for the state.
        as_json: print JSON, of messages as they were in the request.

    Raises:
        SessionError: there is no such session, record or step.
    """
    from llmrepl.config.secrets import redactor_of
    from llmrepl.sessions.finding import records_of, session_file

    if at is not None and step:
        raise click.UsageError("--at SEQ and TURN.STEP are two places: give one of them")
    config = load_config().config
    _, records = records_of(session_file(config.sessions.directory, session))
    records = redactor_of(config, os.environ, Path.cwd()).scrub(records)
    if step is not None:
        _context(records, step, at, as_json=as_json)
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


def _context(records: list[Record], step: str, at: int | None, *, as_json: bool) -> None:
    from llmrepl.compose.sent import NO_SYSTEM, is_step, sent
    from llmrepl.sanitise import clean

    if step and not is_step(step):
        raise click.UsageError(f"{step!r} is no step: accepted is TURN.STEP, such as 1.2")
    found = sent(records, step, at)
    if as_json:
        for message in found.body:
            click.echo(json.dumps(message, ensure_ascii=False))
    else:
        for told in found.told:
            click.echo(f"── {told.role} ──\n{clean(told.told)}")
            if told.images:
                click.echo(f"({len(told.images)} images)")
    if not found.system:
        click.echo(f"llmrepl: note: {NO_SYSTEM}", err=True)
