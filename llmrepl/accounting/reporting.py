"""A usage report as people read it: what rows cost, what their bars are, what is said below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from llmrepl.accounting.report import Report, Row
from llmrepl.budgets import Drawn
from llmrepl.figures import UNKNOWN, counted, money, percent


def cost_of(row: Row) -> str:
    """Return what calls cost: `$0.51`, and `$0.51 + $?` where some had no price."""
    return known(row.cost, row.unpriced, estimated=row.usage.estimated)


def known(cost: Decimal, unpriced: int, *, estimated: bool = False) -> str:
    """Return a sum of which `unpriced` parts are not known: `$0.51`, `$0.51 + $?`, `$?`."""
    told = money(cost, estimated=estimated)
    if not unpriced:
        return told
    return f"{told} + {UNKNOWN}" if cost else UNKNOWN


def drawn_of(drawn: Drawn) -> str:
    """Return what is gone of a budget: `$0.51 of $20.00 (2%), then warn`."""
    budget, spent = drawn.budget, drawn.spent
    share = percent(int(spent * 10**6), int(budget.amount * 10**6))
    return f"{money(spent)} of {money(budget.amount)} ({share}), then {budget.then}"


def remarks(found: Report, drawn: Iterable[Drawn], about: Mapping[str, str]) -> list[str]:
    """Return the lines below a report.

    Args:
        found: the report.
        drawn: the budgets, with what is gone of them.
        about: what `llmrepl.accounting.prices.Prices.about` says.
    """
    said = []
    for model, calls in found.unpriced:
        said.append(
            f"nobody knows what {model} costs: {counted(calls, 'call')} in no sum"
            f' (set prices."{model}")'
        )
    if found.total.saved:
        said.append(f"saved by caches: {money(found.total.saved)}")
    if found.routed is not None:
        said.append(f"saved by asking others than the first of a chain: {money(found.routed)}")
    if found.month:
        month, end = money(found.month), money(found.expected)
        said.append(f"this month: {month} so far, about {end} at its end, going by the last week")
    said += [f"budget for {each.budget.scope}: {drawn_of(each)}" for each in drawn]
    newest = f", newest price of {about['newest']}" if about["newest"] else ""
    said.append(f"prices: {about['source']}{newest}; each call keeps the price of its day")
    return said
