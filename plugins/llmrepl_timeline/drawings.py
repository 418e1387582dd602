"""How each kind of block is drawn: a table of functions from a block to its lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from llmrepl.conversation import APPROVALS, verdict
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    CheckFinished,
    Custom,
    ErrorRaised,
    MessageFinished,
    NetworkRequested,
    NoteAdded,
    ToolRequested,
    TurnFinished,
    TurnStarted,
    Unknown,
    encode,
)
from llmrepl.figures import duration, money, tokens, turn_line
from llmrepl.parts import text_of
from llmrepl_timeline.blocks import Block, Drawing, Page
from llmrepl_timeline.cognition import chosen, cognition, compacted, failed, restored, trimmed
from llmrepl_timeline.lines import Line, indented, line
from llmrepl_timeline.results import result
from llmrepl_timeline.welcome import welcome

STOPS = {
    "max_tokens": "the model reached its output limit",
    "max_steps": "the turn reached its number of steps",
    "max_time": "the turn reached its wall time",
    "budget": "a budget has no room for another call",
    "repetition": "the model kept sending the same call",
    "refusal": "the model refused",
    "cancelled": "a person interrupted",
    "interrupted": "the process ended in the middle",
    "error": "the model's service failed",
}
"""Why a turn stopped before the model had answered."""

TYPERS = {"person": " · typed", "aside": " · typed, not for the model"}
"""How a call that the person typed is told from the model's."""

CHECKS = {"ok": "ok", "warning": "warn", "failed": "bad"}
"""The style of a check's status, and its sign."""

MOST = 12
"""Touches of a call that are shown; of its dangers all are."""

PROMPT_HEAD, PROMPT_TAIL = 30, 10
"""Lines that are shown of a prompt's beginning and end, where it is longer: it was pasted."""

PROMPT_LONG, PROMPT_PIECE = 100_000, 20_000
"""Characters of a prompt of which only the beginning and the end are broken into lines, and of
these: breaking all of it would hold up whoever draws."""

PLAIN_ROWS = 3
"""Lines of a block that nobody knows how to draw."""


def _prompt(block: Block, page: Page) -> list[Line]:
    text = text_of(cast("TurnStarted", block.event).prompt)
    inner = page.narrower(len(page.signs.prompt))
    more = ""
    if len(text) > PROMPT_LONG and not page.whole:
        head = inner.text(text[:PROMPT_PIECE], "prompt")
        tail = inner.text(text[-PROMPT_PIECE:], "prompt")
        more = f"{len(text):,} characters in all"
    else:
        head = tail = inner.text(text, "prompt")
        if len(head) > PROMPT_HEAD + PROMPT_TAIL + 1 and not page.whole:
            more = f"{len(head) - PROMPT_HEAD - PROMPT_TAIL} lines more"
    if more:
        rest = f": {page.rest.replace('{call}', 'prompt')}" if page.rest else ""
        head = [*head[:PROMPT_HEAD], *inner.told(f"… {more}{rest}", "dim"), *tail[-PROMPT_TAIL:]]
    return indented(head, line(page.signs.prompt, "prompt"), line(page.signs.under))


def _response(block: Block, page: Page) -> list[Line]:
    return page.markdown(block.text)


def _reasoning(block: Block, page: Page) -> list[Line]:
    took = f" for {duration(block.ms)}" if block.ms else ""
    return page.told(f"Thought{took} · {tokens(block.tokens, estimated=True)} tokens", "dim")


def _call(block: Block, page: Page) -> list[Line]:
    event = cast("ToolRequested", block.event)
    code = event.arguments.get("code")
    if not isinstance(code, str):
        code = _arguments(event.arguments, page.width - len(page.signs.code))
    whose = TYPERS.get(event.origin, "")
    return [
        *page.text(f"{page.signs.call}{event.name}{whose}", "call"),
        *page.code(code, event.language, line(page.signs.code, "call")),
    ]


def _arguments(arguments: Mapping[str, object], room: int) -> str:
    """Return a tool's arguments as JSON: on one line where they fit."""
    short = json.dumps(dict(arguments), ensure_ascii=False)
    return (
        short if len(short) <= room else json.dumps(dict(arguments), ensure_ascii=False, indent=2)
    )


