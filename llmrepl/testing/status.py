"""What every view of the group `llmrepl.status` keeps, as checks that a plugin's tests can call.

A check returns where the contract is kept and raises an `AssertionError` that names the clause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import TypeVar

from llmrepl.cells import cells
from llmrepl.conversation import Spend
from llmrepl.standing import Alarm, Budgeted, Filling, Fragment, Standing, Steps, StepUsage
from llmrepl.testing.builders import Step, records, turn
from llmrepl.usage import Cost, Usage

V = TypeVar("V")
T = TypeVar("T")

WIDTHS = (1, 7, 20, 39, 40, 80, 120, 300)
STANDING = Standing(
    mode="ask",
    model="scripted/日本語の名前/a-model-with-a-long-name",
    sandbox="full sandbox",
    policy="writes a copy of the project, and /tmp; no network",
    cwd="~/a/directory/プロジェクト",
)
ZERO = Decimal(0)
SPENDS = (
    Spend(),
    Spend(Usage(12_345, 678, estimated=True), Cost(Decimal("0.0031"), estimated=True)),
    Spend(Usage(10**9, 10**7, 10**6, 10**6), Cost(Decimal("1234.5")), unpriced=3),
)


def standings() -> Iterator[Standing]:
    """Return standings of every kind: with and without a limit, an alarm, a price."""
    alarms: Sequence[Alarm] = ("", "missing", "off")
    contexts = ((None, None), (0, 8192), (5000, None), (7900, 8192), (9999, 8192))
    budgets = (None, ZERO, Decimal("1.5"))
    for alarm, (context, room), spend, budget in product(alarms, contexts, SPENDS, budgets):
        yield replace(
            STANDING, alarm=alarm, context=context, room=room, session=spend, budget=budget
        )
    day, month = Budgeted("day", Decimal("4.9"), Decimal(5)), Budgeted("month", ZERO, ZERO)
    yield replace(STANDING, session=SPENDS[1], budgets=(day, month))
    yield replace(STANDING, remark="not a language model", policy="", cwd="", mode="")


def check_status_line(draw: Callable[[Standing, int], Iterable[Fragment]]) -> None:
    """Check that `draw` can show every standing at every width, in one line that fits.

    Args:
        draw: what an entry point called `line` names.

    Raises:
        AssertionError: it raised, took more cells than there are, or returned something else.
    """
    for standing, width in product(standings(), WIDTHS):
        _check_line(_drawn(draw, standing, width), width)


def check_usage(draw: Callable[[Sequence[StepUsage], int], Iterable[Iterable[Fragment]]]) -> None:
    """Check that `draw` can show the steps of any session at every width.

    Args:
        draw: what an entry point called `usage` names.

    Raises:
        AssertionError: as `check_status_line` does.
    """
    turns = [turn("Go on.", [Step("Hm.", "1"), Step("Done.")], number=n) for n in range(1, 40)]
    steps = Steps(records(event for events in turns for event in events)).taken
    odd = StepUsage(40, 1, STANDING.model, Usage(10**9, 1, 5, 5, estimated=True))
    for some, width in product(([], steps[:1], [odd], [*steps, odd]), WIDTHS):
        for line in _drawn(draw, some, width):
            _check_line(line, width)


def check_context(draw: Callable[[Filling, int], Iterable[Iterable[Fragment]]]) -> None:
    """Check that `draw` can show whatever fills a context at every width.

    Args:
        draw: what an entry point called `context` names.

    Raises:
        AssertionError: as `check_status_line` does.
    """
    parts: Sequence[Mapping[str, int]] = (
        {},
        {"system prompt": 900, "answers": 0},
        {"日本語 of a newer version": 10**7, "b": 1},
    )
    for some, room, width in product(parts, (None, 1, 8192, 10**9), WIDTHS):
        for line in _drawn(draw, Filling(STANDING.model, some, room), width):
            _check_line(line, width)


def _drawn(draw: Callable[[V, int], Iterable[T]], value: V, width: int) -> list[T]:
    try:
        return list(draw(value, width))
    except Exception as error:
        raise AssertionError(f"it raised at {value!r} and width {width}: {error!r}") from error


def _check_line(line: Iterable[Fragment], width: int) -> None:
    fragments = list(line)
    for fragment in fragments:
        assert isinstance(fragment, tuple), f"a fragment is a style and a text, not {fragment!r}"
        assert len(fragment) == len(("style", "text")), f"not {fragment!r}"
        assert all(isinstance(each, str) for each in fragment), f"both are str: {fragment!r}"
    text = "".join(text for _, text in fragments)
    assert "\n" not in text, f"a line has no end inside: {text!r}"
    size = cells(text)
    assert size <= width, f"a line of {size} cells does not fit into {width}: {text!r}"
