"""A session as Markdown that reads well as text: headings, fences, and one line of figures a turn.

What was said stays as it was written; what ran and what it printed stands in fences that nothing
in it can end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmrepl.exchange.taming import tame
from llmrepl.exchange.told import Call, Remark, Session, Step, Turn, title_of, totals_of, turns_of
from llmrepl.exchange.words import (
    code_of,
    coded,
    compaction_of,
    ending_of,
    fenced,
    minute,
    outputs_of,
    took,
)
from llmrepl.figures import money, tokens
from llmrepl.loop import STOP_REASONS
from llmrepl.parts import Image, Reasoning, Text, ToolCall, text_of
from llmrepl.sanitise import clean

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&!])")


def markdown(session: Session) -> str:
    """Return `session` as a Markdown document."""
    turns = turns_of(session.records)
    blocks = [
        f"# {_plain(title_of(session, turns))}",
        _about(session, turns),
        *(block for turn in turns for block in _turn(turn)),
    ]
    return "\n\n".join(block.rstrip("\n") for block in blocks if block.strip()) + "\n"


def _about(session: Session, turns: list[Turn]) -> str:
    totals = totals_of(turns)
    models = dict.fromkeys(step.model for turn in turns for step in turn.asked)
    facts = [f"session {coded(session.id)}", minute(session.created)]
    facts += [coded(clean(model)) for model in models]
    spent = f"↑ {tokens(totals.usage.input_tokens)} ↓ {tokens(totals.usage.output_tokens)} tokens"
    facts += [
        f"{totals.turns} turn{'s' * (totals.turns != 1)}",
        spent,
        money(None if totals.unpriced else totals.cost),
    ]
    if session.forked_from:
        facts.append(f"forked from {coded(session.forked_from[0])}")
    return "> " + " · ".join(facts)


def _turn(turn: Turn) -> Iterator[str]:
    if turn.number:
        yield f"## {turn.number}. Prompt"
        yield _quoted(clean(text_of(turn.prompt)))
        for part in turn.prompt:
            if isinstance(part, Image):
                yield f"> *an image: {_plain(part.path or part.media_type)}*"
    for step in turn.steps:
        yield from _remark(step) if isinstance(step, Remark) else _step(step)
    if turn.reason:
        yield _figures(turn)


def _remark(remark: Remark) -> Iterator[str]:
    told = {"note": "Note", "error": "Error", "compacted": "The context was compacted"}
    yield f"**{told[remark.kind]}:** {_plain(remark.text)}"
    if remark.compaction:
        yield f"<sub>{_plain(compaction_of(remark.compaction))}</sub>"


def _step(step: Step) -> Iterator[str]:
    calls = {call.request.call_id: call for call in step.calls}
    for part in step.parts:
        match part:
            case Reasoning(text=text):
                yield "<details><summary>Reasoning</summary>"
                yield fenced(clean(text), "text")
                yield "</details>"
            case Text(text=text) if text.strip():
                yield tame(clean(text))
            case ToolCall(call_id=call_id) if call_id in calls:
                yield from _call(calls.pop(call_id))
    for call in calls.values():
        yield from _call(call)


def _call(call: Call) -> Iterator[str]:
    code, language = code_of(call)
    title = clean(call.request.name)
    yield f"**{_plain(title)}**" + (" (as a person changed it)" if call.ran else "")
    yield fenced(clean(code), language)
    for remark in call.remarks:
        yield f"*{_plain(remark)}*"
    for stream, text in outputs_of(call.finished):
        yield f"{_plain(stream)}:"
        yield fenced(clean(text), "text")
    mark = "✓" if call.status == "ok" else "✗"
    yield f"{mark} {_plain(ending_of(call))}"


def _figures(turn: Turn) -> str:
    why = "" if turn.reason == "end_turn" else STOP_REASONS.get(turn.reason, turn.reason) + " · "
    return f"<sub>{_plain(why)}{took(turn.usage, turn.cost, turn.ms)}</sub>"


def _plain(text: str) -> str:
    """Return `text` as one line that means nothing in Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(clean(text).split()))


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in tame(text).split("\n"))
