"""What each step took is kept as it happens, and adds up to what the session took."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversation import Spend
from llmrepl.events import ContextCompacted, StepStarted
from llmrepl.record import Record
from llmrepl.runtime import fold
from llmrepl.standing import Filling, Ledger, StepUsage, spend_of
from llmrepl.testing.builders import COST, USAGE, Step, records, turn
from llmrepl.usage import Usage
from tests.core.strategies import costs, usages


def session(*turns):
    """The records of some turns, each of so many steps."""
    events = []
    for number, steps in enumerate(turns, 1):
        calls = [Step("Hm.", "1")] * (steps - 1)
        events += turn("Go on.", [*calls, Step("Done.")], number=number)
    return records(events)


def test_each_message_has_its_place_its_model_and_what_it_took():
    first, second, third = Ledger(session(2, 1)).steps
    assert (first.turn, first.step, second.turn, second.step) == (1, 1, 1, 2)
    assert (third.turn, third.step, third.model) == (2, 1, "scripted/test")
    assert (third.usage, third.cost) == (USAGE, COST)
    assert (third.first_token_ms, third.total_ms) == (120.0, 800.0)


@given(st.lists(st.integers(1, 3), max_size=4))
def test_the_steps_add_up_to_what_the_session_took(turns):
    some = session(*turns)
    assert spend_of(Ledger(some).steps) == fold(some).session_spend


@given(st.lists(st.builds(StepUsage, st.just(1), st.just(1), st.just("m"), usages, costs)))
def test_what_has_no_known_price_is_counted(steps):
    steps.append(StepUsage(1, 2, "m", Usage(1, 1)))
    spend = spend_of(steps)
    assert spend.unpriced == 1
    assert spend.total == sum((step.cost.total for step in steps[:-1]), Decimal(0))


def test_nothing_took_nothing():
    assert spend_of(()) == Spend()


def test_a_ledger_takes_in_records_as_they_come():
    some = session(2, 1)
    ledger = Ledger(some[:5])
    for record in some[5:]:
        ledger.show(record)
    assert ledger.steps == Ledger(some).steps


def test_a_ledger_goes_on_in_another_session():
    ledger = Ledger(session(2, 1))
    ledger.adopt(Ledger(session(1)))
    assert ledger.steps == Ledger(session(1)).steps


def test_a_turn_that_begins_again_replaces_what_it_was():
    ledger = Ledger(session(1, 3))
    again = [record for record in session(1, 1) if record.turn == 2]
    for record in again:
        ledger.show(record)
    assert [(step.turn, step.step) for step in ledger.steps] == [(1, 1), (2, 1)]


def test_a_model_that_was_changed_is_told_with_the_steps_after():
    events = turn("Go.", [Step("Done.")])
    changed = [
        StepStarted(provider="other", model="x") if isinstance(e, StepStarted) else e
        for e in turn("On.", [Step("Done.")], number=2)
    ]
    models = [step.model for step in Ledger(records([*events, *changed])).steps]
    assert models == ["scripted/test", "other/x"]


def test_what_fills_the_context_has_a_sum():
    assert Filling("m", {"answers": 3, "tool results": 4}, 10).total == 7


def test_a_summary_took_something_and_one_that_asked_nobody_did_not():
    asked = ContextCompacted(summary="s", replaced=1, provider="p", model="m", usage=USAGE, ms=9.0)
    records = [Record(1, 0, 1, 2, ContextCompacted(summary="s", replaced=1))]
    ledger = Ledger([*records, Record(2, 0, 1, 2, asked)])
    assert ledger.steps == [StepUsage(1, 2, "p/m", USAGE, total_ms=9.0, purpose="compact")]
