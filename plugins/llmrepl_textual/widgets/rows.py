"""Rows, any number of them: those in view are drawn, and keys are about one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from llmrepl_textual.selecting import Selectable
from llmrepl_textual.transcript.strips import strips
from llmrepl_timeline.lines import Line

Draw = Callable[[int, int], Line]
"""Returns a row by its index, for a width in cells."""


class Rows(Selectable, can_focus=True):
    """Rows of one line each.

    Args:
        draw: draws a row.
        theme: returns the name of the theme that holds.
        id: the widget's.
        chooses: whether keys are about a row; else they scroll.
    """

    DEFAULT_CSS = """
    Rows { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "ends(0)", "First", show=False),
        Binding("end", "ends(1)", "Last", show=False),
    ]

    at: reactive[int] = reactive(-1, init=False)
    """The row that keys are about, -1 where there is none."""

    class Moved(Message):
        """Keys are about another row, or the row is another one."""

    class Sized(Message):
        """There is another width for the rows."""

    class Picked(Message):
        """A row was clicked twice."""

    class Ending(Message):
        """The last rows are in view, or nearly."""

    def __init__(
        self,
        draw: Draw,
        theme: Callable[[], str],
        id: str,  # noqa: A002 - Textual's name
        *,
        chooses: bool = True,
    ) -> None:
        super().__init__(theme, id)
        self._chooses = chooses
        self._draw = draw
        self._drawn: dict[int, Strip] = {}
        self.count = 0

    def fill(self, count: int, at: int | None = None) -> None:
        """Hold so many rows, all drawn anew; keys are about the row `at`, or where they were."""
        self.count = count
        self._drawn.clear()
        self._fit()
        wanted = self.at if at is None else at
        self.set_reactive(Rows.at, min(max(wanted, 0), count - 1))
        self.bring()
        self.refresh()
        self.post_message(self.Moved())

    def redraw(self) -> None:
        """Draw all rows anew."""
        self._drawn.clear()
        self.refresh()

    @property
    def width(self) -> int:
        """Cells of a row; 0 as long as nobody knows."""
        return self.scrollable_content_region.width

    def _fit(self) -> None:
        self.virtual_size = Size(max(1, self.width), self.count)

    def on_resize(self) -> None:
        """Draw rows as wide as there is room for."""
        self._fit()
        self.redraw()
        self.bring()
        self.post_message(self.Sized())

    def render_line(self, y: int) -> Strip:
        """Return a row in view."""
        row, width = self.scroll_offset.y + y, self.width
        base = self.rich_style
        strip = self.strip_of(row)
        if strip is None:
            return Strip.blank(width, base)
        if row == self.at and self._chooses:
            strip = strip.apply_style(Style(reverse=True) if self.has_focus else Style(bold=True))
        return self.marked(strip, row)

    def strip_of(self, row: int) -> Strip | None:
        """Return a row as it is drawn; None behind the last."""
        if row >= self.count:
            return None
        strip = self._drawn.get(row)
        if strip is None:
            width, base = self.width, self.rich_style
            (strip,) = strips([self._draw(row, width)], self._theme(), base)
            strip = self._drawn[row] = strip.crop_extend(0, width, base)
            while len(self._drawn) > 4 * max(1, self.size.height):
                del self._drawn[next(iter(self._drawn))]
        return strip

    def bring(self) -> None:
        """Bring the row that keys are about into view."""
        top, height = self.scroll_offset.y, self.size.height
        if self.at >= 0 and height and not top <= self.at < top + height:
            self.scroll_to(y=self.at if self.at < top else self.at - height + 1, animate=False)

    def watch_at(self) -> None:
        """Show which row keys are about."""
        self.bring()
        self.refresh()
        self.post_message(self.Moved())
        self._near()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Say where the last rows come into view."""
        super().watch_scroll_y(old_value, new_value)
        self._near()

    def _near(self) -> None:
        height = self.size.height
        if self.count and max(self.at, self.scroll_offset.y + height) >= self.count - height:
            self.post_message(self.Ending())

    def on_focus(self) -> None:
        """Show that keys are about rows."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that keys are about something else."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Let keys be about the row that was clicked."""
        row = self.scroll_offset.y + event.y
        if row < self.count and self.text_selection is None:
            self.at = row
            if event.chain > 1:
                self.post_message(self.Picked())

    def action_move(self, by: int) -> None:
        """Go up or down."""
        if not self._chooses:
            self.scroll_relative(y=by, animate=False)
        elif self.count:
            self.at = min(max(self.at + by, 0), self.count - 1)

    def action_page(self, by: int) -> None:
        """Go a page up or down."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_ends(self, last: int) -> None:
        """Go to the first row or the last one."""
        self.action_move(self.count if last else -self.count)
