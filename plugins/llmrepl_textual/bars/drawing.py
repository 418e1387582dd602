"""The chart as styled pieces of rows: a ruler, the bars, and what tokens and dollars they took."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from llmrepl.cells import cells, cut, fit
from llmrepl.figures import duration, money, tokens
from llmrepl_textual.bars.axis import Axis
from llmrepl_textual.bars.labels import NAMES, label
from llmrepl_textual.bars.layout import Bar, Placed, Window, bars_of, placed, ticks
from llmrepl_textual.bars.spans import CALL, MODEL, STEP, TURN, WAIT, Row, Span
from llmrepl_textual.bars.statuses import OK, sign_of

GUTTER = 9
"""Cells before the bars, for what a row is called."""

TICK = 10
"""Cells that a tick of the ruler needs, at the least."""

EXACT = ((1_000, 0), (100, 1), (10, 2))
"""How many places a time needs for ticks that are so many milliseconds apart."""

SMALL = 3
"""Cells of the smallest bar with something between its ends."""

LEVELS = "▁▂▃▄▅▆▇█"
WAITING = "░"
GONE = "┆"

STYLES = {TURN: "call", STEP: "", MODEL: "name", CALL: "ok", WAIT: "warn"}
"""The style of bars that ended well, or go on; others have that of their sign."""


class Piece(NamedTuple):
    """Text in a style of the timeline's themes; `filled` is drawn on the colour, not in it."""

    text: str
    style: str = ""
    filled: bool = False


Pieces = list[Piece]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be drawn: `width` are the cells of the bars, without the gutter.

    `places` are those of rows whose places on the axis are known, by kind and number.
    """

    axis: Axis
    window: Window
    width: int
    now: int
    chosen: Span | None = None
    places: dict[tuple[str, int], Placed] = field(default_factory=dict)

    def cell(self, place: float) -> int:
        """Return the cell of a place on the axis, which may be outside."""
        return int((place - self.window.begin) / self.window.length * self.width)

    def bars(self, row: Row) -> list[Bar]:
        """Return a row's bars."""
        where = self.places.get((row.kind, row.number))
        if where is None:
            where = placed(row, self.axis, self.now)
            self.places[row.kind, row.number] = where
        return bars_of(row, where, self.window, self.width)


def clock(ms: float, step: float) -> str:
    """Return a time since the beginning as `1:02:03`, as exact as steps of `step` ms need it."""
    places = next((places for unit, places in EXACT if step >= unit), 3)
    minutes, rest = divmod(round(max(0.0, ms)), 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 1000:02}" + (f".{rest % 1000:03}"[: places + 1] if places else "")
    return f"{hours}:{minutes:02}:{seconds}" if hours else f"{minutes}:{seconds}"


def ruler(scene: Scene, began: int) -> list[Pieces]:
    """Return the two rows above the bars: when it was, and marks of what is cut and chosen."""
    found, step = _ticks(scene, began)
    labels, marks = [" "] * scene.width, ["╌"] * scene.width
    for cell, place in found:
        if scene.axis.cuts(place):
            continue
        text = clock(scene.axis.moment(place) - began, step)
        if cell + len(text) <= scene.width:
            labels[cell : cell + len(text)] = text
        marks[cell] = "┬"
    for gap in scene.axis.gaps:
        left, right = scene.cell(gap.place), scene.cell(gap.place + gap.drawn)
        if right >= 0 and left < scene.width:
            told = duration(gap.ms)
            room = range(max(0, left), min(scene.width, max(right, left + 1)))
            for cell in room:
                marks[cell] = GONE
            if len(told) + 2 <= len(room):
                start = room.start + (len(room) - len(told)) // 2
                marks[start : start + len(told)] = told
    above: Pieces = [Piece("time".ljust(GUTTER), "dim"), Piece("".join(labels), "dim")]
    below: Pieces = [Piece(" " * GUTTER)]
    pointer = _pointer(scene)
    if pointer is None:
        return [above, [*below, Piece("".join(marks), "dim")]]
    before, after = "".join(marks[:pointer]), "".join(marks[pointer + 1 :])
    return [above, [*below, Piece(before, "dim"), Piece("▼", "strong"), Piece(after, "dim")]]


def _ticks(scene: Scene, began: int) -> tuple[list[tuple[int, float]], float]:
    """Return the ticks, with room for what stands at them, and the distance between two."""
    room = TICK
    while True:
        found = ticks(scene.window, scene.width, room)
        step = found[1][1] - found[0][1] if len(found) > 1 else scene.window.length
        longest = len(clock(scene.axis.moment(scene.window.end) - began, step))
        if longest < room:
            return found, step
        room = longest + 1


