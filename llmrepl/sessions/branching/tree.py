"""Draws trees of sessions, a line for each branch, as wide as the screen.

Only what is shown is read. Where there is little room, figures go before the first prompt does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from llmrepl.cells import cells, fit
from llmrepl.figures import spent
from llmrepl.sessions.branching.branches import Branch, branch
from llmrepl.sessions.branching.kinship import Place, Tree
from llmrepl.sessions.catalog import session_path
from llmrepl.sessions.cells import one_line
from llmrepl.sessions.lock import Inode

MOST = 20
"""Branches of a tree that are shown unless all are wanted: the first, and the newest."""

HERE, OPEN, CLOSED, GONE = "●", "◉", "○", "×"
"""Marks: what this chat is in, what another process has open, what nobody has, what is gone."""

MODEL = 26
NAME = 40
LEAST = 16
"""Cells of a prompt that are worth more than a figure, and the most of a model and of a name."""

_AGES = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000))


class Row(NamedTuple):
    """A branch as it is drawn."""

    place: Place
    branch: Branch
    mark: str


def rows(
    tree: Tree,
    directory: Path,
    *,
    here: str = "",
    held: Mapping[Inode, int] | None = None,
    everything: bool = False,
) -> list[Row | int]:
    """Return the branches that are shown, and between them how many were left out.

    Args:
        tree: what to show.
        directory: where the sessions are.
        here: the id of the session that somebody is in.
        held: the files that a process writes; see `lock.holders`.
        everything: leave out nothing.
    """
    shown = {place.number for place in tree.places} if everything else _chosen(tree, here)
    found: list[Row | int] = []
    for place in tree.places:
        if place.number in shown:
            found.append(_row(place, directory, here, held or {}))
        elif found and isinstance(found[-1], int):
            found[-1] += 1
        else:
            found.append(1)
    return found


def drawn(
    found: Sequence[Row | int], width: int, *, now: int, redact: Callable[[str], str] = str
) -> Iterator[str]:
    """Yield a line for each of `rows`, below a line of titles.

    Args:
        found: what `rows` returned.
        width: cells of a line.
        now: Unix time in milliseconds.
        redact: takes secrets out of prompts.
    """
    table = [_cells(row, now, redact) for row in found if isinstance(row, Row)]
    name = min(max(cells(line[0]) for line in [_TITLES, *table]), NAME, max(12, width - LEAST - 2))
    columns = [max(cells(line[column]) for line in [_TITLES, *table]) for column in range(6)]
    columns[0], columns[MODELS] = name, min(columns[MODELS], MODEL)
    kept = [0, *_room(columns, width)]
    lines = iter(table)
    yield _joined(_TITLES, columns, kept, width)
    for row in found:
        if isinstance(row, int):
            yield fit(f"   ⋮ {row} more", width).rstrip()
        else:
            yield _joined(next(lines), columns, kept, width)


def plain(row: Row | int, redact: Callable[[str], str] = str) -> dict[str, Any]:
    """Return a row as JSON-ready data; of some that were left out how many."""
    if isinstance(row, int):
        return {"left_out": row}
    place, own = row.place, row.branch
    kin, spend = place.kin, own.spend
    return {
        "number": place.number,
        "id": kin.id,
        "depth": place.depth,
        "origin": None if kin.origin is None else {"id": kin.origin[0], "seq": kin.origin[1]},
        "gone": kin.file is None,
        "open": row.mark in (HERE, OPEN),
        "readable": own.readable,
        "turn": own.turn,
        "inside": own.inside,
        "turns": own.turns,
        "prompt": redact(own.prompt),
        "models": list(own.models),
        "input_tokens": spend.usage.input_tokens,
        "output_tokens": spend.usage.output_tokens,
        "cost_usd": None if spend.unpriced else float(spend.total),
        "updated": kin.updated,
    }


def age(ms: int) -> str:
    """Return how long ago something was: `3 min`, `2 h`, `5 d`."""
    unit, size = next(((unit, size) for unit, size in _AGES if ms >= size), ("s", 1000))
    return f"{max(0, ms) // size} {unit}"


_TITLES = ("   # session", "from", "turns", "cost", "age", "models", "first prompt")
_RIGHT = (False, False, True, True, True, False, False)
MODELS, PROMPT = 5, 6
_DROPPED = (5, 4, 3, 1, 2)
"""Columns in the order in which they go where there is no room."""


def _chosen(tree: Tree, here: str) -> Collection[int]:
    places = tree.places
    if len(places) <= MOST:
        return {place.number for place in places}
    by_age = sorted(places, key=lambda place: place.kin.updated, reverse=True)
    chosen = {place.number for place in by_age[: MOST - 1]} | {1}
    return chosen | {place.number for place in places if place.kin.id == here}


def _row(place: Place, directory: Path, here: str, held: Mapping[Inode, int]) -> Row:
    kin = place.kin
    if kin.file is None:
        return Row(place, Branch(), GONE)
    own = branch(session_path(directory, kin.id), kin.origin[1] if kin.origin else 0)
    return Row(place, own, HERE if kin.id == here else OPEN if kin.file in held else CLOSED)


def _cells(row: Row, now: int, redact: Callable[[str], str]) -> tuple[str, ...]:
    place, own = row.place, row.branch
    name = f"{place.number:>3} {place.guide}{row.mark} {one_line(place.kin.id)}"
    if row.mark == GONE:
        return (name, "", "", "", "", "", "(gone)")
    if not own.readable:
        why = "sealed, and no key is here" if own.sealed else "this session cannot be read"
        return (name, "", "", "", "", "", f"({why})")
    left = f"{'in ' if own.inside else ''}turn {own.turn}" if place.kin.origin else ""
    turns = f"+{own.turns}" if place.kin.origin else str(own.turns)
    cost = spent(own.spend.cost, own.spend.unpriced)
    models = one_line(", ".join(own.models))
    prompt = one_line(redact(own.prompt))
    if not own.turns:
        prompt = f"… {prompt}" if prompt else "(nothing of its own yet)"
    return (name, left, turns, cost, age(now - place.kin.updated), models, prompt)


def _room(columns: Sequence[int], width: int) -> list[int]:
    """Return the columns beside the name that there is room for."""
    kept = list(range(1, PROMPT))
    for column in _DROPPED:
        if columns[0] + sum(columns[other] + 2 for other in kept) + 2 + LEAST <= width:
            break
        kept.remove(column)
    return kept


def _joined(line: Sequence[str], columns: Sequence[int], kept: Sequence[int], width: int) -> str:
    text = "  ".join(fit(line[column], columns[column], right=_RIGHT[column]) for column in kept)
    rest = width - cells(text) - 2
    return (f"{text}  {fit(line[PROMPT], rest)}" if rest > 0 else fit(text, width)).rstrip()


def milliseconds() -> int:
    """Return what time it is, Unix time in milliseconds."""
    return time.time_ns() // 1_000_000
