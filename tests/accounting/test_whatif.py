"""What a session would have cost elsewhere: every figure follows from its records."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.accounting import whatif
from llmrepl.accounting.whatif import as_asked, as_it_was, exchanges, what_if
from llmrepl.events import (
    ContextCompacted,
    MessageFinished,
    StepFinished,
    StepStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parser import render_call
from llmrepl.parts import Reasoning, Text, ToolCall
from llmrepl.testing import FakeClock, records
from llmrepl.usage import Cost, Price, Usage, cost_of

PRICE = Price(Decimal(10), Decimal(20), Decimal(1), Decimal(12), source="test")
SAID = (Text("one two"),)
NO_CACHE = Price(Decimal(10), Decimal(20))


def session(*usages, tick=1.0, between=(), parts=SAID, cost=None):
    events = [TurnStarted(prompt=(Text("Go."),))]
    for number, usage in enumerate(usages):
        events += [
            *(between if number else ()),
            StepStarted(provider="scripted", model="test", estimated_tokens=50),
            MessageFinished(parts=parts, stop="unfinished", usage=usage, cost=cost),
            StepFinished(),
        ]
    return records([*events, TurnFinished(reason="end_turn")], clock=FakeClock(tick=tick))


def count(text):
    return len(text.split())


def found(*usages, **options):
    return exchanges(session(*usages, **options), count)


def at(price):
    return lambda usage: cost_of(usage, price)


def test_stored_usage_is_priced():
    asked = found(Usage(100, 10), Usage(150, 20))
    plain, cached = what_if("m", asked, at(PRICE))
    assert plain.cost.total == Decimal("0.0031")
    assert (plain.usage.input_tokens, plain.usage.cache_read) == (250, 0)
    assert cached.usage.cache_read == 110
    assert cached.usage.cache_write == 140
    assert cached.cost.total == (110 * 1 + 140 * 12 + 30 * 20) / Decimal(1_000_000)
    assert whatif.STORED in plain.assumptions
    assert whatif.CACHED in cached.assumptions
    assert "prices: test" in cached.assumptions


def test_what_no_service_counted_is_counted_here():
    parts = (
        Reasoning("a b c"),
        Text("one two"),
        ToolCall("1", "python", "python", {"code": "x y"}),
    )
    (asked,) = found(Usage(), parts=parts)
    assert asked.usage == Usage(50, 5 + count(render_call(parts[2])), estimated=True)
    row, _ = what_if("m", [asked], at(PRICE))
    assert whatif.RECOUNTED in row.assumptions


def test_what_a_service_counted_can_be_counted_again():
    (asked,) = exchanges(session(Usage(100, 10)), count, stored=False)
    assert asked.usage == Usage(50, 2, estimated=True)
    rows = what_if("m", [asked], at(PRICE), counted=True)
    assert [(row.tokens, row.assumptions[0]) for row in rows] == [("counted", whatif.COUNTED)] * 2


def test_what_asking_again_took_is_summed_up():
    said = [(Usage(100, 10), Cost(Decimal("0.5"))), (Usage(50, 1), Cost(Decimal("0.25")))]
    row = as_asked("m", said, 3)
    assert (row.usage, row.cost.total) == (Usage(150, 11), Decimal("0.75"))
    assert row.assumptions == (whatif.ASKED.format(2, 3),)
    assert as_asked("m", [*said, (Usage(1, 1), None)], 3).cost is None
    assert as_asked("m", [], 3).cost is None


def test_counts_of_both_kinds_are_said_to_be_mixed():
    row, _ = what_if("m", found(Usage(100, 10), Usage()), at(PRICE))
    assert whatif.MIXED in row.assumptions


def test_a_cache_grows_cold():
    assert [asked.cached for asked in found(Usage(100, 10), Usage(150, 20), tick=200.0)] == [0, 0]


def test_a_compacted_conversation_begins_its_cache_anew():
    compacted = ContextCompacted(summary="So far.", replaced=1)
    asked = found(Usage(100, 10), Usage(150, 20), between=(compacted,))
    assert [one.cached for one in asked] == [0, 0]


def test_a_model_without_a_cache_price_costs_the_same_and_says_so():
    plain, cached = what_if("m", found(Usage(100, 10), Usage(150, 20)), at(NO_CACHE))
    assert plain.cost.total == cached.cost.total
    assert whatif.NO_CACHE_PRICE in cached.assumptions


def test_an_unknown_price_stays_unknown():
    rows = what_if("m", found(Usage(100, 10)), lambda _: None)
    assert [row.cost for row in rows] == [None, None]
    assert all(whatif.UNPRICED in row.assumptions for row in rows)


def test_the_first_row_is_what_it_did_cost():
    assert as_it_was("m", found(Usage(100, 10), cost=Cost(Decimal("0.5")))).cost.total == Decimal(
        "0.5"
    )
    assert as_it_was("m", found(Usage(100, 10))).cost is None


def test_a_session_without_a_message_costs_nothing():
    assert what_if("m", [], at(PRICE))[0].cost.total == 0


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**5)), max_size=8))
def test_a_cache_holds_no_more_than_was_sent(pairs):
    asked = found(*(Usage(*pair) for pair in pairs))
    assert all(0 <= one.cached <= one.usage.input_tokens for one in asked)
    plain, cached = what_if("m", asked, at(PRICE))
    usage = cached.usage
    assert usage.cache_read + usage.cache_write == usage.input_tokens == plain.usage.input_tokens
