"""Tables: the first rows give the columns their widths, so that later ones can follow at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmrepl_timeline.lines import Line, Span, cells, plain, width_of, wrap
from llmrepl_timeline.markdown.inline import inline
from llmrepl_timeline.markdown.parsing import siblings

if TYPE_CHECKING:
    from markdown_it.token import Token

MEASURED = 20
"""Rows that the widths are taken from."""

NARROWEST = 4
"""Cells of a column below which a row is written as one line for each of its cells."""

GAP = " │ "
Row = list[list[Span]]


@dataclass(frozen=True)
class Table:
    """What the rows of a table are drawn with.

    `natural` are the widths that the columns would like to have; `sides` is left, right or center.
    Where the cells are `listed`, each has a line of its own, behind its title.
    """

    titles: Row
    natural: tuple[int, ...]
    sides: tuple[str, ...]
    listed: bool = False

    def head(self, width: int) -> list[Line]:
        """Return the titles and the rule below them; nothing where columns do not fit."""
        widths = self._fit(width)
        if not widths:
            return []
        rule = "─┼─".join("─" * size for size in widths)
        return [*self._row(self.titles, widths), (Span(rule, "frame"),)]

    def row(self, row: Row, width: int) -> list[Line]:
        """Return one row, on as many lines as it needs."""
        widths = self._fit(width)
        if widths:
            return self._row(row, widths)
        lines: list[Line] = []
        for title, cell in zip(self.titles, row, strict=True):
            lines += wrap([*title, Span(": ", "frame"), *cell], width)
        return [*lines, ()]

    def _row(self, row: Row, widths: list[int]) -> list[Line]:
        columns = [wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
        lines: list[Line] = []
        for at in range(max(map(len, columns), default=0)):
            spans: list[Span] = []
            for column, size, side in zip(columns, widths, self.sides, strict=True):
                if spans:
                    spans.append(Span(GAP, "frame"))
                spans += _aligned(column[at] if at < len(column) else (), size, side)
            while spans and not spans[-1].text.strip(" "):
                spans.pop()
            lines.append(tuple(spans))
        return lines

    def _fit(self, width: int) -> list[int]:
        """Return the columns' widths: the widest give way first. None where they cannot."""
        if self.listed:
            return []
        room = width - len(GAP) * (len(self.natural) - 1)
        if sum(self.natural) <= room:
            return [*self.natural]
        if room < NARROWEST * len(self.natural):
            return []
        widths = [0] * len(self.natural)
        order = sorted(range(len(widths)), key=self.natural.__getitem__)
        for done, column in enumerate(order):
            widths[column] = min(self.natural[column], room // (len(order) - done))
            room -= widths[column]
        return widths


def _aligned(spans: Line, size: int, side: str) -> list[Span]:
    space = max(0, size - width_of(spans))
    before = {"right": space, "center": space // 2}.get(side, 0)
    pads = (Span(" " * before), *spans, Span(" " * (space - before)))
    return [span for span in pads if span.text]


def table_of(block: list[Token], *, links: bool, listed: bool = False) -> tuple[Table, list[Row]]:
    """Return a table and its rows."""
    head, *body = siblings(block[1:-1])
    titles_row = siblings(head[1:-1])[0]
    titles = [
        [span._replace(style=f"{span.style} title".strip()) for span in cell]
        for cell in _cells(titles_row, links=links)
    ]
    rows = [_cells(row, links=links) for row in siblings(body[0][1:-1])] if body else []
    sides = tuple(
        str(token.attrs.get("style", "")).removeprefix("text-align:")
        for token in titles_row
        if token.type == "th_open"
    )
    measured = [titles, *rows[:MEASURED]]
    natural = tuple(
        max(1, *(cells(plain(row[column])) for row in measured)) if measured else 1
        for column in range(len(titles))
    )
    return Table(titles, natural, sides, listed), rows


def _cells(row: list[Token], *, links: bool) -> Row:
    return [inline(token, links=links) for token in row if token.type == "inline"]
