"""Draws two sessions from where they part: in two columns, or one after the other where narrow."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from llmrepl.cells import ELLIPSIS, fit
from llmrepl.figures import duration, spent, tokens
from llmrepl.sessions.branching.contrast import CallSeen, Contrast, Side, Stretch
from llmrepl.sessions.cells import one_line, wrapped

WIDE = 100
"""Cells from which on there are two columns."""

PROMPT_LINES, ANSWER_LINES = 4, 20
_BETWEEN = " │ "
_LABEL = 8


def drawn(found: Contrast, names: tuple[str, str], width: int, wide: int = WIDE) -> Iterator[str]:
    """Yield lines that show the two sides, and their sums below.

    Args:
        found: the two sides.
        names: their ids.
        width: cells of a line at the most.
        wide: cells from which on there are two columns.
    """
    names = one_line(names[0]), one_line(names[1])
    yield fit(_common(found), width).rstrip()
    sides = (found.left, found.right)
    if width >= wide:
        yield from _columns(sides, names, (width - len(_BETWEEN)) // 2)
    else:
        for name, side in zip(names, sides, strict=True):
            yield ""
            yield fit(f"── {name} ──", width).rstrip()
            for stretch in side.stretches:
                yield from _stretch(stretch, None, width)
            if not side.stretches:
                yield fit("(nothing more)", width).rstrip()
    yield ""
    yield from _sums(sides, names, width)


def _common(found: Contrast) -> str:
    if not found.common:
        return "they have no beginning in common"
    return f"common: {found.common} records, up to turn {found.turn}"


def _columns(sides: tuple[Side, Side], names: tuple[str, str], width: int) -> Iterator[str]:
    yield _joined(*names, width)
    yield "─" * width + "─┼─" + "─" * width
    for left, right in zip_longest(*(side.stretches for side in sides)):
        here = _stretch(left, None, width) if left else ["(nothing more)"]
        there = _stretch(right, left, width) if right else ["(nothing more)"]
        for one, other in zip_longest(here, there, fillvalue=""):
            yield _joined(one, other, width)
        yield _joined("", "", width)


def _joined(left: str, right: str, width: int) -> str:
    return f"{fit(left, width)}{_BETWEEN}{fit(right, width)}".rstrip()


def _stretch(stretch: Stretch, other: Stretch | None, width: int) -> list[str]:
    """Return the lines of a turn; what it answered as the `other` did is not said twice."""
    rest = "" if stretch.whole else "rest of "
    models = one_line(", ".join(stretch.models))
    title = f"{rest}turn {stretch.turn}" + (f" · {models}" if models else "")
    lines = [title, *_some(f"❯ {stretch.prompt}", PROMPT_LINES, width)]
    lines += [_call(call) for call in stretch.calls]
    if other is not None and stretch.answer and stretch.answer == other.answer:
        lines.append("(the same answer)")
    else:
        lines += _some(stretch.answer, ANSWER_LINES, width) if stretch.answer else []
    usage, spend = stretch.spend.usage, stretch.spend
    ended = "" if stretch.reason == "end_turn" else f" · {one_line(stretch.reason) or 'unfinished'}"
    lines.append(
        f"↑ {tokens(usage.input_tokens, estimated=usage.estimated)}"
        f" ↓ {tokens(usage.output_tokens, estimated=usage.estimated)}"
        f" · {spent(spend.cost, spend.unpriced)} · {duration(stretch.ms)}{ended}"
    )
    return [fit(line, width).rstrip() for line in lines]


def _call(call: CallSeen) -> str:
    how = f"{one_line(call.status)} {duration(call.ms)}" if call.status else "did not end"
    return f"▸ {one_line(call.name)} {how}: {one_line(call.code)}"


def _some(text: str, most: int, width: int) -> list[str]:
    lines = wrapped(text, width)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"{ELLIPSIS} {len(lines) - most + 1} more lines"]


def _sums(sides: tuple[Side, Side], names: tuple[str, str], width: int) -> Iterator[str]:
    used = [side.spend.usage for side in sides]
    rows = [
        ("", *names),
        ("turns", *(str(len(side.stretches)) for side in sides)),
        ("calls", *(str(side.calls) for side in sides)),
        ("↑ in", *(tokens(one.input_tokens, estimated=one.estimated) for one in used)),
        ("↓ out", *(tokens(one.output_tokens, estimated=one.estimated) for one in used)),
        ("cost", *(spent(side.spend.cost, side.spend.unpriced) for side in sides)),
        ("time", *(duration(side.ms) for side in sides)),
    ]
    longest = max(len(cell) for row in rows for cell in row[1:])
    column = max(1, min(longest, (width - _LABEL - 2) // 2))
    for label, left, right in rows:
        line = f"{label:{_LABEL}}{fit(left, column, right=True)}  {fit(right, column, right=True)}"
        yield fit(line, width).rstrip()