def _pointer(scene: Scene) -> int | None:
    if scene.chosen is None:
        return None
    begin = scene.axis.place(scene.chosen.begin)
    end = scene.axis.place(scene.chosen.until(scene.now))
    left, right = max(begin, scene.window.begin), min(end, scene.window.end)
    if left > right:
        return None
    return min(max(0, scene.cell((left + right) / 2)), scene.width - 1)


def row_of(scene: Scene, row: Row, bars: Sequence[Bar]) -> Pieces:
    """Return a row of bars, with what it is called before it."""
    name = NAMES[row.kind] if not row.number else ""
    drawn: Pieces = [Piece(name.ljust(GUTTER), "dim")]
    column = 0
    for bar in bars:
        if bar.left > column:
            drawn.append(Piece(" " * (bar.left - column)))
        drawn += bar_of(scene, bar)
        column = bar.right
    return [*drawn, Piece(" " * (scene.width - column))]


def bar_of(scene: Scene, bar: Bar) -> Pieces:
    """Return the cells of one bar."""
    width, status = bar.right - bar.left, bar.status
    sign, style = sign_of(status)
    if status in (OK, "running"):
        style = STYLES.get(bar.span.kind, "dim")
    filled = bar.span.kind != STEP
    chosen = scene.chosen is not None and scene.chosen in bar.spans
    if chosen:
        style = "strong"
    if width == 1:
        return [Piece(sign, f"{style} title" if chosen else style, filled)]
    first = _waited(scene, bar, width) if len(bar.spans) == 1 else 0
    text = f"{len(bar.spans)}×" if len(bar.spans) > 1 else ""
    left, right = _ends(bar, chosen)
    if first and first > width - first:  # most of it was waiting, so that is told there
        text = text or label(bar.span, first - 4, scene.now)
        head = cut(f"{left}{sign} {text} " if text else left + sign, first)
        return [
            Piece(head + WAITING * (first - cells(head)), style),
            Piece(fit("", width - first - 1) + right, style, filled),
        ]
    room = width - first
    text = text or label(bar.span, room - 4, scene.now)
    inner = fit(f"{sign} {text}" if text else sign, max(0, room - 2))
    told = f"{left}{inner}{right}" if room >= SMALL else f"{sign}{right}"
    waited = [Piece(WAITING * first, style)] if first else []
    return [*waited, Piece(told, style, filled)]


def _ends(bar: Bar, chosen: bool) -> tuple[str, str]:
    if chosen:
        return "▶", "◀"
    before, after = bar.more
    return "‹" if before else "▏", "›" if after else "▕"


def _waited(scene: Scene, bar: Bar, width: int) -> int:
    """Return how many cells of a model's bar were before its first token."""
    span = bar.span
    if span.kind != MODEL or width <= SMALL:
        return 0
    if span.first is None:
        return width - 1 if span.end is None else 0
    return min(max(0, scene.cell(scene.axis.place(span.first)) - bar.left), width - 1)


class Graph(NamedTuple):
    """What is drawn of the model's messages: how much of it one took, and how that is told."""

    name: str
    style: str
    amount: Callable[[Span], float]
    told: Callable[[float], str]


GRAPHS = (
    Graph("tokens", "mark", attrgetter("tokens"), lambda most: tokens(round(most))),
    Graph("cost", "number", attrgetter("dollars"), lambda most: money(Decimal(repr(most)))),
)


def graph(
    scene: Scene, rows: Iterable[tuple[Row, Sequence[Bar]]], shown: Graph, height: int
) -> list[Pieces]:
    """Return how much the model's messages took, as columns that are `height` rows high."""
    columns = [0.0] * scene.width
    for row, bars in rows:
        if row.kind == MODEL:
            for bar in bars:
                total = sum(map(shown.amount, bar.spans))
                for cell in range(bar.left, bar.right):
                    columns[cell] += total
    most = max(columns, default=0.0)
    if not most:
        return []
    heads = [shown.name, shown.told(most)[:GUTTER]] if height > 1 else [shown.name]
    highest = height * len(LEVELS) - 1  # what is above stays apart
    eighths = [max(1, round(value / most * highest)) if value else 0 for value in columns]
    drawn: list[Pieces] = []
    for number in range(height):
        below = (height - 1 - number) * len(LEVELS)
        text = "".join(_level(count - below) for count in eighths)
        head = heads[number] if number < len(heads) else ""
        drawn.append([Piece(head.ljust(GUTTER), "dim"), Piece(text, shown.style)])
    return drawn


def _level(eighths: int) -> str:
    return " " if eighths <= 0 else LEVELS[min(eighths, len(LEVELS)) - 1]
