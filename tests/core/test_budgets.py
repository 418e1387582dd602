"""What is decided about a call, a budget and a month, from numbers alone."""

from decimal import Decimal
from itertools import pairwise

import pytest

from llmrepl.budgets import Asked, Budget, Drawn, crossed, forecast, judge

DAY = Budget("day", Decimal(10))


@pytest.mark.parametrize(
    ("drawn", "asked", "word"),
    [
        (Drawn(DAY, Decimal(9)), Asked(Decimal(1), Decimal(1), capped=True), "go"),
        (Drawn(DAY, Decimal(9)), Asked(Decimal(1), Decimal(2), capped=True), "stop"),
        (Drawn(DAY, Decimal(8), Decimal(1)), Asked(Decimal(1), Decimal(2), capped=True), "wait"),
        (Drawn(DAY, Decimal(9)), Asked(Decimal(1), Decimal(2)), "go"),
        (Drawn(DAY, Decimal(9)), Asked(Decimal(2)), "stop"),
        (Drawn(DAY, Decimal(1), Decimal(1), open=True), Asked(Decimal(1)), "wait"),
        (Drawn(DAY, Decimal(10)), Asked(Decimal(0)), "stop"),
        (Drawn(DAY, Decimal(11)), Asked(Decimal(0), Decimal(0)), "go"),
        (Drawn(DAY), Asked(None), "stop"),
        (Drawn(Budget("day", Decimal(10), "warn"), Decimal(11)), Asked(Decimal(1)), "go"),
        (Drawn(Budget("day", Decimal(10), "warn"), Decimal(11)), Asked(None), "go"),
    ],
)
def test_a_call_is_judged_by_what_it_can_cost(drawn, asked, word):
    assert judge([drawn], asked).word == word


def test_a_budget_is_told_of_at_each_mark_once():
    steps = [Decimal(cost) for cost in ("0", "4.9", "5", "7.9", "9.9", "10", "11")]
    marks = [crossed(DAY, before, after) for before, after in pairwise(steps)]
    assert marks == [0, 50, 0, 80, 100, 0]
    assert crossed(DAY, Decimal(0), Decimal(12)) == 100
    assert crossed(Budget("day", Decimal(0)), Decimal(0), Decimal(0)) == 0


def test_a_month_goes_on_as_its_last_days_did():
    days = [Decimal(100)] + [Decimal(2)] * 7
    assert forecast(Decimal(30), days, 20.0, 30.0) == Decimal(50)
    assert forecast(Decimal(30), [], 15.0, 30.0) == Decimal(60)
    assert forecast(Decimal(30), [], 0.0, 30.0) == Decimal(30)
