"""What the chart shows as an SVG file: nothing in it is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from itertools import count
from pathlib import Path

from llmrepl.errors import LlmreplError
from llmrepl.figures import duration
from llmrepl_textual.bars.drawing import Scene, clock
from llmrepl_textual.bars.labels import GAP, NAMES, flow, label, parts_of, plain, price, took
from llmrepl_textual.bars.layout import Bar, ticks
from llmrepl_textual.bars.spans import KINDS, MODEL, Span, Spans
from llmrepl_textual.bars.statuses import OK, RUNNING, sign_of

WIDTH, LEFT, RIGHT = 1200, 64, 16
ROW, SPACE, TOP = 22, 8, 54
CELL = 3
"""Pixels of a cell: nothing is narrower."""

SIGN = 7.3
"""Pixels of a character on a bar."""

TICK = 90
"""Pixels that a tick of the ruler needs."""

STYLE = """\
text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #22262e; }
.title { font-size: 14px; font-weight: bold; }
.faint { fill: #687080; }
.grid { stroke: #d8dbe0; }
.gap { fill: #eceef1; }
.turn { fill: #c9ced6; } .step { fill: #dfe2e7; } .model { fill: #a9c8f5; }
.call { fill: #a8dcb5; } .approval { fill: #f2d694; } .mark { fill: #c9ced6; }
.wait { fill-opacity: 0.45; }
.bad { fill: #f2a3a0; } .warn { fill: #f4cf7f; } .on { stroke: #22262e; stroke-width: 1.5; }
.page { fill: #fafaf8; }
@media (prefers-color-scheme: dark) {
  .page { fill: #16191f; } text { fill: #e4e6ea; } .faint { fill: #98a0ae; }
  .grid { stroke: #2c313a; } .gap { fill: #1f232b; }
  .turn, .mark { fill: #454c59; } .step { fill: #333945; } .model { fill: #2d5790; }
  .call { fill: #2c6b40; } .approval { fill: #7d6222; }
  .bad { fill: #93383a; } .warn { fill: #80621c; } .on { stroke: #e4e6ea; }
}
"""


def save(text: str, directory: Path, name: str) -> Path:
    """Write a picture to a file that is not there yet, and return its path.

    Args:
        text: the picture.
        directory: where it goes.
        name: what the file's name begins with.

    Raises:
        LlmreplError: it cannot be written.
    """
    for number in count(1):
        path = directory / f"{name}{f'-{number}' if number > 1 else ''}.svg"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            raise LlmreplError(
                f"cannot write {path}: {error.strerror}",
                hint="the picture goes to the directory that llmrepl was started in",
            ) from error
        return path
    raise AssertionError


def picture(spans: Spans, scene: Scene, title: str) -> str:
    """Return what a scene shows as SVG.

    Args:
        spans: those of the session.
        scene: the part of it that is shown; its width does not matter.
        title: stands above it.
    """
    scene = replace(scene, width=(WIDTH - LEFT - RIGHT) // CELL)
    rows = [(row, scene.bars(row)) for row in spans.rows]
    drawn: list[str] = []
    y, before = TOP, ""
    for row, bars in rows:
        if before and row.kind != before:
            y += SPACE
        if row.kind != before:
            drawn.append(_text(8, y + 15, NAMES[row.kind], "faint"))
        before = row.kind
        drawn += [piece for bar in bars for piece in _bar(scene, bar, y)]
        y += ROW
    height = y + 14
    shown = duration(scene.window.length)
    head = [
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        _text(8, 20, title, "title"),
        _text(WIDTH - RIGHT, 20, shown, "faint", end=True),
    ]
    body = "\n".join([*head, *_ground(spans, scene, height - 8), *drawn])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(plain(title))}">\n<style>\n{STYLE}</style>\n{body}\n</svg>\n'
    )


def _ground(spans: Spans, scene: Scene, bottom: int) -> Iterator[str]:
    """Yield the ruler, its lines through all rows, and what is cut of idle time."""
    found = ticks(scene.window, scene.width, TICK // CELL)
    step = found[1][1] - found[0][1] if len(found) > 1 else scene.window.length
    for gap in scene.axis.gaps:
        left = max(0, scene.cell(gap.place))
        right = min(scene.width, scene.cell(gap.place + gap.drawn))
        if right > left:
            yield (
                f'<rect class="gap" x="{LEFT + left * CELL}" y="{TOP - 12}"'
                f' width="{(right - left) * CELL}" height="{bottom - TOP + 12}">'
                f"<title>idle for {duration(gap.ms)}</title></rect>"
            )
    for cell, place in found:
        x = LEFT + cell * CELL
        told = clock(scene.axis.moment(place) - spans.began, step)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP - 12}" y2="{bottom}"/>'
        if x + len(told) * SIGN < WIDTH and not scene.axis.cuts(place):
            yield _text(x + 3, TOP - 16, told, "faint")


def _bar(scene: Scene, bar: Bar, y: int) -> Iterator[str]:
    sign, style = sign_of(bar.status)
    own = bar.span.kind if bar.status in (OK, RUNNING) else style
    x, width = LEFT + bar.left * CELL, (bar.right - bar.left) * CELL
    on = " on" if scene.chosen in bar.spans else ""
    told = escape("\n".join(_about(span, scene.now) for span in bar.spans))
    yield "<g>"
    yield f"<title>{told}</title>"
    yield (
        f'<rect class="{own}{on}" x="{x}" y="{y}" width="{max(1, width - 1)}"'
        f' height="{ROW - 4}" rx="3"/>'
    )
    waited = _waited(scene, bar)
    if waited:
        yield (
            f'<rect class="page wait" x="{x}" y="{y}" width="{waited * CELL}"'
            f' height="{ROW - 4}" rx="3"/>'
        )
    room = int((width - 8) / SIGN)
    text = label(bar.span, room - 2, scene.now) if len(bar.spans) == 1 else ""
    if room >= 1:
        yield _text(x + 4, y + 13, f"{sign} {text}".rstrip(), "")
    yield "</g>"


def _waited(scene: Scene, bar: Bar) -> int:
    span = bar.span
    if span.kind != MODEL or span.first is None or len(bar.spans) > 1:
        return 0
    first = scene.cell(scene.axis.place(span.first)) - bar.left
    return min(max(0, first), bar.right - bar.left)


def _about(span: Span, now: int) -> str:
    named = dict(zip(KINDS, ("turn", "step", "model", "tool", "asked", "note"), strict=True))
    parts = parts_of(span, now)
    told = (f"{named[span.kind]} {parts['label']}", span.status, flow(span), price(span))
    return GAP.join(filter(None, (*told, took(span, now), parts["note"])))


def _text(x: float, y: float, text: str, kind: str, *, end: bool = False) -> str:
    about = f' class="{kind}"' if kind else ""
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x}" y="{y}"{about}{anchor}>{escape(text)}</text>'
