"""Whether a call may be made with what is left of the budgets. Pure: numbers in, a verdict out.

A call is judged before it is made, by the most it can cost, and what it may cost is held until it
has ended. Where nobody can bound its answer, what it sends has to fit, and one such call at a time
may be under way: so a budget that stops is exceeded by the answer of one call at the most, and not
at all where answers are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

SCOPES = ("step", "turn", "session", "day", "month", "project", "user")
"""What there can be a budget for, the smallest first."""

STOP, WARN = "stop", "warn"
"""What is done with a call that does not fit: it is not made, or a person is told."""

MARKS = (50, 80, 100)
"""The parts of a budget, in percent, at which a person is told what is left of it."""

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Budget:
    """US dollars for a scope, and whether a call that does not fit is stopped."""

    scope: str
    amount: Decimal
    then: str = STOP


@dataclass(frozen=True, slots=True)
class Drawn:
    """A budget and what of it is gone: `spent`, and `held` for calls that are under way.

    `open` says that nobody can bound what one of those will cost.
    """

    budget: Budget
    spent: Decimal = NOTHING
    held: Decimal = NOTHING
    open: bool = False

    @property
    def room(self) -> Decimal:
        """What is left; negative where too much was spent."""
        return self.budget.amount - self.spent - self.held


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call can cost: at `least` what it sends, at `most` that and the longest answer.

    `least` is None where nobody knows the price, `most` where nobody can bound the answer.
    `capped` says that the request itself bounds the answer, by its `max_tokens`.
    """

    least: Decimal | None
    most: Decimal | None = None
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`go`, `wait` until another call has ended, or `stop`; `why` is what it does not fit.

    With `go`, `hold` is to be held until the call has ended; `open` as in `Drawn`.
    """

    word: str
    hold: Decimal = NOTHING
    open: bool = False
    why: Drawn | None = None


def judge(drawn: Iterable[Drawn], asked: Asked) -> Verdict:
    """Return whether a call may be made.

    Args:
        drawn: the budgets that the call counts towards.
        asked: what it can cost.
    """
    stops = [each for each in drawn if each.budget.then == STOP]
    least, most = asked.least, asked.most
    if least is None:
        return Verdict(STOP, why=stops[0]) if stops else Verdict("go")
    if most == 0:
        return Verdict("go")
    if most is not None and all(each.room >= most for each in stops):
        return Verdict("go", most)
    needed = least if most is None or not asked.capped else most
    tight = [each for each in stops if each.room < needed or each.room <= 0]
    if tight:
        spent = [each for each in tight if _is_spent(each, needed)]
        return Verdict(STOP, why=spent[0]) if spent else Verdict("wait", why=tight[0])
    if busy := next((each for each in stops if each.open), None):
        return Verdict("wait", why=busy)
    return Verdict("go", needed, open=True)


def _is_spent(drawn: Drawn, needed: Decimal) -> bool:
    """Whether a call would not fit even if those that are under way cost nothing."""
    left = replace(drawn, held=NOTHING).room
    return left < needed or left <= 0


def crossed(budget: Budget, before: Decimal, after: Decimal) -> int:
    """Return the highest mark of a budget, in percent, that was reached by a call; 0 for none."""
    reached = [
        mark for mark in MARKS if before * 100 < budget.amount * mark <= after * 100 and after > 0
    ]
    return max(reached, default=0)


def forecast(spent: Decimal, days: Sequence[Decimal], gone: float, whole: float) -> Decimal:
    """Return what a month will have cost at its end.

    What is to come goes by the days before: by the mean of the last seven.

    Args:
        spent: what it has cost so far.
        days: what each whole day before today has cost, the last one last; of earlier months, too.
        gone: the days of the month that are over, with the part of today.
        whole: the days of the month.
    """
    last = days[-7:]
    left = Decimal(str(max(0.0, whole - gone)))
    if last:
        return spent + sum(last, NOTHING) / len(last) * left
    if gone <= 0:
        return spent
    return spent + spent / Decimal(str(gone)) * left
