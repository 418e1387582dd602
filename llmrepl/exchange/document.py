"""A session as one JSON object: what was said, what ran, what it cost, turn by turn.

The object is documented in `docs/reference/exchange-formats.md`. It is for programs that do not
want to fold events; the session's own file has more.
"""

from __future__ import annotations

import json
from typing import Any

from llmrepl.exchange.told import (
    Call,
    Remark,
    Session,
    Step,
    Turn,
    title_of,
    totals_of,
    turns_of,
)
from llmrepl.exchange.words import compaction_data, iso, outputs_of
from llmrepl.parts import Image, encode_part, text_of
from llmrepl.usage import Cost, Usage, encode_usage

VERSION = 1
"""Of the object's form: it changes where a reader would have to."""


def document(session: Session) -> str:
    """Return `session` as JSON, indented, with a newline at its end."""
    return json.dumps(object_of(session), ensure_ascii=False, indent=2) + "\n"


def object_of(session: Session) -> dict[str, Any]:
    """Return `session` as JSON-ready data."""
    turns = turns_of(session.records)
    totals = totals_of(turns)
    origin = session.forked_from
    return {
        "llmrepl": "export",
        "version": VERSION,
        "id": session.id,
        "title": title_of(session, turns),
        "created": iso(session.created),
        "cwd": session.cwd,
        "forked_from": None if origin is None else {"id": origin[0], "seq": origin[1]},
        "totals": {
            "turns": totals.turns,
            "steps": totals.steps,
            "calls": totals.calls,
            "usage": encode_usage(totals.usage),
            "cost_usd": None if totals.unpriced else float(totals.cost),
            "ms": totals.ms,
        },
        "turns": [_turn(turn) for turn in turns],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "turn": turn.number,
        "at": iso(turn.at),
        "system": turn.system,
        "prompt": text_of(turn.prompt),
        "images": [encode_part(part) for part in turn.prompt if isinstance(part, Image)],
        "steps": [_step(step) for step in turn.asked],
        "remarks": [_remark(remark) for remark in turn.steps if isinstance(remark, Remark)],
        "stop": turn.reason,
        **_spent(turn.usage, turn.cost),
        "ms": turn.ms,
    }


def _remark(remark: Remark) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": remark.kind, "at": iso(remark.at), "text": remark.text}
    if remark.compaction:
        data["compaction"] = compaction_data(remark.compaction)
    return data


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.number,
        "at": iso(step.at),
        "model": step.model,
        "text": step.text,
        "reasoning": step.reasoning,
        "stop": step.stop,
        **_spent(step.usage, step.cost),
        "ms": step.message_ms,
        "calls": [_call(call) for call in step.calls],
    }


def _spent(usage: Usage, cost: Cost | None) -> dict[str, Any]:
    return {
        "usage": encode_usage(usage),
        "cost_usd": None if cost is None else float(cost.total),
    }


def _call(call: Call) -> dict[str, Any]:
    finished = call.finished
    return {
        "id": call.request.call_id,
        "name": call.request.name,
        "language": call.request.language,
        "arguments": dict(call.request.arguments),
        "ran": call.ran or None,
        "problem": call.request.problem,
        "remarks": call.remarks,
        "status": call.status,
        "exit_code": finished and finished.exit_code,
        "reason": finished.reason if finished else "",
        "ms": finished.ms if finished else 0.0,
        "outputs": [{"stream": stream, "text": text} for stream, text in outputs_of(finished)],
    }
