"""A session as a trajectory in ATIF, the Agent Trajectory Interchange Format, version 1.7.

A system prompt is a step of the system's, before the prompt that was the first to go with it. A
prompt is a step of the user's; a request to the model is a step of the agent's, with its calls
and, as its observation, their results. What ATIF has no field for is under `extra.llmrepl`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmrepl import __version__
from llmrepl.exchange.told import Call, Remark, Session, Step, Turn, totals_of, turns_of
from llmrepl.exchange.words import compaction_data, iso, outputs_of
from llmrepl.parts import Image, text_of
from llmrepl.usage import encode_cost

SCHEMA = "ATIF-v1.7"
"""The version that is written: the first with `extra` wherever one is needed here."""

SOURCES = {"note": "system", "error": "system", "compacted": "system"}
"""Who says a remark, in ATIF's words."""

NOTHING = "(the session holds no turn)"


def trajectory(session: Session) -> str:
    """Return `session` as an ATIF document."""
    return json.dumps(trajectory_of(session), ensure_ascii=False, indent=2) + "\n"


def trajectory_of(session: Session) -> dict[str, Any]:
    """Return `session` as ATIF's JSON-ready data."""
    turns = turns_of(session.records)
    steps = [step for turn in turns for step in _steps(turn)]
    if not steps:  # ATIF wants one at least
        steps = [{"source": "system", "message": NOTHING}]
    totals = totals_of(turns)
    models = [step.model for turn in turns for step in turn.asked]
    about: dict[str, Any] = {"cwd": session.cwd, "created": iso(session.created)}
    if session.forked_from is not None:
        about |= {"forked_from": {"id": session.forked_from[0], "seq": session.forked_from[1]}}
    agent = {"name": "llmrepl", "version": __version__}
    if models:
        agent["model_name"] = models[-1]
    return {
        "schema_version": SCHEMA,
        "session_id": session.id,
        "agent": agent,
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, 1)],
        "final_metrics": {
            "total_prompt_tokens": totals.usage.input_tokens,
            "total_completion_tokens": totals.usage.output_tokens,
            "total_cached_tokens": totals.usage.cache_read,
            **({} if totals.unpriced else {"total_cost_usd": float(totals.cost)}),
            "total_steps": len(steps),
        },
        "extra": {"llmrepl": about},
    }


def _steps(turn: Turn) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    if turn.system:
        system = {"timestamp": iso(turn.at), "source": "system", "message": turn.system}
        steps.append(system | {"extra": {"llmrepl": {"system": True}}})
    if turn.number:
        images = [p for p in turn.prompt if isinstance(p, Image)]
        told = text_of(turn.prompt)
        user: dict[str, Any] = {"timestamp": iso(turn.at), "source": "user", "message": told}
        if images:
            # Its images are files; ours may be in the message itself, which ATIF has no way to say.
            user["extra"] = {"llmrepl": {"images": [_image(image) for image in images]}}
        steps.append(user)
    for step in turn.steps:
        if isinstance(step, Remark):
            steps.append(_remark(step))
        else:
            steps.append(_agent(step))
    if turn.reason and steps:
        extra = steps[-1].setdefault("extra", {}).setdefault("llmrepl", {})
        extra["turn_ended"] = turn.reason
    return steps


def _remark(remark: Remark) -> dict[str, Any]:
    data: dict[str, Any] = {
        "timestamp": iso(remark.at),
        "source": SOURCES[remark.kind],
        "message": f"{remark.kind}: {remark.text}",
    }
    if remark.compaction:  # what it took: a step of the system's has no metrics
        data["extra"] = {"llmrepl": {"compaction": compaction_data(remark.compaction)}}
    return data


def _image(image: Image) -> dict[str, Any]:
    return {"media_type": image.media_type, "path": image.path, "data": image.data}


def _agent(step: Step) -> dict[str, Any]:
    data: dict[str, Any] = {
        "timestamp": iso(step.at),
        "source": "agent",
        "model_name": step.model,
        "message": step.text,
        "metrics": {
            "prompt_tokens": step.usage.input_tokens,
            "completion_tokens": step.usage.output_tokens,
            "cached_tokens": step.usage.cache_read,
            **({} if step.cost is None else {"cost_usd": float(step.cost.total)}),
        },
        "llm_call_count": 1,
        "extra": {"llmrepl": {"stop": step.stop, "ms": step.message_ms}},
    }
    if step.cost is not None:
        data["extra"]["llmrepl"]["cost"] = encode_cost(step.cost)
    if step.reasoning:
        data["reasoning_content"] = step.reasoning
    if step.calls:
        data["tool_calls"] = [_call(call) for call in step.calls]
        data["observation"] = {"results": [_result(call) for call in step.calls]}
    return data


def _call(call: Call) -> dict[str, Any]:
    request = call.request
    data: dict[str, Any] = {
        "tool_call_id": request.call_id,
        "function_name": request.name,
        "arguments": dict(request.arguments),
    }
    extra = {"language": request.language, "problem": request.problem, "ran": call.ran}
    extra |= {"remarks": call.remarks}
    return data | {"extra": {"llmrepl": {key: value for key, value in extra.items() if value}}}


def _result(call: Call) -> dict[str, Any]:
    finished = call.finished
    parts = outputs_of(finished)
    reason = finished.reason if finished else ""
    text = parts[0][1] if len(parts) == 1 else "\n".join(f"{name}:\n{t}" for name, t in parts)
    extra: Mapping[str, Any] = {
        "status": call.status,
        "exit_code": finished and finished.exit_code,
        "ms": finished.ms if finished else 0.0,
        "reason": reason,
        "outputs": [{"stream": stream, "text": text} for stream, text in parts],
    }
    return {
        "source_call_id": call.request.call_id,
        "content": text or reason or call.status,
        "extra": {"llmrepl": extra},
    }
