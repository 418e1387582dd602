"""How the result of a call is drawn: its outputs, folded where they are long, and how it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from llmrepl.events import ToolFinished, ToolRequested
from llmrepl.figures import duration
from llmrepl.parts import Image, Output, Text
from llmrepl.sanitise import clean
from llmrepl_timeline.blocks import Block, Page
from llmrepl_timeline.lines import TAB, Line, Span, fold, indented, line

MARKS = {
    "ok": ("ok", "ok"),
    "error": ("bad", "bad"),
    "timeout": ("bad", "bad"),
    "limit": ("bad", "bad"),
    "denied": ("bad", "warn"),
    "cancelled": ("bad", "warn"),
    "unknown": ("unknown", "warn"),
}
"""The sign and the style of each status."""

HEAD, TAIL = 12, 8
"""Lines that are shown of an output's beginning and end, where it is longer than both."""

LONGEST, LINE_HEAD, LINE_TAIL = 2_000, 1_000, 200
"""Characters of a line that is cut, and those that are shown of its beginning and end."""

LABEL = 30
"""Characters of a call's arguments beside its name."""

STYLES = {"stderr": "bad", "error": "bad"}
DIFF_STYLES = {"+": "added", "-": "removed", "@": "place"}


def result(block: Block, page: Page) -> list[Line]:
    """Return the lines of a finished call."""
    event = cast("ToolFinished", block.event)
    lines: list[Line] = []
    inner = replace(page.narrower(2), rest=page.rest.replace("{call}", event.call_id))
    if event.display:
        lines += folded(event.display, "", inner)
    else:
        for part in event.parts:
            match part:
                case Output(stream="diff", text=text):
                    lines += folded(text, "diff", inner)
                case Output(stream=stream, text=text):
                    lines += folded(text, STYLES.get(stream, ""), inner)
                case Text(text=text):
                    lines += folded(text, "", inner)
                case Image(media_type=kind, path=path):
                    lines += folded(f"[image: {path or kind}]", "emphasis", inner)
    lines = [(Span("  "), *row) if row else () for row in lines]
    signs = page.signs
    mark, style = MARKS.get(event.status, MARKS["unknown"])
    ending = signs.told(f"{getattr(signs, mark)} {_ending(event, block)}".strip())
    end = page.narrower(len(signs.result)).text(ending, style)
    return [*lines, *indented(end, line(signs.result, "call"), line(signs.within))]


def _ending(event: ToolFinished, block: Block) -> str:
    name = f"{_label(block.call)} " if block.together and block.call else ""
    notes = [f"{name}{event.status}"]
    if event.exit_code and f"exit code {event.exit_code}" not in event.reason:
        notes.append(f"exit {event.exit_code}")
    notes.append(duration(event.ms))
    if event.dropped_bytes:
        notes.append(f"{event.dropped_bytes} bytes dropped")
    if event.artifacts:
        notes.append("left " + ", ".join(event.artifacts))
    notes += filter(None, (event.reason, event.given))
    return " · ".join(notes)


def _label(call: ToolRequested) -> str:
    """Return what tells a call from those beside it: its name, and a tool's arguments."""
    if call.language != "tool":
        return call.name
    values = " ".join(map(str, call.arguments.values()))
    return f"{call.name} {values[:LABEL]}".rstrip()


def folded(text: str, style: str, page: Page) -> list[Line]:
    """Return a program's output: as it is where it is short, else its beginning and its end."""
    source = clean(text).removesuffix("\n").split("\n") if text else []
    if len(source) > HEAD + TAIL + 1 and not page.whole:
        left_out = len(source) - HEAD - TAIL
        rest = f": {page.rest}" if page.rest else ""
        note = page.told(f"… {left_out} lines more{rest}", "dim")
        return [*rows(source[:HEAD], style, page), *note, *rows(source[-TAIL:], style, page)]
    return rows(source, style, page)


def rows(source: list[str], style: str, page: Page) -> list[Line]:
    """Return lines of output, broken where the terminal ends."""
    lines: list[Line] = []
    for text in source:
        own = DIFF_STYLES.get(text[:1], "") if style == "diff" else style
        shown = text.expandtabs(TAB * 2) if len(text) <= LONGEST else _cut(text)
        lines += fold((Span(shown, own),) if shown else (), page.width)
    return lines


def _cut(text: str) -> str:
    left_out = len(text) - LINE_HEAD - LINE_TAIL
    return f"{text[:LINE_HEAD]} … {left_out} characters more … {text[-LINE_TAIL:]}"
