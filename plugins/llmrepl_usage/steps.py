"""The table of a session's steps. Columns that do not fit are left out, the least needed first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from llmrepl.cells import cells, elided, padded
from llmrepl.figures import cached, duration, money, rate, spent, tokens
from llmrepl.standing import Fragment, StepUsage, spend_of
from llmrepl.usage import Usage
from llmrepl_usage.cells import wrapped

Line = Sequence[Fragment]
GAP = "  "
LONGEST_NAME = 32
"""Cells of a model's name."""

MARK = "▸"
"""Stands before the steps of the biggest turn."""


class Column(NamedTuple):
    """A column: what it is called, what it has of a step and of all, and whether it is a number.

    The column with the smallest `need` gives way first.
    """

    title: str
    need: int
    cell: Callable[[StepUsage], str]
    total: Callable[[Sequence[StepUsage]], str]
    number: bool = True


def _nothing(_: Sequence[StepUsage]) -> str:
    return ""


def _speed(step: StepUsage) -> str:
    writing = step.total_ms - (step.first_token_ms or 0)
    return rate(step.usage.output_tokens, writing) if step.usage.output_tokens else ""


def _tokens(field: str) -> tuple[Callable[[StepUsage], str], Callable[[Sequence[StepUsage]], str]]:
    """Return how a count of tokens is shown, of a step and of all."""

    def cell(step: StepUsage) -> str:
        return tokens(getattr(step.usage, field), estimated=step.usage.estimated)

    def total(steps: Sequence[StepUsage]) -> str:
        usage = spend_of(steps).usage
        return tokens(getattr(usage, field), estimated=usage.estimated)

    return cell, total


def _from_cache(usage: Usage) -> str:
    """Return the tokens that were read from the cache, and what part of the input they are."""
    read = tokens(usage.cache_read, estimated=usage.estimated)
    return f"{read} {cached(usage)}".rstrip()


def _paid(step: StepUsage) -> str:
    cost = step.cost
    return money(None) if cost is None else money(cost.total, estimated=cost.estimated)


def _all_paid(steps: Sequence[StepUsage]) -> str:
    spend = spend_of(steps)
    return spent(spend.cost, spend.unpriced)


def _first(step: StepUsage) -> str:
    return "" if step.first_token_ms is None else duration(step.first_token_ms)


def _name(step: StepUsage) -> str:
    return "summary" if step.purpose == "compact" else f"{step.turn}.{step.step}"


COLUMNS = (
    Column("step", 9, _name, lambda _: "all", number=False),
    Column("model", 4, lambda step: elided(step.model, LONGEST_NAME), _nothing, number=False),
    Column("↑ in", 6, *_tokens("input_tokens")),
    Column("cached", 1, lambda s: _from_cache(s.usage), lambda s: _from_cache(spend_of(s).usage)),
    Column("written", 0, *_tokens("cache_write")),
    Column("↓ out", 7, *_tokens("output_tokens")),
    Column("first", 2, _first, _nothing),
    Column("time", 5, lambda s: duration(s.total_ms), lambda s: duration(_time(s))),
    Column("speed", 3, _speed, _nothing),
    Column("cost", 8, _paid, _all_paid),
)
"""Every column in its place; `cached` and `written` are there where a cache was used."""

CACHE = {"cached": "cache_read", "written": "cache_write"}


def _time(steps: Iterable[StepUsage]) -> float:
    return sum(step.total_ms for step in steps)


def usage(steps: Sequence[StepUsage], width: int) -> list[Line]:
    """Return the table in lines of at most `width` cells.

    Args:
        steps: what each message took, oldest first.
        width: of the terminal.
    """
    if not steps:
        return _told("no message yet", width)
    biggest = biggest_turn(steps)
    turn = biggest[0] if biggest else 0
    shown = {c: _texts(c, steps, turn) for c in COLUMNS if _used(c, steps)}
    sizes = {column: max(map(cells, texts)) for column, texts in shown.items()}
    while len(shown) > 1 and sum(sizes[c] for c in shown) + len(GAP) * (len(shown) - 1) > width:
        del shown[min(shown, key=lambda column: column.need)]
    padding = [
        [padded(text, sizes[column], right=column.number) for text in texts]
        for column, texts in shown.items()
    ]
    lines = [elided(GAP.join(row).rstrip(), width) for row in zip(*padding, strict=True)]
    table: list[Line] = [[("dim", text)] for text in lines[:1]]
    for step, text in zip(steps, lines[1:-1], strict=True):
        table.append([("strong" if step.turn == turn else "", text)])
    table.append([("strong", lines[-1])])
    if biggest:
        table += _told(f"biggest turn: {turn}, {biggest[1]:.1f}x the average", width)
    return table


def biggest_turn(steps: Sequence[StepUsage]) -> tuple[int, float] | None:
    """Return the turn that took most, and how many times the average that is.

    It goes by cost where the price of every message is known, else by tokens. None where there are
    not two turns, or all took the same.
    """
    priced = all(step.cost is not None for step in steps)
    size = _cost_of if priced and any(map(_cost_of, steps)) else _tokens_of
    turns: dict[int, Decimal] = {}
    for step in steps:
        turns[step.turn] = turns.get(step.turn, Decimal(0)) + size(step)
    if len(set(turns.values())) == 1:
        return None
    turn = max(turns, key=lambda turn: turns[turn])
    return turn, float(turns[turn] * len(turns) / sum(turns.values()))


def _cost_of(step: StepUsage) -> Decimal:
    return Decimal(0) if step.cost is None else step.cost.total


def _tokens_of(step: StepUsage) -> Decimal:
    return Decimal(step.usage.input_tokens + step.usage.output_tokens)


def _used(column: Column, steps: Sequence[StepUsage]) -> bool:
    field = CACHE.get(column.title)
    return field is None or any(getattr(step.usage, field) for step in steps)


def _texts(column: Column, steps: Sequence[StepUsage], turn: int) -> list[str]:
    """Return a column: its title, what it has of each step, its sum; the first has the marks."""
    texts = [column.title, *map(column.cell, steps), column.total(steps)]
    if not turn or column is not COLUMNS[0]:
        return texts
    marked = (False, *(step.turn == turn for step in steps), False)
    return [f"{MARK if here else ' '} {text}" for here, text in zip(marked, texts, strict=True)]


def _told(text: str, width: int) -> list[Line]:
    return [[("dim", line)] for line in wrapped(text, width)]
