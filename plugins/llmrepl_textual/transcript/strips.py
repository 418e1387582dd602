"""From a block to what Textual shows: styled lines, folded as the person wants them, as strips."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from llmrepl.errors import PluginError
from llmrepl.events import ReasoningDelta
from llmrepl.figures import counted
from llmrepl.sanitise import clean
from llmrepl.standing import Fragment
from llmrepl_textual.records import Records
from llmrepl_textual.themes import style_of
from llmrepl_textual.transcript.entries import Entry, Fold, block_of, page_of
from llmrepl_timeline.blocks import with_drawings
from llmrepl_timeline.drawings import DRAWINGS, unknown
from llmrepl_timeline.lines import TAB, Line, Span, fold, line, width_of


class Artist:
    """Draws entries.

    Args:
        records: where their records are.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._drawings = with_drawings(DRAWINGS)

    def lines(self, entry: Entry, width: int) -> list[Line]:
        """Return the lines of an entry, without its gap."""
        if entry.own is not None:
            return [*entry.own(width)]
        block = block_of(entry, self._records)
        page = page_of(entry, width)
        try:
            drawn = [*self._drawings.get(block.kind, unknown)(block, page)]
        except PluginError as error:
            return page.text(f"{error.message}\n  {error.hint}", "bad")
        if entry.fold is Fold.OPEN and entry.kind == ReasoningDelta.type:
            return [*drawn, *page.text(block.text, "dim", "  ")]
        if entry.fold is Fold.SHUT and len(drawn) > 1:
            more = f" … {counted(len(drawn) - 1, 'line')} more"
            first = next((spans for spans in drawn if spans), ())
            room = max(1, width - len(more))
            short = first if width_of(first) <= room else fold(first, room)[0]
            return [(*short, Span(more, "dim"))]
        return drawn


def strips(lines: Iterable[Line], theme: str, base: Style) -> list[Strip]:
    """Return lines as strips.

    Args:
        lines: whatever text is in them, it is made safe to show.
        theme: a name in `llmrepl_textual.themes.TEXTUAL`.
        base: what is below all styles.
    """
    return [Strip([_segment(span, theme, base) for span in spans]) for spans in lines]


def _segment(span: Span, theme: str, base: Style) -> Segment:
    text, names, link = span
    if not text.isprintable():
        text = clean(text.expandtabs(TAB)).replace("\n", " ")
    style = base + style_of(theme, names)
    if link and link.isascii() and link.isprintable():
        style += Style(link=link)
    return Segment(text, style)


def said(text: str) -> list[Line]:
    """Return lines of text as they are."""
    return [line(row) for row in clean(text).removesuffix("\n").split("\n")]


def as_wide(lines: Iterable[Line], width: int) -> list[Line]:
    """Return lines broken wherever they are full."""
    return [row for spans in lines for row in fold(spans, width)]


def drawn_lines(drawn: Iterable[Iterable[Fragment]]) -> list[Line]:
    """Return the lines of a view of `llmrepl.displays.views`."""
    return [tuple(Span(text, f"view.{style}") for style, text in row) for row in drawn]
