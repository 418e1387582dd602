"""How the start of a chat is drawn: a `custom` event with the name `welcome` that no log keeps."""

from __future__ import annotations

from llmrepl.events import Custom, Unknown
from llmrepl_timeline.blocks import Block, Page
from llmrepl_timeline.lines import Line, Span, cells, fold, indented

ROWS = ("model", "sandbox", "session")
"""What is told, in this order, as far as it is known."""

GAP = 2


def welcome(block: Block, page: Page) -> list[Line]:
    """Return a row for each thing that is told, and the hint below them."""
    event = block.event
    data = event.data if isinstance(event, Custom | Unknown) else {}
    told = {name: str(data[name]) for name in ROWS if data.get(name)}
    column = max(map(cells, told), default=0) + GAP
    lines: list[Line] = []
    for name, text in told.items():
        lead: Line = (Span(name.ljust(column), "dim"),)
        style = "bad" if name in data.get("alarms", ()) else ""
        rows = page.narrower(column).text(text, style)
        lines += indented(rows, lead, (Span(" " * column),))
    hint = str(data.get("hint", ""))
    hints = page.told(hint, "dim") if hint else []
    return [row for whole in (*lines, *hints) for row in fold(whole, page.width)]
