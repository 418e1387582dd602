"""What each step took is kept as it happens, and adds up to what the session took."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversation import Spend
from llmrepl.events import ContextCompacted, StepStarted
from llmrepl.record import Record
from llmrepl.runtime import fold
from llmrepl.standing import Filling, Steps, StepUsage, spend_of
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
    first, second, third = Steps(session(2, 1)).taken
    assert (first.turn, first.step, second.turn, second.step) == (1, 1, 1, 2)
    assert (third.turn, third.step, third.model) == (2, 1, "scripted/test")
    assert (third.usage, third.cost) == (USAGE, COST)
    assert (third.first_token_ms, third.total_ms) == (120.0, 800.0)


@given(st.lists(st.integers(1, 3), max_size=4))
def test_the_steps_add_up_to_what_the_session_took(turns):
    some = session(*turns)
    assert spend_of(Steps(some).taken) == fold(some).session_spend


@given(st.lists(st.builds(StepUsage, st.just(1), st.just(1), st.just("m"), usages, costs)))
def test_what_has_no_known_price_is_counted(steps):
    steps.append(StepUsage(1, 2, "m", Usage(1, 1)))
    spend = spend_of(steps)
    assert spend.unpriced == 1
    assert spend.total == sum((step.cost.total for step in steps[:-1]), Decimal(0))


def test_nothing_took_nothing():
    assert spend_of(()) == Spend()


def test_what_steps_took_takes_in_records_as_they_come():
    some = session(2, 1)
    steps = Steps(some[:5])
    for record in some[5:]:
        steps.show(record)
    assert steps.taken == Steps(some).taken


def test_what_steps_took_goes_on_in_another_session():
    steps = Steps(session(2, 1))
    steps.adopt(Steps(session(1)))
    assert steps.taken == Steps(session(1)).taken


def test_a_turn_that_begins_again_replaces_what_it_was():
    steps = Steps(session(1, 3))
    again = [record for record in session(1, 1) if record.turn == 2]
    for record in again:
        steps.show(record)
    assert [(step.turn, step.step) for step in steps.taken] == [(1, 1), (2, 1)]


def test_a_model_that_was_changed_is_told_with_the_steps_after():
    events = turn("Go.", [Step("Done.")])
    changed = [
        StepStarted(provider="other", model="x") if isinstance(e, StepStarted) else e
        for e in turn("On.", [Step("Done.")], number=2)
    ]
    models = [step.model for step in Steps(records([*events, *changed])).taken]
    assert models == ["scripted/test", "other/x"]


def test_what_fills_the_context_has_a_sum():
    assert Filling("m", {"answers": 3, "tool results": 4}, 10).total == 7


def test_a_summary_took_something_and_one_that_asked_nobody_did_not():
    asked = ContextCompacted(summary="s", replaced=1, provider="p", model="m", usage=USAGE, ms=9.0)
    records = [Record(1, 0, 1, 2, ContextCompacted(summary="s", replaced=1))]
    steps = Steps([*records, Record(2, 0, 1, 2, asked)])
    assert steps.taken == [StepUsage(1, 2, "p/m", USAGE, total_ms=9.0, purpose="compact")]
