"""Checks of the usage database: whether it is whole, what was spent, and how good estimates are."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path

from llmrepl.accounting import Calls, Spender, UsageError, accuracies
from llmrepl.accounting.accounts import periods
from llmrepl.accounting.database import VERSION
from llmrepl.accounting.ledger import PICO, drawn_of
from llmrepl.budgets import STOP, Budget, Drawn
from llmrepl.checks import Finding
from llmrepl.compose.accounts import account, budgets_of
from llmrepl.compose.checks.site import Installation
from llmrepl.config.paths import usage_database
from llmrepl.figures import counted, money
from llmrepl.health import apart

NO_CALL = "no model was called yet"

NEARLY = 80
"""Percent of a budget from which on it is worth a warning."""

MODELS = 5
"""The models, those that are called most, whose estimates a check tells."""

OF_A_CHAT = ("step", "turn", "session")
"""Budgets that say nothing between two chats."""

UNPRICED = "SELECT count(*) FROM charges WHERE cost IS NULL"
SPENT = "SELECT sum(cost) FROM charges WHERE at >= ?"


async def usage(site: Installation) -> Sequence[Finding]:
    """Say whether the usage database is whole, and what is spent of the budgets."""
    budgets = [b for b in budgets_of(site.settings, None) if b.scope not in OF_A_CHAT]
    whose = Spender("", str(site.cwd), account(site.environ))
    return await apart(partial(_usage, usage_database(site.environ), whose, budgets))


def _usage(file: Path, whose: Spender, budgets: Sequence[Budget]) -> Sequence[Finding]:
    if not file.exists():
        none = Finding(status="ok", message=NO_CALL, measures=_measures())
        return [none, *(_budget(Drawn(each)) for each in budgets)]
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as base:
            (state,) = base.execute("PRAGMA quick_check(1)").fetchone()
            if state == "ok":
                return [*_ledger(base, whose, budgets)]
    except sqlite3.DatabaseError as error:
        state = str(error)
    return [
        Finding(
            status="warning",
            message=f"the usage database {file} is damaged: {state}",
            fix=f"move it away, and a new one begins: mv {file} {file}.damaged",
        )
    ]


def _ledger(
    base: sqlite3.Connection, whose: Spender, budgets: Sequence[Budget]
) -> Iterator[Finding]:
    """Yield what the ledger says; raises `sqlite3.DatabaseError` where it cannot be read."""
    (version,) = base.execute("PRAGMA user_version").fetchone()
    if version == 0:  # another process is making it
        yield Finding(status="ok", message=NO_CALL, measures=_measures())
        return
    if version < VERSION:
        (calls,) = base.execute("SELECT count(*) FROM calls").fetchone()
        message = f"{counted(calls, 'call')} in a database of version {version}; the next renews it"
        yield Finding(status="ok", message=message, measures=_measures(calls))
        return
    now = periods(time.time_ns() // 1_000_000)
    (calls,) = base.execute("SELECT count(*) FROM charges").fetchone()
    (unpriced,) = base.execute(UNPRICED).fetchone()
    day, month = (
        Decimal(base.execute(SPENT, (since,)).fetchone()[0] or 0) / PICO
        for since in (now.day, now.month)
    )
    message = f"{counted(calls, 'call')}, {money(day)} today, {money(month)} this month"
    if unpriced:
        message += f"; of {unpriced} nobody knows the price: `llmrepl usage` names the models"
    yield Finding(status="ok", message=message, measures=_measures(calls, unpriced, day, month))
    for budget in budgets:
        yield _budget(drawn_of(base, whose, budget, now))


def _measures(
    calls: int = 0, unpriced: int = 0, day: Decimal = Decimal(0), month: Decimal = Decimal(0)
) -> dict[str, float]:
    return {
        "calls": float(calls),
        "unpriced_calls": float(unpriced),
        "today_dollars": float(day),
        "this_month_dollars": float(month),
    }


def _budget(drawn: Drawn) -> Finding:
    """Return how a budget stands."""
    budget, spent = drawn.budget, drawn.spent
    of = f"{money(spent)} of {money(budget.amount)} is spent"
    measures = {"budget_dollars": float(budget.amount), "budget_spent_dollars": float(spent)}
    subject = f"budget for {budget.scope}"
    if spent * 100 < budget.amount * NEARLY:
        return Finding(status="ok", subject=subject, message=of, measures=measures)
    then = "calls stop at its end" if budget.then == STOP else "it only warns"
    return Finding(
        status="warning",
        subject=subject,
        message=f"{of}, and {then}",
        fix=f"raise budgets.{budget.scope}, or ask a cheaper or local model",
        measures=measures,
    )


async def estimates(site: Installation) -> Sequence[Finding]:
    """Say how near the estimates of tokens are to what services count."""
    return [await apart(partial(_estimates, usage_database(site.environ)))]


def _estimates(file: Path) -> Finding:
    calls = Calls(file)
    try:
        found = accuracies(calls)
    except UsageError:
        return Finding(status="skipped", message="the usage database cannot be read")
    finally:
        calls.close()
    most = sorted(found.items(), key=lambda item: -item[1].calls)[:MODELS]
    message = "; ".join(f"{name}: {each}" for name, each in most) or "no model was called yet"
    return Finding(status="ok", message=message)
