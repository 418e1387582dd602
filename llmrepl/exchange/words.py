"""Small texts that several written formats share: times, results, fences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from llmrepl.events import ContextCompacted, ToolFinished
from llmrepl.exchange.told import Call
from llmrepl.figures import duration, money, tokens
from llmrepl.parts import Output, Text
from llmrepl.usage import Cost, Usage, encode_usage

_BACKTICKS = re.compile(r"`+")
_WORD = re.compile(r"[^A-Za-z0-9_+#.-]")


def iso(at: int) -> str:
    """Return Unix time in milliseconds as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def minute(at: int) -> str:
    """Return Unix time in milliseconds as a person reads it, in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def fenced(text: str, language: str = "") -> str:
    """Return `text` in a Markdown fence that is longer than any run of backticks in it."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    ticks = "`" * max(3, longest + 1)
    end = "" if text.endswith("\n") or not text else "\n"
    return f"{ticks}{_WORD.sub('', language)}\n{text}{end}{ticks}"


def coded(text: str) -> str:
    """Return `text` as Markdown's code within a line."""
    text = " ".join(text.split())
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{ticks}{pad}{text}{pad}{ticks}" if text else "` `"


def written(arguments: Mapping[str, Any]) -> str:
    """Return a tool's arguments as indented JSON."""
    return json.dumps(dict(arguments), ensure_ascii=False, indent=2, default=str)


def code_of(call: Call) -> tuple[str, str]:
    """Return what ran and the language it is in: a tool's arguments are JSON."""
    if call.code is not None:
        return call.code, call.request.language
    return written(call.ran or call.request.arguments), "json"


def outputs_of(finished: ToolFinished | None) -> list[tuple[str, str]]:
    """Return the stream and the text of each output, the cut ones with what was cut."""
    found = []
    for part in finished.parts if finished else ():
        if isinstance(part, Output):
            cut = f" ({part.dropped} bytes dropped from the middle)" if part.dropped else ""
            found.append((part.stream + cut, part.text))
        elif isinstance(part, Text):
            found.append(("text", part.text))
    return found


def figures_of(call: Call) -> str:
    """Return how a call ended, briefly: `error · exit 1 · 12 ms`."""
    finished = call.finished
    if finished is None:
        return "unknown"
    code = [f"exit {finished.exit_code}"] if finished.exit_code else []
    return " · ".join([finished.status, *code, duration(finished.ms)])


def reasons_of(call: Call) -> list[str]:
    """Return what there is to say of a call's end besides its figures."""
    finished = call.finished
    if finished is None:
        return ["the session does not say how it ended"]
    notes = list(dict.fromkeys(filter(None, (call.request.problem, finished.reason))))
    if finished.dropped_bytes:
        notes.append(f"{finished.dropped_bytes} bytes dropped")
    if finished.artifacts:
        notes.append("left " + ", ".join(finished.artifacts))
    return notes


def ending_of(call: Call) -> str:
    """Return how a call ended, in one line."""
    return " · ".join([figures_of(call), *reasons_of(call)])


def took(usage: Usage, cost: Cost | None, ms: float) -> str:
    """Return what something took: `↑ 1.2k ↓ 40 tokens · $0.0004 · 1.4 s`."""
    sent = tokens(usage.input_tokens, estimated=usage.estimated)
    said = tokens(usage.output_tokens, estimated=usage.estimated)
    price = money(None if cost is None else cost.total)
    return f"↑ {sent} ↓ {said} tokens · {price} · {duration(ms)}"


def compaction_of(event: ContextCompacted) -> str:
    """Return what gave way to a summary, and what the summary took, in one line."""
    told = []
    if not event.problem:
        gone = event.replaced - len(event.kept)
        told.append(f"{gone} message{'s' * (gone != 1)} gave way")
        told.append(f"{tokens(event.tokens_before)} → {tokens(event.tokens_after)} tokens")
    if event.provider:
        model = f"{event.provider}/{event.model}"
        told.append(f"{model}: {took(event.usage, event.cost, event.ms)}")
    return " · ".join(told)


def compaction_data(event: ContextCompacted) -> dict[str, Any]:
    """Return a compaction without its summary, JSON-ready."""
    return {
        "replaced": event.replaced,
        "kept": list(event.kept),
        "tokens_before": event.tokens_before,
        "tokens_after": event.tokens_after,
        "by": event.by,
        "focus": event.focus,
        "model": f"{event.provider}/{event.model}" if event.provider else "",
        "usage": encode_usage(event.usage),
        "cost_usd": None if event.cost is None else float(event.cost.total),
        "ms": event.ms,
        "problem": event.problem,
    }
