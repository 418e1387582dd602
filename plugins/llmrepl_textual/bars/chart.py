"""The chart: a widget that draws the rows of spans and lets a person go through them.

Nothing of it is a widget of its own: what is in view is drawn line by line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from llmrepl_textual.bars.axis import Axis
from llmrepl_textual.bars.drawing import (
    GRAPHS,
    GUTTER,
    Pieces,
    Scene,
    graph,
    row_of,
    ruler,
)
from llmrepl_textual.bars.layout import Bar, Placed, Window, axis_of
from llmrepl_textual.bars.spans import STEP, Row, Span, Spans
from llmrepl_textual.bars.statuses import OK, RUNNING
from llmrepl_textual.themes import style_of

ZOOM = 2.0
PAN = 0.25
"""The part of what is shown that it moves by."""

HIGHEST = 4
"""Rows of a graph, at the most."""


def _quiet(keys: str, action: str, about: str) -> Binding:
    """Return a key that the foot of the screen does not name."""
    return Binding(keys, action, about, show=False)


class Chart(Widget, can_focus=True):
    """The spans of a session.

    Args:
        theme: returns the name of the theme that holds.
        now: returns until when that goes on which goes on, in Unix milliseconds.
    """

    DEFAULT_CSS = "Chart { height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        _quiet("left", "step(-1)", "the bar before, in the row"),
        _quiet("right", "step(1)", "the bar after, in the row"),
        _quiet("up", "row(-1)", "the row above, at about the same time"),
        _quiet("down", "row(1)", "the row below, at about the same time"),
        _quiet("home", "step(-1000000)", "the first bar of the row"),
        _quiet("end", "step(1000000)", "the last bar of the row"),
        Binding("plus,equals_sign", "zoom(1)", "Larger"),
        _quiet("minus", "zoom(-1)", "smaller"),
        Binding("z", "fit", "The bar", tooltip="the chosen bar as wide as it goes"),
        Binding("0", "whole", "All", tooltip="all of the session"),
        _quiet("shift+left,less_than_sign", "pan(-1)", "what was before"),
        _quiet("shift+right,greater_than_sign", "pan(1)", "what was after"),
        Binding("n", "failure(1)", "Failure", tooltip="the next failure"),
        _quiet("N,p", "failure(-1)", "the failure before"),
        _quiet("i", "idle", "idle time cut, or as long as it was"),
    ]

    class Chosen(Message):
        """Another span was chosen, or there is more of it."""

        def __init__(self, span: Span | None) -> None:
            super().__init__()
            self.span = span

    class Opened(Message):
        """A span is to be shown in full."""

        def __init__(self, span: Span) -> None:
            super().__init__()
            self.span = span

    def __init__(self, theme: Callable[[], str], now: Callable[[], int]) -> None:
        super().__init__(id="chart")
        self._theme = theme
        self._now = now
        self.spans = Spans()
        self.chosen: Span | None = None
        self.cut = True
        self.window: Window | None = None  # None: all of it
        self._axis: Axis | None = None
        self._placed: dict[tuple[str, int], Placed] = {}  # on that axis
        self._strips: list[Strip] | None = None
        self._places: dict[int, tuple[Row, Sequence[Bar]]] = {}
        self._top = 0

    # What is there

    def take(self, spans: Spans) -> None:
        """Show other spans."""
        self.spans, self.chosen, self.window, self._top = spans, None, None, 0
        self.grown()
        self.post_message(self.Chosen(None))

    def grown(self) -> None:
        """Show what the spans have become."""
        self._axis = None
        self.redraw()

    def redraw(self) -> None:
        """Draw anew what is in view."""
        self._strips = None
        self.refresh()

    @property
    def axis(self) -> Axis:
        """The axis of the spans."""
        if self._axis is None:
            self._placed = {}
            self._axis = axis_of(self.spans, self._now(), cut=self.cut)
        return self._axis

    @property
    def shown(self) -> Window:
        """The part of the axis that is in view."""
        whole = Window(0.0, self.axis.length)
        return (self.window or whole).within(self.axis.length)

    def scene(self, width: int) -> Scene:
        """Return what is to be drawn, with so many cells for the bars."""
        axis = self.axis
        return Scene(axis, self.shown, width, self._now(), self.chosen, self._placed)

    # How it is drawn

    def on_resize(self) -> None:
        """Draw everything for the size there is now."""
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        if self._strips is None:
            self._strips = self._drawn()
        width, base = self.size.width, self.rich_style
        strip = self._strips[y] if y < len(self._strips) else Strip([])
        return strip.crop_extend(0, width, base)

    def _drawn(self) -> list[Strip]:
        self._places = {}
        if not self.spans.began:
            return [self._strip([])]
        scene = self.scene(max(1, self.size.width - GUTTER))
        drawn = [(row, scene.bars(row)) for row in self.spans.rows]
        lines: list[Pieces] = ruler(scene, self.spans.began)
        room = self.size.height - len(lines)
        kinds = len({row.kind for row, _ in drawn}) + 1
        spaced = room >= len(drawn) + kinds + len(GRAPHS)
        left = room - len(drawn) - kinds * spaced
        height = min(HIGHEST, max(0, left) // len(GRAPHS))
        graphs: list[Pieces] = []
        for shown in GRAPHS if height else ():
            graphs += graph(scene, drawn, shown, height)
        room -= len(graphs)
        self._scroll(len(drawn), room)
        before = ""
        for row, bars in drawn[self._top : self._top + max(1, room)]:
            if spaced and before and row.kind != before:
                lines.append([])
            before = row.kind
            self._places[len(lines)] = row, bars
            lines.append(row_of(scene, row, bars))
        if graphs and spaced:
            lines.append([])
        return [self._strip(line) for line in (*lines, *graphs)]

    def _scroll(self, rows: int, room: int) -> None:
        """Let the chosen span's row be in view."""
        if self.chosen is not None:
            order = [(row.kind, row.number) for row in self.spans.rows]
            at = order.index((self.chosen.kind, self.chosen.row))
            self._top = min(max(self._top, at - room + 1), at)
        self._top = max(0, min(self._top, rows - room))

    def _strip(self, line: Pieces) -> Strip:
        base, theme = self.rich_style, self._theme()
        filled = Style(reverse=True)
        return Strip(
            [
                Segment(
                    piece.text,
                    base + style_of(theme, piece.style) + (filled if piece.filled else Style()),
                )
                for piece in line
                if piece.text
            ]
        )

    # What keys and the mouse do

    def choose(self, span: Span | None) -> None:
        """Let keys be about a span, and bring it into view."""
        self.chosen = span
        if span is not None and self.window is not None:
            axis = self.axis
            place, end = axis.place(span.begin), axis.place(span.until(self._now()))
            self.window = self.shown.showing(place, end)
        self.redraw()
        self.post_message(self.Chosen(span))

    def _row(self, span: Span) -> Row:
        return next(
            row for row in self.spans.rows if (row.kind, row.number) == (span.kind, span.row)
        )

    def _first(self) -> Span | None:
        """Return the span to begin with: the last turn, or what there is."""
        rows = self.spans.rows
        return rows[0].spans[-1] if rows else None

    def action_step(self, by: int) -> None:
        """Choose another span of the row."""
        if self.chosen is None:
            self.choose(self._first())
            return
        spans = self._row(self.chosen).spans
        self.choose(spans[min(max(0, self.chosen.place + by), len(spans) - 1)])

    def action_row(self, by: int) -> None:
        """Choose a span of another row, at about the same time."""
        if self.chosen is None:
            self.choose(self._first())
            return
        rows = self.spans.rows
        at = next(n for n, row in enumerate(rows) if row is self._row(self.chosen)) + by
        if 0 <= at < len(rows):
            self.choose(_nearest(rows[at].spans, self.chosen, self._now()))

    def action_zoom(self, by: int) -> None:
        """Show less, larger, or more, smaller."""
        window = self.shown
        middle = window.begin + window.length / 2
        if self.chosen is not None:
            now = self._now()
            begin, end = (
                self.axis.place(moment) for moment in (self.chosen.begin, self.chosen.until(now))
            )
            if begin < window.end and end > window.begin:
                middle = (max(begin, window.begin) + min(end, window.end)) / 2
        self._zoom(by, middle)

    def _zoom(self, by: int, at: float) -> None:
        window = self.shown.zoomed(ZOOM**-by, at).within(self.axis.length)
        self.window = window if window.length < self.axis.length else None
        self.redraw()

    def action_pan(self, by: int) -> None:
        """Show what was before, or after."""
        if self.window is not None:
            self.window = self.shown.moved(by * PAN).within(self.axis.length)
            self.redraw()

    def action_whole(self) -> None:
        """Show all of the session."""
        self.window = None
        self.redraw()

    def action_fit(self) -> None:
        """Show the chosen span as wide as it goes."""
        if self.chosen is not None:
            begin = self.axis.place(self.chosen.begin)
            length = self.axis.place(self.chosen.until(self._now())) - begin
            margin = max(1.0, length * 0.04)
            window = Window(begin - margin, length + 2 * margin)
            self.window = window.within(self.axis.length)
            self.redraw()

    def action_idle(self) -> None:
        """Show idle time as long as it was, or cut."""
        self.cut = not self.cut
        self._axis, self.window = None, None
        self.redraw()

    def action_failure(self, by: int) -> None:
        """Choose the next span that did not end well."""
        found = sorted(
            (s for s in self.spans if s.kind != STEP and s.status not in (OK, RUNNING)),
            key=lambda span: (span.begin, span.seq),
        )
        if self.chosen is not None:
            here = (self.chosen.begin, self.chosen.seq)
            if by > 0:
                found = [span for span in found if (span.begin, span.seq) > here]
            else:
                found = [span for span in found if (span.begin, span.seq) < here]
        if found:
            self.choose(found[0 if by > 0 else -1])
        else:
            self.app.bell()

    def on_click(self, event: events.Click) -> None:
        """Choose the bar that was clicked; twice, open it."""
        self.focus()
        _, bars = self._places.get(event.y, (None, ()))
        column = event.x - GUTTER
        bar = next((bar for bar in bars if bar.left <= column < bar.right), None)
        if bar is None:
            return
        if event.chain > 1 and self.chosen is not None and self.chosen in bar.spans:
            self.post_message(self.Opened(self.chosen))
            return
        following = bar.spans.index(self.chosen) + 1 if self.chosen in bar.spans else 0
        self.choose(bar.spans[following % len(bar.spans)])

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in where the pointer is, or pan with Shift."""
        self._scrolled(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out where the pointer is, or pan with Shift."""
        self._scrolled(event, -1)

    def _scrolled(self, event: events.MouseEvent, by: int) -> None:
        event.stop()
        if event.shift:
            self.action_pan(-by)
            return
        window, width = self.shown, max(1, self.size.width - GUTTER)
        share = min(max(0.0, (event.x - GUTTER) / width), 1.0)
        self._zoom(by, window.begin + share * window.length)


def _nearest(spans: Sequence[Span], to: Span, now: int) -> Span:
    """Return the span that goes on when another does, or the one nearest to it."""
    middle = (to.begin + to.until(now)) // 2
    at = bisect_right(spans, middle, key=lambda span: span.begin)
    around = spans[max(0, at - 1) : at + 1]
    return min(around, key=lambda s: max(s.begin - middle, middle - s.until(now), 0))
