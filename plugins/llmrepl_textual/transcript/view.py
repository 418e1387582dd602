"""A view of rows: which of them are seen, and how they look. It holds rows, not widgets.

What stands in view stays where it is, whatever becomes known of the heights of what does not. At
the end it follows what comes. A row that was drawn is drawn again only where it looks different.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from llmrepl_textual.selecting import SELECTED, set_off, within
from llmrepl_textual.transcript.bar import Bar
from llmrepl_textual.transcript.entries import Entry, Fold
from llmrepl_textual.transcript.rows import Rows
from llmrepl_textual.transcript.strips import strips
from llmrepl_timeline.lines import Line

GUTTER = 2
"""Cells before each row: what is chosen, and what is folded."""

KEPT = 1_000
"""Rows that are kept as they were drawn, with all that is around them."""

SIGNS = {Fold.SHUT: "▸", Fold.USUAL: " ", Fold.OPEN: "▾"}
EMPTY = Strip([])


class _Row(NamedTuple):
    """What a row is made of: what stands before it, and its content."""

    lead: Strip
    content: Strip


class RowsView(ScrollView):
    """Shows rows, and below them what goes on.

    Args:
        theme: returns the name of the theme that holds.

    Attributes:
        rows: all that has happened.
        below: what goes on.
        marked: the entry whose rows have a mark: its index, -1 for none.
    """

    DEFAULT_CSS = """
    RowsView {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, theme: Callable[[], str], name: str) -> None:
        super().__init__(id=name)
        self._theme = theme
        self.rows = Rows(self._strips)
        self.below: list[Strip] = []
        self._following = True
        self._settling = False
        self._base = Style()
        self._leads: dict[tuple[str, bool], Strip] = {}
        self._look: tuple[object, ...] = ()
        self._finished: dict[int, tuple[_Row, Strip]] = {}

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """The scroll bar; it is made when it is asked for."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = Bar(name="vertical", thickness=1)
            self._vertical_scrollbar.display = False
            start = self.app._start_widget  # noqa: SLF001 - Textual lets nobody choose the bar
            start(self, self._vertical_scrollbar)
        return self._vertical_scrollbar

    # What a subclass says

    def lines(self, entry: Entry, width: int) -> list[Line]:
        """Return the lines of an entry, without its gap."""
        raise NotImplementedError

    @property
    def marked(self) -> int:
        """The entry whose rows have a mark: its index, -1 for none."""
        return -1

    # Which rows are seen

    @property
    def top(self) -> int:
        """The first row in view."""
        return self.scroll_offset.y

    def at(self, row: int) -> tuple[int, int]:
        """Return the entry that a row is in, and which of its rows; -1 where it is in none."""
        return self.rows.heights.find(row) if 0 <= row < self.rows.total else (-1, row)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow what comes where the end is in view, and measure what comes into view."""
        super().watch_scroll_y(old_value, new_value)
        if not self._settling:
            self._following = new_value >= self.max_scroll_y
            self.show(round(new_value), round(old_value))

    def show(self, top: int, before: int | None = None) -> None:
        """Let a row be the first in view, with exact heights of what is in view.

        Args:
            top: the row.
            before: the row that was; None where heights have changed since.
        """
        if self._settling or not self.size.height:
            return
        self._settling = True
        try:
            top = self._measured(top, before)
            total = self.rows.total + len(self.below)
            self._be_high(total)
            if self._following:
                top = total - self.size.height
            self.scroll_y = self.scroll_target_y = max(0, top)
        finally:
            self._settling = False
        self.refresh()

    def bring(self, at: int) -> None:
        """Bring an entry into view: all of it, or its beginning."""
        self.rows.measure(at)
        begins, height = self.rows.heights.above(at), self.rows.heights[at]
        top, end = self.top, self.top + self.size.height
        if begins < top or height > self.size.height:
            self._go(begins)
        elif begins + height > end:
            self._go(begins + height - self.size.height)

    def _go(self, top: int) -> None:
        self._following = False
        self.show(top)
        self._following = self.scroll_y >= self.max_scroll_y

    def _be_high(self, total: int) -> None:
        """Have so many rows. Nothing else is laid out anew for it, as Textual would."""
        size = Size(self.rows.width + GUTTER, total)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            bar = self.vertical_scrollbar
            bar.window_virtual_size, bar.window_size = total, self.size.height
            bar.refresh()

    def _measured(self, top: int, before: int | None) -> int:
        """Measure what is in view; return where `top` is now."""
        rows, height = self.rows, self.size.height
        if self._following:
            self._measure_up(height)
            return top
        near = before is not None and abs(top - before) <= 2 * height
        at, row = self._moved(before, top - before) if near and before is not None else self.at(top)
        if at < 0:
            self._measure_up(height)
            return top
        row = min(row, max(0, rows.measure(at) - 1))
        below, left = at, height + row
        while below < len(rows) and left > 0:
            left -= rows.measure(below)
            below += 1
        return rows.heights.above(at) + row

    def _moved(self, row: int, by: int) -> tuple[int, int]:
        """Return what is so many rows away from a row, by exact heights; see `at`."""
        rows = self.rows
        at, inner = self.at(row)
        if at < 0:
            return self.at(row + by)
        inner += by
        while inner < 0 and at > 0:
            at -= 1
            inner += rows.measure(at)
        while inner >= (height := rows.measure(at)) and at < len(rows) - 1:
            inner -= height
            at += 1
        return at, max(0, inner)

    def _measure_up(self, left: int) -> None:
        """Measure the last entries, as many as have so many rows."""
        at = len(self.rows) - 1
        while at >= 0 and left > 0:
            left -= self.rows.measure(at)
            at -= 1

    # How they look

    def _strips(self, entry: Entry, width: int) -> list[Strip]:
        return self.painted(self.lines(entry, width))

    def painted(self, lines: Iterable[Line]) -> list[Strip]:
        """Return lines in the theme that holds."""
        return strips(lines, self._theme(), self._base)

    def dress(self) -> None:
        """Find out what is below all styles."""
        self._base = self.rich_style

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the rows of a part of what is in view."""
        self.dress()  # finding it out takes as long as drawing a row
        look = (crop.column_span, self.size, self._base, self._theme())
        if look != self._look or len(self._finished) > KEPT or self.text_selection is not None:
            self._look = look
            self._finished.clear()
            self._leads.clear()
        rows = [self.top + y for y in crop.line_range]
        made = [self._row(row) for row in rows]
        kept = [self._finished.get(row) for row in rows]
        changed = [
            at
            for at, (row, before) in enumerate(zip(made, kept, strict=True))
            if before is None or before[0] != row
        ]
        if changed:
            first, last = changed[0], changed[-1] + 1
            part = Region(crop.x, crop.y + first, crop.width, last - first)
            self._styles_cache.clear()  # which goes by the places of rows, not by what they say
            drawn = super().render_lines(part)
            for row, new, strip in zip(rows[first:last], made[first:last], drawn, strict=True):
                self._finished[row] = new, strip
        return [self._finished[row][1] for row in rows]

    def render_line(self, y: int) -> Strip:
        """Return one row of what is in view."""
        row, width, base = self.top + y, self.rows.width + GUTTER, self._base
        strip = Strip.join(self._row(row))
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(row)) is not None:
            strip = set_off(strip, span, self.screen.get_component_rich_style(SELECTED))
        return strip.crop_extend(0, width, base).apply_offsets(0, row)

    def _row(self, row: int) -> _Row:
        at, inner = self.at(row)
        if at < 0:
            below = row - self.rows.total
            content = self.below[below] if 0 <= below < len(self.below) else EMPTY
            return _Row(self._lead(" " * GUTTER, strong=False), content)
        entry, drawn = self.rows.entries[at], self.rows.strips(at)
        inner -= entry.gap
        content = drawn[inner] if 0 <= inner < len(drawn) else EMPTY
        bar = "▌" if at == self.marked and inner >= 0 else " "
        sign = SIGNS[entry.fold] if not inner else " "
        return _Row(self._lead(bar + sign, strong=self.has_focus), content)

    def _lead(self, text: str, *, strong: bool) -> Strip:
        found = self._leads.get((text, strong))
        if found is None:
            style = self._base + Style(bold=True) if strong else self._base
            found = self._leads[text, strong] = Strip([Segment(text, style)])
        return found

    # What is selected

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the text that is selected, and what ends it."""
        total = self.rows.total + len(self.below)
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else total - 1, total - 1)
        found = []
        for row in range(first, last + 1):
            strip = Strip.join(self._row(row))
            start, end = within(strip, selection.get_span(row) or (0, -1))
            found.append(strip.crop(max(start, GUTTER), max(end, GUTTER)).text.rstrip())
        return "\n".join(found), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what is selected."""
        del selection
        self._finished.clear()
        self.refresh()
