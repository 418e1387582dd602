"""Conversations from trajectories in ATIF, llmrepl's own exports among them.

What llmrepl wrote under `extra.llmrepl` is read back; other agents' extras stay where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llmrepl.exchange.foreign import Foreign, Said, Unreadable, language_of, moment
from llmrepl.exchange.openai_messages import arguments_of
from llmrepl.parts import Image, Output, Part, Reasoning, Text, ToolCall, ToolResult
from llmrepl.usage import Usage, decode_cost

ACCEPTED = "an object with schema_version ATIF-v1.x, agent and steps"


def conversations(content: bytes) -> Iterator[Foreign]:
    """Yield the conversation in `content`, and those of agents that it started.

    Raises:
        Unreadable: it is no trajectory.
    """
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise Unreadable(f"it is not JSON: {exc}", hint=f"accepted: {ACCEPTED}") from None
    yield from _of(data)


def is_trajectory(data: Any) -> bool:
    """Return whether this JSON says that it is a trajectory."""
    return isinstance(data, Mapping) and str(data.get("schema_version", "")).startswith("ATIF-v1.")


def _of(data: Any) -> Iterator[Foreign]:
    if not is_trajectory(data) or not isinstance(data.get("steps"), list):
        raise Unreadable("it is no trajectory in ATIF", hint=f"accepted: {ACCEPTED}")
    agent = data.get("agent") if isinstance(data.get("agent"), Mapping) else {}
    own = agent.get("name") == "llmrepl"
    foreign = Foreign(
        "atif", str(data.get("trajectory_id") or data.get("session_id") or ""), own_model=own
    )
    if data.get("continued_trajectory_ref"):
        foreign.lost["the trajectory that goes on from here"] += 1
    for step in data["steps"]:
        if isinstance(step, Mapping):
            _step(step, foreign, str(agent.get("model_name") or ""))
    yield foreign
    for embedded in data.get("subagent_trajectories") or ():
        yield from _of(embedded)


def _step(step: Mapping[str, Any], foreign: Foreign, model: str) -> None:
    at = moment(step.get("timestamp"))
    source = step.get("source")
    if source == "user":
        foreign.said.append(
            Said("user", [*_content(step.get("message"), foreign), *_images(step)], at)
        )
    elif source == "agent":
        foreign.said += _agent(step, foreign, at, model)
    elif source == "system" and (_own(step).get("system") or _is_first(foreign)):
        foreign.said.append(Said("system", list(_content(step.get("message"), foreign)), at))
    else:
        what = "remarks" if foreign.own_model else "messages of the system"
        foreign.lost[what] += 1


def _is_first(foreign: Foreign) -> bool:
    """Return whether another agent has said nothing yet but its system prompt."""
    return not foreign.own_model and all(said.role == "system" for said in foreign.said)


def _agent(step: Mapping[str, Any], foreign: Foreign, at: int, model: str) -> Iterator[Said]:
    parts: list[Part] = []
    if step.get("reasoning_content"):
        parts.append(Reasoning(str(step["reasoning_content"])))
    parts += _content(step.get("message"), foreign)
    for call in step.get("tool_calls") or ():
        name = str(call.get("function_name") or "tool")
        arguments = arguments_of(call.get("arguments"), foreign)
        more = _own(call)
        language = str(more.get("language") or language_of(name, arguments))
        call_id = str(call.get("tool_call_id"))
        parts.append(ToolCall(call_id, name, language, arguments, str(more.get("problem") or "")))
    metrics = step.get("metrics") or {}
    usage = Usage(
        int(metrics.get("prompt_tokens") or 0),
        int(metrics.get("completion_tokens") or 0),
        int(metrics.get("cached_tokens") or 0),
    )
    cost = decode_cost(own["cost"]) if (own := _own(step)).get("cost") else None
    if cost is None and metrics.get("cost_usd") is not None:
        foreign.lost["costs, whose prices are not known"] += 1
    named = str(step.get("model_name") or model)
    yield Said("assistant", parts, at, named, usage, cost, float(own.get("ms") or 0.0))
    results = (step.get("observation") or {}).get("results") or ()
    found: list[Part] = [_result(item, foreign) for item in results if item.get("source_call_id")]
    if len(found) < len(results):
        foreign.lost["observations without a call"] += len(results) - len(found)
    if found:
        yield Said("tool", found, at)


def _result(item: Mapping[str, Any], foreign: Foreign) -> ToolResult:
    own = _own(item)
    outputs = own.get("outputs")
    if isinstance(outputs, list):
        parts: list[Part] = [Output(str(o["stream"]), str(o["text"])) for o in outputs]
    else:
        parts = list(_content(item.get("content"), foreign))
        parts = [Output("value", p.text) if isinstance(p, Text) else p for p in parts]
    if item.get("subagent_trajectory_ref"):
        foreign.lost["links to the trajectories of other agents"] += 1
    return ToolResult(
        str(item["source_call_id"]),
        "",
        str(own.get("status") or "ok"),
        tuple(parts),
        own.get("exit_code"),
        float(own.get("ms") or 0.0),
        str(own.get("reason") or ""),
    )


def _content(content: Any, foreign: Foreign) -> Iterator[Part]:
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for item in content or ():
        if item.get("type") == "text":
            yield Text(str(item.get("text") or ""))
        else:
            foreign.lost[f"files of the type {str(item.get('type'))[:40]!r}"] += 1


def _images(step: Mapping[str, Any]) -> Iterator[Image]:
    for image in _own(step).get("images") or ():
        yield Image(str(image["media_type"]), str(image["data"]), str(image["path"]))


def _own(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what llmrepl wrote there besides ATIF's own fields."""
    extra = data.get("extra")
    own = extra.get("llmrepl") if isinstance(extra, Mapping) else None
    return own if isinstance(own, Mapping) else {}
