"""What records say of tools and models, added up."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.accounting.tallies import ANSWERS, Tally, percentile
from llmrepl.events import (
    MessageFinished,
    RequestFailed,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
)
from llmrepl.record import Record
from llmrepl.testing.builders import records, turn
from llmrepl.usage import Cost, Usage


def told(*events):
    return [Record(seq, 1_000 * seq, 1, 1, event) for seq, event in enumerate(events, 1)]


def asked(call_id, name, origin="block"):
    return ToolRequested(call_id=call_id, name=name, language=name, origin=origin)


def message(cost="0.30", **more):
    priced = None if cost is None else Cost(output=Decimal(cost))
    return MessageFinished(
        parts=(), stop="end_turn", usage=Usage(100, 20), cost=priced, total_ms=2_000.0, **more
    )


def ended(call_id, status="ok", ms=10.0):
    return ToolFinished(call_id=call_id, status=status, ms=ms)


def started(call_id):
    return ToolStarted(call_id=call_id, executor="fake")


STEP = StepStarted(provider="groq", model="tea")


def tally(*events):
    found = Tally()
    found.of(told(*events))
    return found


def test_calls_are_counted_by_tool_with_how_they_ended_and_how_long_they_ran():
    found = tally(
        STEP,
        *(asked(call, name) for call, name in (("1", "bash"), ("2", "bash"), ("3", "python"))),
        message(),
        *map(started, "12"),
        ended("1", ms=30.0),
        ended("2", "timeout", 50.0),
        ended("3", "denied", 0.0),
    ).tools
    assert (found["bash"].calls, found["bash"].errors) == (2, 1)
    assert found["bash"].statuses == {"ok": 1, "timeout": 1}
    assert [*found["bash"].ms] == [30.0, 50.0]
    assert (found["python"].errors, [*found["python"].ms]) == (0, [])


def test_what_a_message_costs_is_shared_by_the_calls_it_asks_for():
    found = tally(
        STEP, asked("1", "bash"), asked("2", "python"), asked("3", "python"), message(),
        STEP, message("0.05"), STEP, message(None),
    ).tools  # fmt: skip
    assert found["bash"].cost == Decimal("0.10")
    assert found["python"].cost == Decimal("0.20")
    assert (found[ANSWERS].calls, found[ANSWERS].cost) == (2, Decimal("0.05"))
    assert found[ANSWERS].unpriced == 1
    assert sum(tool.tokens for tool in found.values()) == 3 * 120


def test_what_a_person_typed_costs_nothing():
    found = tally(asked("1", "bash", "person"), started("1"), ended("1"), STEP, message()).tools
    assert (found["bash"].calls, found["bash"].cost) == (1, 0)
    assert found[ANSWERS].cost == Decimal("0.30")


def test_a_model_is_known_by_its_messages_and_its_failures():
    failure = RequestFailed(
        provider="groq", model="tea", kind="ProviderBusy", message="it is busy", next="groq/milk"
    )
    other = StepStarted(provider="groq", model="milk")
    found = tally(STEP, failure, other, message(first_token_ms=120.0)).models
    assert (found["groq/tea"].messages, found["groq/tea"].failed) == (0, 1)
    assert found["groq/tea"].problem == "it is busy"
    milk = found["groq/milk"]
    assert (milk.messages, [*milk.first], [*milk.ms], milk.rate) == (1, [120.0], [2_000.0], 10.0)
    assert found["groq/tea"].rate is None


def test_what_a_fork_has_from_its_origin_counts_there():
    rows = told(STEP, asked("1", "bash"), message(), started("1"), ended("1"))
    found = Tally()
    found.of(rows, after=4)
    assert found.tools["bash"].calls == 0
    assert found.tools["bash"].statuses == {"ok": 1}
    assert [*found.tools["bash"].ms] == [10.0]
    assert not found.models


def test_records_as_they_come_and_all_at_once_add_up_to_the_same():
    rows = [*records(turn())]
    at_once, one_by_one = Tally(), Tally()
    at_once.of(rows)
    for record in rows:
        one_by_one.show(record)
    assert at_once.tools == one_by_one.tools
    assert at_once.models == one_by_one.models


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_time_that_so_many_do_not_exceed(times, part):
    found = percentile(times, part)
    assert found in times
    within = sum(time <= found for time in times)
    assert within * 100 >= part * len(times)
    assert sum(time < found for time in times) * 100 < part * len(times)


def test_without_times_there_is_no_percentile():
    assert percentile((), 50) is None


def test_tools_add_up_to_the_whole_and_what_was_before_does_not_count():
    tally = Tally()
    happened = told(asked("1", "python"), started("1"), ended("1", "error"), message())
    tally.of(happened)
    tally.of(happened, since=happened[-1].at)
    python = tally.tools["python"]
    assert (python.calls, python.statuses, len(python.ms)) == (1, {"error": 1}, 1)
    assert python.cost == Decimal("0.60")
    both = python + python
    assert (both.calls, both.errors, len(both.ms)) == (2, 2, 2)
    assert both.cost == 2 * python.cost
