from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl import figures as shown
from llmrepl.usage import FREE, Cost, Usage, cost_of


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (200, "200"),
        (999, "999"),
        (1000, "1k"),
        (3_100, "3.1k"),
        (12_345, "12.3k"),
        (124_400, "124k"),
        (999_960, "1M"),
        (1_200_000, "1.2M"),
        (3_000_000_000, "3G"),
    ],
)
def test_tokens(count, text):
    assert shown.tokens(count) == text
    assert shown.tokens(count, estimated=True) == f"~{text}"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0"),
        ("0.00", "$0"),
        ("0.00000001", "<$0.0001"),
        ("0.0001", "$0.0001"),
        ("0.0004", "$0.0004"),
        ("0.00314", "$0.0031"),
        ("0.0999", "$0.0999"),
        ("0.09999", "$0.10"),
        ("0.125", "$0.13"),
        ("1.239", "$1.24"),
        ("12345.6", "$12,345.60"),
        ("-0.0004", "-$0.0004"),
    ],
)
def test_money(amount, text):
    assert shown.money(Decimal(amount)) == text


def test_a_noun_is_in_the_plural_unless_there_is_one():
    assert [shown.counted(n, "line") for n in (0, 1, 2)] == ["0 lines", "1 line", "2 lines"]
    assert shown.counted(1, "entry", "entries") == "1 entry"
    assert shown.counted(2, "entry", "entries") == "2 entries"
    assert [shown.column(n, "turn") for n in (1, 12)] == ["  1 turn ", " 12 turns"]


def test_estimated_money_has_a_tilde_but_nothing_is_nothing():
    assert shown.money(Decimal("0.0004"), estimated=True) == "~$0.0004"
    assert shown.money(Decimal(0), estimated=True) == "$0"


def test_unknown_money_is_never_zero():
    assert shown.money(None) == "$?"


@given(st.decimals(min_value=0, max_value=10_000, places=12))
def test_only_nothing_is_shown_as_nothing(amount):
    digits = shown.money(amount).strip("<$").replace(",", "")
    assert (float(digits) == 0) == (amount == 0)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (0.4, "0.4 ms"),
        (9.96, "10 ms"),
        (12, "12 ms"),
        (999.6, "1.0 s"),
        (2_300, "2.3 s"),
        (59_960, "1 min 0 s"),
        (64_000, "1 min 4 s"),
        (3_599_600, "1 h 0 min"),
        (7_500_000, "2 h 5 min"),
    ],
)
def test_durations(ms, text):
    assert shown.duration(ms) == text


USAGE = Usage(3_100, 200)


def dollars(amount: str, *, estimated: bool = False) -> Cost:
    return Cost(input=Decimal(amount), estimated=estimated)


def test_a_turn_is_one_line():
    line = shown.turn_line(USAGE, dollars("0.0004"), 2_300, dollars("0.0031"))
    assert line == "↑ 3.1k ↓ 200 tokens · $0.0004 · 2.3 s · session $0.0031"


def test_a_turn_with_estimates_says_so():
    usage = Usage(3_100, 200, estimated=True)
    cost = dollars("0.0004", estimated=True)
    line = shown.turn_line(usage, cost, 2_300, cost)
    assert line == "↑ ~3.1k ↓ ~200 tokens · ~$0.0004 · 2.3 s · session ~$0.0004"


def test_a_turn_without_a_price_leaves_the_session_open():
    line = shown.turn_line(USAGE, None, 12, dollars("0.0031"), unpriced=2)
    assert line == "↑ 3.1k ↓ 200 tokens · $? · 12 ms · session $0.0031 + $?"


def test_a_session_of_which_no_price_is_known_is_not_free():
    line = shown.turn_line(USAGE, None, 12, Cost(), unpriced=1)
    assert line.endswith("session $?")


def test_a_local_model_is_free():
    cost = cost_of(USAGE, FREE)
    assert shown.turn_line(USAGE, cost, 12, cost).endswith("$0 · 12 ms · session $0")


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0%"),
        (1, 1000, "<1%"),
        (42, 100, "42%"),
        (599, 1000, "59%"),
        (999, 1000, "99%"),
        (10, 10, "100%"),
        (12, 10, "120%"),
        (0, 0, "0%"),
    ],
)
def test_percent_is_rounded_down(part, whole, text):
    assert shown.percent(part, whole) == text


def test_an_estimated_percentage_says_so():
    assert shown.percent(42, 100, estimated=True) == "~42%"
    assert shown.percent(0, 100, estimated=True) == "0%"
    assert shown.percent(1, 1000, estimated=True) == "<1%"


@pytest.mark.parametrize(
    ("count", "ms", "text"),
    [
        (90, 2000, "45 tok/s"),
        (0, 100, "0 tok/s"),
        (1, 60_000, "<1 tok/s"),
        (9, 0, ""),
        (9, -1, ""),
    ],
)
def test_rates(count, ms, text):
    assert shown.rate(count, ms) == text


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (Usage(1000, 10), ""),
        (Usage(1000, 10, cache_read=830), "83%"),
        (Usage(1000, 10, cache_read=830, estimated=True), "~83%"),
        (Usage(1000, 10, cache_write=990), "0%"),
        (Usage(), ""),
    ],
)
def test_what_came_from_the_cache_is_told_where_there_is_one(usage, text):
    assert shown.cached(usage) == text
