"""Tokens and money of a session's steps as an SVG drawing that needs nothing but the page's style.

Each step is a bar of tokens: what was sent below, what was said on top, with the money so far as a
line above them where anything cost money.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import accumulate

from llmrepl.exchange.told import Step
from llmrepl.figures import money, tokens

WIDTH, HEIGHT = 880, 168
TOP, BOTTOM, LEFT, RIGHT = 14, 24, 46, 58
WIDEST = 40.0
"""Pixels of the widest bar."""

MOST = 200
"""Bars of a drawing; of more steps, neighbours share one."""


def chart(steps: Sequence[Step]) -> str:
    """Return the drawing of `steps`, or "" where there is nothing to draw."""
    bars = _bars(steps)
    if not any(sent + said for sent, said, _, _ in bars):
        return ""
    highest = max(sent + said for sent, said, _, _ in bars)
    slot = (WIDTH - LEFT - RIGHT) / len(bars)
    width = min(WIDEST, slot * 0.7)
    drawn = [_axis(highest)]
    for number, (sent, said, _, about) in enumerate(bars):
        left = LEFT + slot * (number + 0.5) - width / 2
        low = _scaled(sent, highest)
        high = _scaled(said, highest)
        base = HEIGHT - BOTTOM
        drawn.append(
            f"<g><title>{escape(about)}</title>"
            f'<rect class="sent" x="{left:.1f}" y="{base - low:.1f}" width="{width:.1f}"'
            f' height="{low:.1f}" rx="2"/>'
            f'<rect class="said" x="{left:.1f}" y="{base - low - high:.1f}" width="{width:.1f}"'
            f' height="{high:.1f}" rx="2"/></g>'
        )
    drawn += [_spent(bars, slot), _labels(bars, slot)]
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="Tokens and cost of each step">{"".join(drawn)}</svg>'
    )


def _bars(steps: Sequence[Step]) -> list[tuple[int, int, Decimal, str]]:
    """Return sent and said tokens, dollars and a description of each bar."""
    size = -(-len(steps) // MOST) or 1
    bars = []
    for start in range(0, len(steps), size):
        group = steps[start : start + size]
        sent = sum(step.usage.input_tokens for step in group)
        said = sum(step.usage.output_tokens for step in group)
        cost = sum((step.cost.total for step in group if step.cost is not None), Decimal(0))
        last = f" to {start + len(group)}" if len(group) > 1 else ""
        told = f"step {start + 1}{last}: ↑ {tokens(sent)} ↓ {tokens(said)} tokens, {money(cost)}"
        bars.append((sent, said, cost, told))
    return bars


def _scaled(count: int, highest: int) -> float:
    return count / highest * (HEIGHT - TOP - BOTTOM)


def _axis(highest: int) -> str:
    drawn = []
    for part in (0, 0.5, 1):
        y = HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
        drawn.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">'
            f"{tokens(round(highest * part))}</text>"
        )
    return "".join(drawn)


def _spent(bars: Sequence[tuple[int, int, Decimal, str]], slot: float) -> str:
    spent = list(accumulate(cost for _, _, cost, _ in bars))
    if not spent[-1]:
        return ""
    space = HEIGHT - TOP - BOTTOM
    points = [
        (LEFT + slot * (number + 0.5), HEIGHT - BOTTOM - float(sum_ / spent[-1]) * space)
        for number, sum_ in enumerate(spent)
    ]
    x, y = points[-1]
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top in points)
    return (
        f'<polyline class="cost" points="{path}"/><circle class="dot" cx="{x:.1f}" cy="{y:.1f}"'
        f' r="3"/><text class="money" x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">'
        f"{escape(money(spent[-1]))}</text>"
    )


def _labels(bars: Sequence[tuple[int, int, Decimal, str]], slot: float) -> str:
    every = -(-len(bars) // 20)
    return "".join(
        f'<text class="middle" x="{LEFT + slot * (number + 0.5):.1f}" y="{HEIGHT - 6}">'
        f"{number + 1}</text>"
        for number in range(0, len(bars), every)
    )
