"""How it is drawn that something was thought over: what was decided, why, and what that took.

`context.compacted` is one such event. Plugins record others as `custom` events with the name
`cognition`; any of their data may be absent. `docs/how-to/write-a-display.md` describes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from llmrepl.events import (
    ContextCompacted,
    ContextRestored,
    ContextTrimmed,
    Custom,
    ModelChosen,
    RequestFailed,
    Unknown,
)
from llmrepl.figures import duration, money, tokens
from llmrepl_timeline.blocks import Block, Page
from llmrepl_timeline.lines import Line, indented, line


def compacted(block: Block, page: Page) -> list[Line]:
    """Return the lines of a compaction: how much gave way, and the summary that stands for it."""
    event = cast("ContextCompacted", block.event)
    if event.problem:
        decided = "no summary came, so the context is as it was"
        lines = [*_head("compaction", decided, page), *page.text(event.problem, "warn", "  ")]
        return [*lines, *page.told(_took(event), "dim", "  ")]
    sizes = f"{tokens(event.tokens_before)} → {tokens(event.tokens_after)} tokens"
    gone = event.replaced - len(event.kept)
    decided = f"{_count(gone, 'message')} gave way to a summary · {sizes}"
    lines = _head("compaction", decided, page)
    lines += page.text(event.summary, "dim", "  ")
    kept = f"{_count(len(event.kept), 'earlier prompt')}, and " if event.kept else ""
    if event.provider:
        kept = f"kept as it was: {kept}all that came after; /uncompact sends all again"
        lines += page.text(kept, "dim", "  ")
    if event.focus:
        lines += page.text(f"kept in mind: {event.focus}", "dim", "  ")
    return [*lines, *(page.told(_took(event), "dim", "  ") if event.provider else ())]


def trimmed(block: Block, page: Page) -> list[Line]:
    """Return the line of a trimming: how many outputs lost their middle."""
    event = cast("ContextTrimmed", block.event)
    decided = (
        f"{_count(event.outputs, 'long output')} lost {event.dropped} characters"
        " in what is sent; the session has all of it"
    )
    return _head("trimming", decided, page)


def restored(block: Block, page: Page) -> list[Line]:
    """Return the line of a compaction that was taken back."""
    event = cast("ContextRestored", block.event)
    sizes = f"{tokens(event.tokens_before)} → {tokens(event.tokens_after)} tokens"
    return _head("compaction", f"taken back, all is sent again · {sizes}", page)


def chosen(block: Block, page: Page) -> list[Line]:
    """Return the lines of a choice among models: which, why, and why not those before it."""
    event = cast("ModelChosen", block.event)
    purpose = "" if event.purpose == "main" else f" for {event.purpose}"
    lines = _head(f"routing{purpose}", f"{event.provider}/{event.model}", page)
    if event.reason:
        lines += page.text(f"because {event.reason}", "dim", "  ")
    for passed in event.passed:
        lines += page.text(f"not {passed}", "dim", "  ")
    return lines


def failed(block: Block, page: Page) -> list[Line]:
    """Return the lines of a request that failed: why, and who is asked next."""
    event = cast("RequestFailed", block.event)
    lines = page.text(f"{page.signs.warn} {event.message}", "warn")
    return [*lines, *_head("routing", event.going_on, page)]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _took(event: ContextCompacted) -> str:
    usage = event.usage
    sent = tokens(usage.input_tokens, estimated=usage.estimated)
    said = tokens(usage.output_tokens, estimated=usage.estimated)
    cost = money(event.cost.total if event.cost else None)
    return f"↑ {sent} ↓ {said} tokens · {cost} · {duration(event.ms)}"


def cognition(block: Block, page: Page) -> list[Line]:
    """Return the lines of a plugin's `cognition`: activity, decision, reason, options, figures."""
    event = block.event
    data = event.data if isinstance(event, Custom | Unknown) else {}
    lines = _head(_text(data, "activity") or "cognition", _text(data, "decision"), page)
    if reason := _text(data, "reason"):
        lines += page.text(f"because {reason}", "dim", "  ")
    options = data.get("options")
    if isinstance(options, list | tuple) and options:
        lines += page.text(f"instead of {', '.join(map(str, options))}", "dim", "  ")
    if figures := _figures(data):
        lines += page.told(figures, "dim", "  ")
    return lines


def _head(activity: str, decision: str, page: Page) -> list[Line]:
    lead = page.signs.cognition
    told = page.signs.told(f"{activity}: {decision}" if decision else activity)
    return indented(page.narrower(len(lead)).text(told, "place"), line(lead, "place"), line("  "))


def _figures(data: Mapping[str, Any]) -> str:
    """Return `↑ 310 ↓ 20 tokens · 140 ms`, as far as it is told."""
    notes = []
    counts = [data.get(name) for name in ("input_tokens", "output_tokens")]
    if all(isinstance(count, int) for count in counts):
        sent, said = cast("list[int]", counts)
        notes.append(f"↑ {tokens(sent)} ↓ {tokens(said)} tokens")
    ms = data.get("ms")
    if isinstance(ms, int | float) and ms:
        notes.append(duration(ms))
    return " · ".join(notes)


def _text(data: Mapping[str, Any], name: str) -> str:
    found = data.get(name, "")
    return found if isinstance(found, str) else str(found)
