"""What the ledger adds up to: by day, model and so on, with what caches and chains have saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llmrepl.accounting.ledger import PICO, Ledger, Periods
from llmrepl.budgets import forecast
from llmrepl.usage import Cost, Usage

if TYPE_CHECKING:
    import sqlite3

KEYS = {
    "day": "date(at / 1000, 'unixepoch', 'localtime')",
    "week": "strftime('%Y-%W', at / 1000, 'unixepoch', 'localtime')",
    "month": "strftime('%Y-%m', at / 1000, 'unixepoch', 'localtime')",
    "model": "provider || '/' || model",
    "session": "session",
    "project": "project",
    "purpose": "purpose",
}
"""What a report can be by, and what that is of a call. Weeks begin on Mondays."""

IN_TIME = ("day", "week", "month")
"""Those that are in the order of time; the others go by what they cost."""

_ROWS = """
SELECT KEY, count(*), sum(status != 'ok'), sum(input_tokens), sum(cache_read), sum(cache_write),
    sum(output_tokens), sum(reasoning_tokens), max(estimated), sum(cost), sum(cost IS NULL),
    sum(saved), sum(ms)
FROM charges WHERE at >= ? GROUP BY 1 ORDER BY 1
"""
_UNPRICED = """
SELECT provider || '/' || model, count(*) FROM charges WHERE at >= ? AND cost IS NULL
GROUP BY 1 ORDER BY 1
"""
_ROUTED = """
SELECT passed, input_tokens, cache_read, cache_write, output_tokens, reasoning_tokens, cost
FROM charges WHERE at >= ? AND passed != '' AND cost IS NOT NULL
"""
_DAYS = """
SELECT date(at / 1000, 'unixepoch', 'localtime'), sum(cost) FROM charges WHERE at >= ? AND at < ?
GROUP BY 1 ORDER BY 1
"""
DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Row:
    """Some calls together. `unpriced` of them have no known price and are not in `cost`.

    `broken` did not end well: failed, were cancelled or broken off. Amounts are US dollars.
    """

    key: str
    calls: int = 0
    broken: int = 0
    usage: Usage = Usage()
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    saved: Decimal = Decimal(0)
    ms: float = 0.0

    def __add__(self, other: Row) -> Row:
        return Row(
            self.key,
            self.calls + other.calls,
            self.broken + other.broken,
            self.usage + other.usage,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
            self.saved + other.saved,
            self.ms + other.ms,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """The rows, and what is said below them.

    `unpriced` are the models that nobody knows the price of, with their calls. `routed` is what
    calls have cost less than on the model that stands first in their chain, None where there were
    none. `month` is what this month has cost, `expected` what it will have cost at its end.
    """

    by: str
    rows: tuple[Row, ...]
    total: Row
    unpriced: tuple[tuple[str, int], ...]
    routed: Decimal | None
    month: Decimal
    expected: Decimal


Price = Callable[[str, Usage], Cost | None]
"""What tokens cost now on a model, as provider/model; None where nobody knows."""


def report(ledger: Ledger, by: str, since: int, periods: Periods, price: Price) -> Report:
    """Return what calls add up to.

    Args:
        ledger: has the calls.
        by: one of `KEYS`.
        since: Unix time in milliseconds of the first that count.
        periods: what time it is.
        price: knows what a call would have cost elsewhere.

    Raises:
        UsageError: the ledger cannot be read.
    """

    def read(db: sqlite3.Connection) -> Report:
        found = db.execute(_ROWS.replace("KEY", KEYS[by]), (since,)).fetchall()
        rows = [_row(each) for each in found]
        if by not in IN_TIME:
            rows.sort(key=lambda row: (-row.cost, -row.calls, row.key))
        month, days = _month(db, periods)
        whole, gone = _days(periods)
        return Report(
            by,
            tuple(rows),
            sum(rows, Row("all")),
            tuple(db.execute(_UNPRICED, (since,)).fetchall()),
            _routed(db.execute(_ROUTED, (since,)).fetchall(), price),
            month,
            forecast(month, days, gone, whole),
        )

    nothing = Report(by, (), Row("all"), (), None, Decimal(0), Decimal(0))
    return ledger.database.read(read, nothing)


def _row(found: tuple[Any, ...]) -> Row:
    key, calls, broken, sent, read, write, said, thought, estimated, cost, unpriced, *rest = found
    saved, ms = rest
    usage = Usage(sent, said, read, write, thought, bool(estimated))
    return Row(
        key, calls, broken, usage, Decimal(cost or 0) / PICO, unpriced, Decimal(saved) / PICO, ms
    )


def _routed(calls: list[tuple[Any, ...]], price: Price) -> Decimal | None:
    saved: Decimal | None = None
    for passed, sent, read, write, said, thought, cost in calls:
        there = price(passed, Usage(sent, said, read, write, thought))
        if there is not None:
            saved = (saved or Decimal(0)) + there.total - Decimal(cost) / PICO
    return saved


def _month(db: sqlite3.Connection, periods: Periods) -> tuple[Decimal, list[Decimal]]:
    """Return what this month has cost, and each of the seven days before today from the first."""
    (spent,) = db.execute(
        "SELECT sum(cost) FROM charges WHERE at >= ?", (periods.month,)
    ).fetchone()
    week = periods.day - 7 * DAY_MS
    found = db.execute(_DAYS, (week, periods.day)).fetchall()
    (first,) = db.execute("SELECT min(at) FROM charges").fetchone()
    began = max(week, periods.day if first is None else first)
    days = -(-(periods.day - began) // DAY_MS)  # those without a call count, too
    costs = [Decimal(cost or 0) / PICO for _, cost in found]
    return Decimal(spent or 0) / PICO, [*[Decimal(0)] * (days - len(costs)), *costs]


def _days(periods: Periods) -> tuple[float, float]:
    """Return the days of the month, and those of it that are over."""
    from calendar import monthrange
    from datetime import datetime

    when = datetime.fromtimestamp(periods.now / 1000).astimezone()
    whole = monthrange(when.year, when.month)[1]
    return float(whole), when.day - 1 + (periods.now - periods.day) / DAY_MS
