"""What is told of the chosen span, or of all of them where none is."""

from __future__ import annotations

from collections.abc import Iterator

from llmrepl.conversation import Spend
from llmrepl.figures import cached, counted, duration, rate, spent, tokens
from llmrepl_textual.bars.axis import Axis
from llmrepl_textual.bars.drawing import clock
from llmrepl_textual.bars.labels import flow, plain, price, took
from llmrepl_textual.bars.spans import CALL, KINDS, MODEL, TURN, Span, Spans
from llmrepl_textual.bars.statuses import sign_of
from llmrepl_timeline.lines import Line, line, wrap
from llmrepl_timeline.lines import Span as Styled

GAP = " · "
TITLES = {"model": "model call", "call": "tool call", "approval": "question", "mark": "note"}
COUNTED = {TURN: "turn", MODEL: "model call", CALL: "tool call"}


def of_span(span: Span, began: int, now: int, width: int) -> list[Line]:
    """Return what is told of a span, in lines.

    Args:
        span: what to tell of.
        began: when the session did, in Unix milliseconds.
        now: until when that goes on which goes on.
        width: of the lines.
    """
    sign, style = sign_of(span.status)
    title = TITLES.get(span.kind, span.kind)
    head = [Styled(f"{sign} ", style), Styled(f"{title} ", "strong"), Styled(plain(span.label))]
    lines = [*wrap(head, width)]
    for text in _told(span, began, now):
        lines += wrap([Styled(text)], width)
    if span.note:
        lines += wrap([Styled(plain(span.note), style)], width)
    return lines


def _told(span: Span, began: int, now: int) -> Iterator[str]:
    place = f"step {span.turn}.{span.step}" if span.step else f"turn {span.turn}"
    records = f"record {span.seq}" + (f" to {span.last}" if span.last > span.seq else "")
    at = f"at {clock(span.begin - began, 1)}"
    yield _joined(span.status, took(span, now), place if span.turn else "", records, at)
    if span.usage is None:
        return
    kept = cached(span.usage)
    thought = span.usage.reasoning_tokens
    yield _joined(
        f"{flow(span)} tokens" if flow(span) else "",
        f"{kept} from the cache" if kept else "",
        f"{tokens(thought)} of them thought" if thought else "",
        price(span),
    )
    if span.kind == MODEL and span.first is not None:
        writing = span.until(now) - span.first
        yield _joined(
            f"first token after {duration(span.first - span.begin)}",
            rate(span.usage.output_tokens, writing) if span.usage.output_tokens else "",
        )


def of_all(spans: Spans, axis: Axis, width: int) -> list[Line]:
    """Return what is told of a session, in lines."""
    if not spans.began:
        return [line("Nothing has happened yet.", "dim")]
    found = {kind: [span for span in spans if span.kind == kind] for kind in KINDS}
    counts = (counted(len(found[kind]), noun) for kind, noun in COUNTED.items())
    spend = Spend()
    for span in found[MODEL]:
        if span.usage is not None:
            spend = spend.add(span.usage, span.cost)
    usage = spend.usage
    idle = sum(gap.ms for gap in axis.gaps)
    texts = (
        _joined(*counts),
        _joined(
            f"↑ {tokens(usage.input_tokens)} ↓ {tokens(usage.output_tokens)} tokens",
            spent(spend.cost, spend.unpriced),
            f"{duration(axis.ended - axis.began - idle)} of work",
            f"{duration(idle)} idle, cut" if idle else "",
        ),
    )
    lines = [row for text in texts for row in wrap([Styled(text)], width)]
    return [*lines, *wrap([Styled("Arrows choose a bar, Enter shows all of it.", "dim")], width)]


def _joined(*parts: str) -> str:
    return GAP.join(filter(None, parts))
