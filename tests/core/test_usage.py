"""Token and money arithmetic is exact."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.usage import FREE, Cost, Price, Usage, cost_of, whole

from .strategies import costs, prices, usages


def test_each_kind_of_token_has_its_own_price():
    price = Price(Decimal("0.5"), Decimal("1.5"), Decimal("0.25"), Decimal("0.625"), "a table")
    usage = Usage(1_000_000, 100_000, cache_read=400_000, cache_write=200_000)
    cost = cost_of(usage, price)
    assert (cost.input, cost.cache_read, cost.cache_write, cost.output) == (
        Decimal("0.2"),
        Decimal("0.1"),
        Decimal("0.125"),
        Decimal("0.15"),
    )
    assert cost.total == Decimal("0.575")
    assert cost.price == price


def test_cached_tokens_without_a_price_of_their_own_cost_what_input_costs():
    price = Price(Decimal(1), Decimal(1))
    assert cost_of(Usage(1_000_000, cache_read=300_000, cache_write=1), price).total == 1


def test_a_local_model_is_free():
    assert cost_of(Usage(10**9, 10**9), FREE).total == 0


@given(st.lists(costs, max_size=6))
def test_the_parts_of_a_sum_are_the_sums_of_the_parts(items):
    total = sum(items, Cost())
    assert total.total == sum((item.total for item in items), Decimal(0))
    assert total.estimated == any(item.estimated for item in items)


@given(usages, usages)
def test_adding_usage_adds_every_kind(a, b):
    total = a + b
    assert total.input_tokens == a.input_tokens + b.input_tokens
    assert total.reasoning_tokens == a.reasoning_tokens + b.reasoning_tokens
    assert total.estimated == (a.estimated or b.estimated)


@given(usages, prices)
def test_an_estimated_usage_gives_an_estimated_cost(usage, price):
    assert cost_of(usage, price).estimated == usage.estimated


COUNT = st.integers(0, 50)
COUNTS = st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT)


@given(COUNTS, prices)
def test_a_part_is_never_larger_than_its_whole_so_no_cost_is_negative(usage, price):
    found = whole(usage)
    assert found.cache_read + found.cache_write <= found.input_tokens
    assert found.reasoning_tokens <= found.output_tokens
    assert whole(found) == found
    cost = cost_of(found, price)
    assert min(cost.input, cost.output, cost.cache_read, cost.cache_write) >= 0


def test_what_is_counted_beside_its_whole_is_added_and_nothing_else():
    assert whole(Usage(10, 5, cache_read=4000, cache_write=1)) == Usage(4011, 5, 4000, 1)
    assert whole(Usage(10, 5, reasoning_tokens=30)) == Usage(10, 35, reasoning_tokens=30)
    assert whole(Usage(10, 5, 6, 4, 5)) == Usage(10, 5, 6, 4, 5)
