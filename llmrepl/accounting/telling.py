"""What a person is told of budgets: that a mark is reached, or that a call has no room."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from llmrepl.accounting.database import UsageError
from llmrepl.budgets import MARKS, STOP, Asked, Budget, Verdict
from llmrepl.errors import BudgetExceeded
from llmrepl.figures import money

NAMES = {
    "step": "this step",
    "turn": "this turn",
    "session": "this session",
    "day": "today",
    "month": "this month",
    "project": "this project",
    "user": "you",
}
"""What a budget is for, as a person is told."""

SETTINGS = {"session": "--budget or limits.budget"}
"""Which setting a budget is, where it has another name than `budgets.SCOPE`."""


def alert(budget: Budget, spent: Decimal, mark: int) -> str:
    """Return what a person is told when so many percent of a budget are spent."""
    what = f"{money(spent)} of {money(budget.amount)} for {NAMES[budget.scope]}"
    if mark < MARKS[-1]:
        return f"Budget: {mark}% is spent, {what}."
    after = "no call follows" if budget.then == STOP else "it only warns, so calls go on"
    return f"Budget: all of it is spent, {what}; {after}."


def refusal(verdict: Verdict, asked: Asked, model: str) -> BudgetExceeded:
    """Return the error that says why a call is not made, and what can be done."""
    why = verdict.why
    assert why is not None
    budget = why.budget
    setting = SETTINGS.get(budget.scope, f"budgets.{budget.scope}")
    limit = f"the budget of {money(budget.amount)} for {NAMES[budget.scope]}"
    if asked.least is None:
        return BudgetExceeded(
            f"nobody knows what {model} costs, so {limit} cannot be kept",
            hint=f'set prices."{model}" with input and output, or list {budget.scope} in'
            " budgets.warn",
        )
    needed = asked.most if asked.capped and asked.most is not None else asked.least
    left = max(why.room, Decimal(0))
    held = f", {money(why.held)} held for calls under way" if why.held else ""
    return BudgetExceeded(
        f"{limit} has {money(left)} left ({money(why.spent)} spent{held}), and the next call to"
        f" {model} can cost {money(needed)}",
        hint=f"raise {setting}, ask for shorter answers with max_tokens, or /model for a cheaper"
        " or local model; /continue goes on",
    )


def unusable(error: UsageError, budgets: Iterable[Budget]) -> BudgetExceeded | None:
    """Return why no call is made where the ledger cannot be used; None where none needs it.

    Args:
        error: why it cannot be used.
        budgets: those that go by the ledger.
    """
    for budget in budgets:
        if budget.then == STOP:
            hint = f"{error.hint}; or take budgets.{budget.scope} away"
            return BudgetExceeded(f"no budget can be kept: {error.message}", hint=hint)
    return None
