"""What fills the context: a bar for each kind of content, and one for the room that is left."""

from __future__ import annotations

from collections.abc import Sequence

from llmrepl.cells import cells, elided, padded
from llmrepl.figures import percent, tokens
from llmrepl.standing import Filling, Fragment
from llmrepl_usage.cells import wrapped

Line = Sequence[Fragment]
FREE = "free"
EIGHTHS = " ▏▎▍▌▋▊▉"
FULL, EMPTY = "█", "░"
LONGEST_BAR = 50
SHORTEST_BAR = 5
"""Cells below which there is no bar."""


def context(filling: Filling, width: int) -> list[Line]:
    """Return the bars in lines of at most `width` cells."""
    total, room = filling.total, filling.room
    rows = [(what, count) for what, count in filling.parts.items() if count]
    if room and room > total:
        rows.append((FREE, room - total))
    whole = max(room or 0, total)
    columns = [
        [what for what, _ in rows],
        [tokens(count, estimated=True) for _, count in rows],
        [percent(count, whole, estimated=True) for _, count in rows],
    ]
    names, *figures = (max(map(cells, column), default=0) for column in columns)
    rest = width - sum(figures) - 2 * len(figures)
    longest = min(LONGEST_BAR, rest - names - 2)
    lines: list[Line] = [[("strong", text)] for text in wrapped(_head(filling), width)]
    for (what, count), *texts in zip(rows, *columns, strict=True):
        name, *numbers = texts
        shown = padded(elided(name, min(names, max(0, rest))), min(names, max(0, rest)))
        text = "  ".join((shown, *map(_right, numbers, figures)))
        line: list[Fragment] = [("", elided(text, width))]
        if longest >= SHORTEST_BAR:
            bar = _bar(what, count, whole, longest)
            line += [("", "  "), ("dim" if what == FREE else "bar", bar)]
        lines.append(line)
    return lines


def _right(text: str, width: int) -> str:
    return padded(text, width, right=True)


def _head(filling: Filling) -> str:
    used = tokens(filling.total, estimated=True)
    if not filling.room:
        return f"{filling.model}: {used} tokens; nobody says how many it takes at once"
    share = percent(filling.total, filling.room, estimated=True)
    head = f"{filling.model}: {used} of {tokens(filling.room)} tokens ({share})"
    over = filling.total - filling.room
    return f"{head}, {tokens(over, estimated=True)} too many" if over > 0 else head


def _bar(what: str, count: int, whole: int, longest: int) -> str:
    """Return a bar; whatever is there at all has one."""
    if what == FREE:
        return EMPTY * max(1, count * longest // whole)
    full, eighths = divmod(max(1, count * longest * 8 // whole), 8)
    return FULL * full + EIGHTHS[eighths].strip()
