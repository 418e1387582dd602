"""Bars and columns of characters, and tables that leave out columns where it is narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from llmrepl.cells import cells, fit
from llmrepl_timeline.lines import Line, Span, line

T = TypeVar("T")

EIGHTHS = " ▏▎▍▌▋▊▉"
HEIGHTS = " ▁▂▃▄▅▆▇"
FULL = "█"
REST = "░"
GAP = "  "


class Column(NamedTuple, Generic[T]):
    """A column of figures: its title, its cells, and from how wide a screen on it is there."""

    title: str
    cells: int
    since: int
    text: Callable[[T], str]


def bar(part: float, whole: float, width: int, rest: str = "") -> str:
    """Return a bar that is as long as `part` is of `whole`; what is more than nothing is seen.

    Args:
        part: from 0 on; more than all of it fills the bar.
        whole: what fills it.
        width: cells of a full one.
        rest: stands for what is left of it; nothing where it is empty.
    """
    share = min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
    eighths = max(round(share * width * 8), 1 if share > 0 else 0)
    full, more = divmod(min(eighths, width * 8), 8)
    drawn = FULL * full + (EIGHTHS[more] if more else "")
    return drawn + rest * (width - len(drawn))


def columns(values: Sequence[float], height: int, each: int = 1) -> list[Line]:
    """Return a chart of so many rows, with a column of `each` cells for each value."""
    most = max(values, default=0)
    drawn = []
    for row in range(height, 0, -1):
        text = ""
        for value in values:
            eighths = round(value / most * height * 8) if most > 0 else 0
            eighths = max(eighths, 1 if value > 0 else 0) - (row - 1) * 8
            sign = FULL if eighths >= len(HEIGHTS) else HEIGHTS[max(0, eighths)]
            text += sign * each
        drawn.append(line(text, "mark"))
    return drawn


def table(
    title: str,
    rows: Sequence[tuple[str, T, str]],
    shown: Sequence[Column[T]],
    width: int,
    *,
    total: int = 0,
) -> list[Line]:
    """Return a table: a name, its figures to the right, and what is left of the line.

    Args:
        title: of the names.
        rows: each with its name, what the figures are of, and what stands behind them.
        shown: the columns; those that are for wider screens are left out.
        width: cells of a line.
        total: how many rows at the end are sums.
    """
    present = [column for column in shown if width >= column.since]
    figures = sum(column.cells + len(GAP) for column in present)
    behind = max((cells(more) for _, _, more in rows), default=0)
    name_cells = max([cells(title), *(cells(name) for name, _, _ in rows)])
    room = max(8, width - figures - (behind + len(GAP) if behind else 0))
    name_cells = min(name_cells, room)
    head = fit(title, name_cells) + "".join(
        GAP + fit(column.title, column.cells, right=True) for column in present
    )
    drawn = [line(head, "dim")]
    for at, (name, of, more) in enumerate(rows):
        style = "strong" if at >= len(rows) - total else ""
        text = fit(name, name_cells) + "".join(
            GAP + fit(column.text(of), column.cells, right=True) for column in present
        )
        drawn.append((Span(text, style), Span(f"{GAP}{more}" if more else "", "mark")))
    return drawn
