"""Styled lines that can be scrolled and copied from, drawn for the width there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.geometry import Size
from textual.strip import Strip

from llmrepl_textual.selecting import Selectable
from llmrepl_textual.transcript.strips import strips
from llmrepl_timeline.lines import Line

Drawn = Callable[[int], Iterable[Line]]
"""Returns lines for a width."""


class Sheet(Selectable, can_focus=True):
    """Shows lines.

    Args:
        theme: returns the name of the theme that holds.
        id: of the widget.
    """

    DEFAULT_CSS = """
    Sheet { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    def __init__(self, theme: Callable[[], str], id: str) -> None:  # noqa: A002 - as Textual has it
        super().__init__(theme, id)
        self._own: Drawn = lambda _: ()
        self._strips: list[Strip] = []
        self._width = 0

    def put(self, own: Drawn, *, top: bool = True) -> None:
        """Show other lines, from their beginning or where the old ones were."""
        self._own = own
        self.redraw()
        if top:
            self.scroll_home(animate=False)

    def redraw(self) -> None:
        """Draw the lines for the width and the theme there are."""
        self._width = max(1, self.scrollable_content_region.width)
        self._strips = strips(self._own(self._width), self._theme(), self.rich_style)
        self.virtual_size = Size(self._width, len(self._strips))
        self.refresh()

    def on_resize(self) -> None:
        """Draw the lines for another width."""
        if max(1, self.scrollable_content_region.width) != self._width:
            self.redraw()

    def render_line(self, y: int) -> Strip:
        """Return one line of what is in view."""
        row, width = self.scroll_offset.y + y, self.scrollable_content_region.width
        strip = self.strip_of(row) or Strip([])
        return self.marked(strip, row).crop_extend(0, width, self.rich_style)

    def strip_of(self, row: int) -> Strip | None:
        """Return a row as it is drawn; None behind the last."""
        return self._strips[row] if row < len(self._strips) else None
