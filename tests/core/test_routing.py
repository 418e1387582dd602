"""Who is asked, in which order and why; what follows a failure; how a provider's circuit goes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.errors import (
    BudgetExceeded,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from llmrepl.purposes import RULES
from llmrepl.routing import (
    CLOSED,
    COOLING,
    FIRST_WAIT,
    HALF_OPEN,
    LONGEST_COOLING,
    MOST_FAILURES,
    MOST_RETRIES,
    OPEN,
    Circuit,
    Facts,
    Needs,
    Ranked,
    Remedy,
    barred,
    ranked,
    remedy,
    unaffordable,
)

ANY = Needs()
BROKEN = ProviderError("it broke off")
BUSY = ProviderBusy("come back later")
SOON = ProviderBusy("come back in 4 s", retry_after=4.0)
GONE = ProviderUnreachable("nobody answers")
REFUSED = ProviderRefused("the key is wrong")


def names(ranking):
    return [each.model for each in ranking.candidates]


def after(*errors, now=0.0):
    circuit = Circuit()
    for error in errors:
        circuit = circuit.failed(error, now)
    return circuit


# The order


def test_a_chain_is_asked_in_its_order_and_needs_no_reason():
    ranking = ranked((("a/1",), ("b/2",)), {}, ANY)
    assert ranking == ((Ranked("a/1"), Ranked("b/2")), ())


def test_a_model_that_stands_in_a_chain_twice_is_asked_once():
    assert names(ranked((("a/1",), ("b/2", "a/1")), {}, ANY)) == ["a/1", "b/2"]


def test_who_has_failed_in_the_step_is_not_asked_again():
    assert names(ranked((("a/1",), ("b/2",)), {}, ANY, ("a/1",))) == ["b/2"]
    assert names(ranked((("a/1",),), {}, ANY, ("a/1",))) == []


def test_whoever_is_left_alone_comes_last_and_it_is_said_why():
    facts = {"a/1": Facts(circuit=OPEN, resting=12.0), "b/2": Facts()}
    ranking = ranked((("a/1",), ("b/2",)), facts, ANY)
    assert names(ranking) == ["b/2", "a/1"]
    assert ranking.passed == (Ranked("a/1", "it failed, and is left alone for 12.0 s"),)


def test_where_all_are_left_alone_the_first_is_asked_all_the_same():
    facts = {"a/1": Facts(circuit=OPEN), "b/2": Facts(circuit=OPEN)}
    assert ranked((("a/1",), ("b/2",)), facts, ANY) == ((Ranked("a/1"), Ranked("b/2")), ())


def test_half_open_is_sound_enough_to_be_tried():
    facts = {"a/1": Facts(circuit=HALF_OPEN), "b/2": Facts()}
    assert names(ranked((("a/1",), ("b/2",)), facts, ANY)) == ["a/1", "b/2"]


def test_a_model_that_is_too_small_or_blind_is_left_out_where_another_will_do():
    chain = (("a/1",), ("b/2",), ("c/3",))
    facts = {"a/1": Facts(context=4096), "b/2": Facts(images=False), "c/3": Facts(images=True)}
    ranking = ranked(chain, facts, Needs(5000, images=True))
    assert names(ranking) == ["c/3"]
    assert ranking.passed == (
        Ranked("a/1", "it takes 4096 tokens, and 5000 are needed"),
        Ranked("b/2", "it does not see images"),
    )
    assert names(ranked(chain, facts, Needs(4096))) == ["a/1", "b/2", "c/3"]


def test_where_none_will_do_all_are_asked_in_their_order():
    facts = {"a/1": Facts(context=10), "b/2": Facts(context=20)}
    assert names(ranked((("a/1",), ("b/2",)), facts, Needs(30))) == ["a/1", "b/2"]


EU = Needs(regions=("eu",))


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (Facts(region="eu"), ""),
        (Facts(here=True), ""),
        (Facts(region="us"), "it is hosted in us, and allowed are eu or this machine"),
        (Facts(local=True), "nobody says where it is hosted, and allowed are eu or this machine"),
    ],
)
def test_a_model_is_asked_in_an_allowed_region_or_on_this_machine(facts, why):
    assert barred(facts, EU) == why
    assert barred(facts, ANY) == ""


def test_where_no_region_is_allowed_it_is_this_machine_alone():
    nowhere = Needs(regions=())
    assert barred(Facts(here=True), nowhere) == ""
    assert barred(Facts(region="eu"), nowhere) == (
        "it is hosted in eu, and allowed are this machine"
    )


def test_whoever_may_not_be_asked_is_left_out_even_where_nobody_else_will_do():
    facts = {"a/1": Facts(region="us", context=9), "b/2": Facts(region="eu", context=1)}
    ranking = ranked((("a/1",), ("b/2",)), facts, Needs(5, regions=("eu",)))
    assert names(ranking) == ["b/2"]
    (passed,) = ranking.passed
    assert passed.model == "a/1"
    assert passed.reason.startswith("it is hosted in us")


def test_where_nobody_may_be_asked_all_are_passed_over():
    ranking = ranked((("a/1",), ("b/2",)), {"a/1": Facts(region="us")}, EU)
    assert ranking.candidates == ()
    assert [each.model for each in ranking.passed] == ["a/1", "b/2"]


def test_of_equals_the_quickest_is_asked_and_one_not_measured_before_it():
    facts = {"a/1": Facts(ms=300.0), "b/2": Facts(ms=200.0), "c/3": Facts()}
    ranking = ranked((("a/1", "b/2", "c/3"),), facts, ANY)
    assert ranking.candidates == (
        Ranked("c/3", "of 3 equals: not measured yet"),
        Ranked("b/2", "of 3 equals: 200 ms per message"),
        Ranked("a/1", "of 3 equals: 300 ms per message"),
    )
    assert ranking.passed == ()


POOL = {
    "far/dear": Facts(cost=Decimal("0.5"), ms=100.0),
    "far/cheap": Facts(cost=Decimal("0.001"), ms=900.0),
    "far/odd": Facts(),
    "here/slow": Facts(local=True, cost=Decimal(0), ms=5000.0),
    "here/new": Facts(local=True, cost=Decimal(0)),
}


@pytest.mark.parametrize(
    ("rule", "order", "reason"),
    [
        (
            "auto:cheapest",
            ["here/slow", "here/new", "far/cheap", "far/dear", "far/odd"],
            "auto:cheapest: local, 5.0 s per message",
        ),
        (
            "auto:fastest",
            ["far/dear", "far/cheap", "here/slow", "far/odd", "here/new"],
            "auto:fastest: $0.50 for this request, 100 ms per message",
        ),
        (
            "auto:local-first",
            ["here/slow", "here/new", "far/dear", "far/cheap", "far/odd"],
            "auto:local-first: local, 5.0 s per message",
        ),
    ],
)
def test_a_rule_puts_all_models_in_its_order_and_says_what_it_went_by(rule, order, reason):
    ranking = ranked(((rule,),), POOL, ANY)
    assert names(ranking) == order
    assert ranking.candidates[0].reason == reason


def test_a_price_that_nobody_knows_is_said_to_be_unknown():
    ranking = ranked((("auto:fastest",),), {"far/odd": Facts()}, ANY)
    assert ranking.candidates[0].reason == "auto:fastest: price not known, not measured yet"


models = st.sampled_from([f"{provider}/{model}" for provider in "abc" for model in "xy"])
groups = st.lists(models, min_size=1, max_size=3).map(tuple) | st.sampled_from(list(RULES)).map(
    lambda rule: (rule,)
)
chains = st.lists(groups, min_size=1, max_size=4).map(tuple)
known = st.dictionaries(
    models,
    st.builds(
        Facts,
        st.booleans(),
        st.sampled_from([CLOSED, OPEN, HALF_OPEN]),
        st.floats(0, 500),
        st.none() | st.integers(0, 9),
        st.none() | st.booleans(),
        st.none() | st.decimals(0, 9, places=3),
        st.none() | st.floats(0, 1e6),
        st.sampled_from([None, "eu", "us"]),
        st.booleans(),
    ),
)
needs = st.builds(
    Needs,
    st.integers(0, 9),
    st.booleans(),
    st.sampled_from([None, (), ("eu",), ("eu", "us")]),
)


@given(chains, known, needs, st.sets(models))
def test_nobody_outside_is_ever_a_candidate(chain, facts, need, without):
    for name in names(ranked(chain, facts, need, without)):
        about = facts.get(name, Facts())
        assert need.regions is None or about.here or about.region in need.regions


@given(chains, known, needs, st.sets(models))
def test_nobody_is_asked_twice_nor_again_and_a_broken_one_never_before_a_sound_one(
    chain, facts, need, without
):
    order = names(ranked(chain, facts, need, without))
    assert len(set(order)) == len(order)
    assert not without & set(order)
    broken = [facts.get(name, Facts()).circuit == OPEN for name in order]
    assert broken == sorted(broken)


@given(chains, known, needs, st.sets(models))
def test_the_order_is_stable_and_leaving_one_out_changes_nothing_for_the_others(
    chain, facts, need, without
):
    everybody = names(ranked(chain, facts, need))
    assert names(ranked(chain, facts, need)) == everybody
    others = [name for name in everybody if name not in without]
    assert names(ranked(chain, facts, need, without)) == others


@given(chains, known, needs)
def test_whoever_is_passed_over_is_told_with_a_reason(chain, facts, need):
    ranking = ranked(chain, facts, need)
    assert all(each.reason for each in ranking.passed)
    passed = {each.model for each in ranking.passed}
    assert not ranking.candidates or ranking.candidates[0].model not in passed


# What follows a failure


def follows(error, *, retries=0, waited=0.0, patience=10.0, others=True):
    return remedy(error, retries=retries, waited=waited, patience=patience, others=others)


@pytest.mark.parametrize("others", [True, False])
def test_a_refusal_is_final(others):
    assert follows(REFUSED, others=others) is None


def test_whom_nobody_reaches_is_not_asked_again():
    assert follows(GONE) == Remedy(again=False)
    assert follows(GONE, others=False) is None


def test_a_failure_is_tried_again_later_and_later_and_then_elsewhere():
    waits = [follows(BROKEN, retries=number) for number in range(MOST_RETRIES)]
    assert waits == [Remedy(True, FIRST_WAIT * 2**number) for number in range(MOST_RETRIES)]
    assert follows(BROKEN, retries=MOST_RETRIES) == Remedy(again=False)
    assert follows(BROKEN, retries=MOST_RETRIES, others=False) is None


def test_what_a_busy_service_asks_for_is_waited_as_long_as_patience_lasts():
    assert follows(SOON) == Remedy(True, 4.0)
    assert follows(SOON, waited=6.0) == Remedy(True, 4.0)
    assert follows(SOON, waited=6.1) == Remedy(again=False)
    assert follows(BUSY) == Remedy(True, FIRST_WAIT)
    assert follows(BUSY, patience=0.0, others=False) is None


@given(
    st.sampled_from([BROKEN, BUSY, SOON, GONE, REFUSED]),
    st.integers(0, 9),
    st.floats(0, 100),
    st.floats(0, 100),
    st.booleans(),
)
def test_patience_is_never_overdrawn(error, retries, waited, patience, others):
    found = follows(error, retries=retries, waited=waited, patience=patience, others=others)
    if found is not None and found.wait:
        assert waited + found.wait <= patience


# What no budget allows


def test_the_first_model_s_error_ends_the_turn_and_names_the_others():
    dear, unknown = BudgetExceeded("too dear", hint="earn more"), BudgetExceeded("no price")
    assert unaffordable({"a/1": dear}) is dear
    error = unaffordable({"a/1": dear, "b/2": unknown, "c/3": unknown})
    assert (error.message, error.hint) == ("too dear; nor can b/2, c/3 be asked", "earn more")


# Circuits


def test_a_circuit_opens_with_the_last_failure_in_a_row_that_is_borne():
    assert after(*[BROKEN] * (MOST_FAILURES - 1)).state(0.0) == CLOSED
    opened = after(*[BROKEN] * MOST_FAILURES)
    assert opened.state(COOLING - 0.1) == OPEN
    assert opened.state(COOLING) == HALF_OPEN


def test_a_trial_that_fails_opens_it_for_twice_as_long_up_to_a_limit():
    opened = after(*[BROKEN] * MOST_FAILURES)
    again = opened.failed(BROKEN, COOLING)
    assert again.until == COOLING + 2 * COOLING
    assert after(*[BROKEN] * 40).until == LONGEST_COOLING


def test_who_cannot_be_reached_is_left_alone_at_once():
    assert after(GONE).state(0.0) == OPEN


def test_a_busy_service_is_left_alone_for_as_long_as_it_asks_and_is_then_sound():
    circuit = after(SOON)
    assert (circuit.state(3.9), circuit.state(4.0)) == (OPEN, CLOSED)
    assert after(*[SOON] * MOST_FAILURES).until == COOLING


def test_what_a_service_refuses_says_nothing_of_its_health():
    assert after(REFUSED) == Circuit()


@given(st.lists(st.sampled_from([BROKEN, BUSY, SOON, GONE, REFUSED])), st.floats(0, 1e6))
def test_no_circuit_stays_open_for_ever(errors, now):
    circuit = after(*errors, now=now)
    assert circuit.state(now + LONGEST_COOLING + 1) != OPEN