def _message(block: Block, page: Page) -> list[Line]:
    """What the message cost, where calls follow; of the last one the turn's own line tells it."""
    event = cast("MessageFinished", block.event)
    if block.call is None:
        return []
    usage, cost = event.usage, event.cost
    sent = tokens(usage.input_tokens, estimated=usage.estimated)
    said = tokens(usage.output_tokens, estimated=usage.estimated)
    price = money(None) if cost is None else money(cost.total, estimated=cost.estimated)
    took = duration(event.total_ms)
    lead = page.signs.spent
    told = page.narrower(len(lead)).told(f"↑ {sent} ↓ {said} · {price} · {took}", "dim")
    return indented(told, line(lead, "call"), line(page.signs.code.ljust(len(lead)), "call"))


def _network(block: Block, page: Page) -> list[Line]:
    event = cast("NetworkRequested", block.event)
    place = f"{event.host}:{event.port}" if event.host else "?"
    answer = "allowed" if event.decision == "allow" else "refused"
    text = " ".join(f"network: {event.method} {place} {answer}".split())
    if event.reason:
        text += f" · {event.reason}"
    return page.told(text, "dim" if event.decision == "allow" else "warn", "  ")


def _decided(block: Block, page: Page) -> list[Line]:
    """What was asked, unless somebody has shown it on the terminal, and the answer."""
    event = cast("ApprovalDecided", block.event)
    style = "dim" if event.decision in APPROVALS else "warn"
    asked = _asked(block.asked, page) if block.asked else []
    return [*asked, *page.text(verdict(event), style)]


def _asked(asked: ApprovalRequested, page: Page) -> list[Line]:
    lines = page.text(f"? {asked.question}", "strong")
    for danger in asked.dangers:
        lines += page.text(f"{page.signs.warn} {danger}", "bad", "  ")
    for touch in asked.touches[:MOST]:
        lines += page.text(f"{page.signs.item} {touch}", "", "  ")
    if len(asked.touches) > MOST:
        lines += page.text(f"{page.signs.item} and {len(asked.touches) - MOST} more", "", "  ")
    return lines


def _error(block: Block, page: Page) -> list[Line]:
    event = cast("ErrorRaised", block.event)
    hint = page.text(event.hint, "dim", "  ") if event.hint else []
    return [*page.text(f"error: {event.message}", "bad"), *hint]


def _note(block: Block, page: Page) -> list[Line]:
    event = cast("NoteAdded", block.event)
    return [] if event.audience == "model" else page.text(f"note: {event.text}", "warn")


def _check(block: Block, page: Page) -> list[Line]:
    event = cast("CheckFinished", block.event)
    style = CHECKS.get(event.status, "bad")
    mark = getattr(page.signs, style) or event.status
    quiet = "dim" if event.status == "ok" else style  # what is well is no news
    lines = page.text(f"{mark} {event.name}: {event.message}", quiet)
    return [*lines, *(page.text(event.fix, "dim", "    ") if event.fix else ())]


def _turn(block: Block, page: Page) -> list[Line]:
    event = cast("TurnFinished", block.event)
    lines: list[Line] = []
    if event.reason != "end_turn":
        lines += page.text(f"stopped: {STOPS.get(event.reason, event.reason)}", "warn")
    spent = block.spent
    told = turn_line(event.usage, event.cost, event.ms, spent.cost, spent.unpriced)
    return [*lines, *page.told(told, "dim")]


def unknown(block: Block, page: Page) -> list[Line]:
    """Return a block that nobody knows how to draw: its name and data, cut where that is long."""
    event = block.event
    data = event.data if isinstance(event, Custom | Unknown) else encode(event)
    text = json.dumps(dict(data), ensure_ascii=False)[: PLAIN_ROWS * page.width]
    return page.text(f"{block.kind} {text}", "dim")[:PLAIN_ROWS]


def _nothing(_: Block, __: Page) -> list[Line]:
    return []


DRAWINGS: Mapping[str, Drawing] = {
    "turn.started": _prompt,
    "text.delta": _response,
    "reasoning.delta": _reasoning,
    "tool.requested": _call,
    "message.finished": _message,
    "model.chosen": chosen,
    "request.failed": failed,
    "network.requested": _network,
    "approval.decided": _decided,
    "tool.finished": result,
    "error.raised": _error,
    "note.added": _note,
    "check.finished": _check,
    "context.trimmed": trimmed,
    "context.compacted": compacted,
    "context.restored": restored,
    "cognition": cognition,
    "welcome": welcome,
    "turn.finished": _turn,
    **dict.fromkeys(
        (
            "step.started",
            "step.finished",
            "tool.started",
            "approval.requested",
            "config.changed",
            "context.pinned",
            "paused",
            "system.set",
        ),
        _nothing,
    ),
}
"""Every kind of block there is; a kind without a drawing is drawn by `unknown`."""
