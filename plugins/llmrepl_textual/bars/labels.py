"""What is written on a bar: the longest of its forms that has room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmrepl.cells import cells, elided
from llmrepl.figures import duration, money, tokens
from llmrepl.sanitise import clean
from llmrepl_textual.bars.spans import CALL, MARK, MODEL, STEP, TURN, WAIT, Span

HEAD = 12
"""Cells of a label from which on its beginning is worth writing."""

GAP = " · "

NAMES: Mapping[str, str] = {
    TURN: "turns",
    STEP: "steps",
    MODEL: "model",
    CALL: "calls",
    WAIT: "asked",
    MARK: "notes",
}
"""What the rows of each kind are called."""

FORMS: Mapping[str, Sequence[str]] = {
    TURN: ("label flow price took", "label price took", "label took", "label", "number"),
    STEP: ("label flow price took", "label price took", "label took", "label"),
    MODEL: (
        "label flow price took",
        "name flow price took",
        "flow price took",
        "flow price",
        "flow",
    ),
    CALL: ("label took", "name took", "name"),
    WAIT: ("label note took", "note took", "note"),
    MARK: ("label",),
}
"""What a bar tells, of each kind of span, the longest form first."""


def plain(text: str) -> str:
    """Return text as it can stand on one line."""
    return " ".join(clean(text).split())


def flow(span: Span) -> str:
    """Return the tokens of a span, sent and received; empty where none were counted."""
    usage = span.usage
    if usage is None or not (usage.input_tokens or usage.output_tokens):
        return ""
    sent = tokens(usage.input_tokens, estimated=usage.estimated)
    return f"↑{sent} ↓{tokens(usage.output_tokens, estimated=usage.estimated)}"


def price(span: Span) -> str:
    """Return what a span cost; empty where nothing was counted."""
    if span.usage is None:
        return ""
    return money(span.cost.total, estimated=span.cost.estimated) if span.cost else money(None)


def took(span: Span, now: int) -> str:
    """Return how long a span took; empty for what takes no time."""
    ms = span.until(now) - span.begin
    return duration(ms) if ms or span.end is None else ""


def parts_of(span: Span, now: int) -> dict[str, str]:
    """Return what can be told of a span, by the words of `FORMS`."""
    text = plain(span.label)
    name = text.rpartition("/")[2] if span.kind == MODEL else text.partition(" ")[0]
    return {
        "label": f"{span.turn} {text}" if span.kind == TURN else text,
        "number": str(span.turn),
        "name": name,
        "note": plain(span.note),
        "flow": flow(span),
        "price": price(span),
        "took": took(span, now),
    }


def label(span: Span, room: int, now: int) -> str:
    """Return what is written on a span's bar, in `room` cells at the most."""
    parts = parts_of(span, now)
    for form in FORMS[span.kind]:
        head, *tail = [parts[word] for word in form.split() if parts[word]] or [""]
        rest = "".join(GAP + text for text in tail)
        left = room - cells(rest)
        if cells(head) <= left:
            return head + rest
        if left >= HEAD and form.startswith("label"):
            return elided(head, left) + rest
    return ""
