"""A place in a session as lines: where it is on the scrubber's bar, and how the session stood."""

from __future__ import annotations

import time
from collections.abc import Iterable

from llmrepl.cells import elided
from llmrepl.conversation import Conversation
from llmrepl.figures import duration, spent, tokens
from llmrepl.record import Record
from llmrepl.sessions.cells import one_line
from llmrepl_textual.studying.scrubber import INSTANT, Scrubber
from llmrepl_textual.studying.states import Stand
from llmrepl_timeline.lines import Line, Span, line

LEAD = 10
"""Cells before the bar: whether it plays, and how fast."""


def bar(scrubber: Scrubber, total: int, width: int) -> Line:
    """Return the scrubber's bar, with a mark where a turn begins.

    Args:
        scrubber: where it is.
        total: how many records there are.
        width: cells.
    """
    speed = "instant" if scrubber.speed == INSTANT else f"{scrubber.speed:g}×"
    count = f" {scrubber.at}/{total}"
    room = max(1, width - LEAD - len(count))
    knob = _cell(scrubber.at, total, room)
    marks = {_cell(seq, total, room) for _, seq in scrubber.turns}
    marks = marks if 2 * len(marks) <= room else set()
    before, after = (
        "".join("┿" if at in marks else "━" for at in range(knob)),
        "".join("┼" if at in marks else "─" for at in range(knob + 1, room)),
    )
    sign = "▶" if scrubber.playing else "■" if scrubber.ended else "‖"
    return (
        Span(f"{sign} {speed}".ljust(LEAD)[:LEAD], "strong"),
        Span(before, "call"),
        Span("●", "strong"),
        Span(after, "dim"),
        Span(count),
    )


def place_on(x: int, total: int, width: int) -> int | None:
    """Return how many records are shown where the bar is clicked; None beside it.

    Args:
        x: the cell that was clicked.
        total: how many records there are.
        width: cells of the bar, with what stands before and behind it.
    """
    room = max(1, width - LEAD - len(f" {total}/{total}"))
    at = x - LEAD
    return round(at * total / max(1, room - 1)) if 0 <= at < room else None


def _cell(at: int, total: int, room: int) -> int:
    return at * (room - 1) // max(1, total)


def standing(stand: Stand, at: int, records: list[Record], width: int) -> list[Line]:
    """Return how a session stood, in two lines.

    Args:
        stand: what its first records fold to.
        at: how many these are.
        records: all of its records.
        width: cells of a line.
    """
    state, spend = stand.state, stand.state.session_spend
    record = records[at - 1] if at else None
    where: Iterable[str] = (
        f"turn {state.turn}" + (f", step {state.step}" if state.step else ""),
        state.phase.value,
        _calls(state),
        record.event.type if record else "",
        _moment(record, records[0]) if record else "before the first record",
    )
    usage = spend.usage
    sent = tokens(usage.input_tokens, estimated=usage.estimated)
    said = tokens(usage.output_tokens, estimated=usage.estimated)
    figures: Iterable[str] = (
        f"↑ {sent} ↓ {said}",
        spent(spend.cost, spend.unpriced),
        f"context {tokens(stand.context, estimated=stand.estimated)}" if stand.context else "",
        stand.model,
    )
    return [
        line(elided(one_line(" · ".join(filter(None, part))), width), style)
        for part, style in ((where, ""), (figures, "dim"))
    ]


def _calls(state: Conversation) -> str:
    return ", ".join(f"{call.request.name} {call.progress.value}" for call in state.calls)


def _moment(record: Record, first: Record) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(record.at / 1000))
    return f"{clock} (+{duration(max(0, record.at - first.at))})"
