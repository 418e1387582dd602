"""Text that is selected with the mouse, in a widget that draws its rows itself.

Ctrl-C copies it, as Textual has it for all that is selected on a screen.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip


class Selectable(ScrollView):
    """A widget of rows; a subclass has them in `strip_of`, and passes what it shows to `marked`.

    Args:
        theme: returns the name of the theme that holds.
        id: the widget's.
    """

    def __init__(self, theme: Callable[[], str], id: str) -> None:  # noqa: A002 - as Textual has it
        super().__init__(id=id)
        self._theme = theme

    def strip_of(self, row: int) -> Strip | None:
        """Return a row as it is drawn; None behind the last."""
        raise NotImplementedError

    def marked(self, strip: Strip, row: int) -> Strip:
        """Return a row with what is selected of it set off, where the mouse can find its text."""
        selection = self.text_selection
        span = selection.get_span(row) if selection is not None else None
        if span is not None:
            strip = set_off(strip, span, self.screen.get_component_rich_style(SELECTED))
        return strip.apply_offsets(0, row)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the text that is selected, and what ends it."""
        row = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else None
        found = []
        while (last is None or row <= last) and (strip := self.strip_of(row)) is not None:
            start, end = within(strip, selection.get_span(row) or (0, -1))
            found.append(strip.crop(start, end).text.rstrip())
            row += 1
        return "\n".join(found), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what is selected."""
        del selection
        self.refresh()


SELECTED = "screen--selection"


def within(strip: Strip, span: tuple[int, int]) -> tuple[int, int]:
    """Return the cells of a row that a selection has; its end is -1 for that of the row."""
    start, end = span
    return start, strip.cell_length if end < 0 else min(end, strip.cell_length)


def set_off(strip: Strip, span: tuple[int, int], style: Style) -> Strip:
    """Return a row with some of its cells in another style."""
    start, end = within(strip, span)
    if start >= end:
        return strip
    before, inside, after = (
        strip.crop(0, start),
        strip.crop(start, end),
        strip.crop(end, strip.cell_length),
    )
    return Strip.join([before, inside.apply_style(style), after])
