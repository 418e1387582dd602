"""What gives way when a context grows too large: old outputs first, then the beginning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversation import PINNED, Conversation, Message, Phase, evolve
from llmrepl.errors import ProtocolError
from llmrepl.events import (
    ContextCompacted,
    ContextPinned,
    ContextRestored,
    ContextTrimmed,
    TurnFinished,
)
from llmrepl.parts import Output, Text, ToolResult, text_of
from llmrepl.relief import OLD_OUTPUT, Budget, Compact, Trim, compact, relief, trim
from llmrepl.usage import FREE, Usage, cost_of
from llmrepl.vector import Vector
from tests.core.story import ANSWER, WHOLE_TURN, fold, started

USAGE = Usage(100, 10)
BUDGET = Budget(1000)


def user(text="prompt"):
    return Message("user", (Text(text),))


def answer(text="answer"):
    return Message("assistant", (Text(text),))


def results(text="42", more=()):
    result = ToolResult("1.1.1", "python", "ok", (Output("value", text), Text("as it is")))
    return Message("tool", (result, *more))


def summary(text="so far"):
    return Message("summary", (Text(text),))


def state_of(*messages, phase=Phase.READY, **more):
    return Conversation(phase=phase, messages=Vector(messages), **more)


def relieved(state, sizes, budget=BUDGET):
    return relief(state, sizes, budget.system + sum(sizes), budget)


# The budget


def test_a_budget_leaves_room_for_an_answer():
    assert Budget(1000).room == 800
    assert Budget(1000, answer=50).room == 950
    assert Budget(1000, answer=5000).room == 800
    assert Budget(1000, answer=50).full == 800
    assert Budget(1000, system=2000).tail == 0


# What gives way


def test_nothing_gives_way_while_there_is_room():
    state = state_of(user(), answer(), user())
    assert relieved(state, [300, 300, 200]) is None


def test_what_was_brought_back_stays_as_long_as_it_fits():
    budget = Budget(1000, answer=50)
    sizes = [300, 300, 100, 200]
    messages = (user(), answer(), user(), answer())
    assert relieved(state_of(*messages), sizes, budget) is not None
    assert relieved(state_of(*messages, restored=True), sizes, budget) is None
    assert relieved(state_of(*messages, restored=True), [400, 300, 100, 200], budget) is not None


def test_old_outputs_are_trimmed_before_anything_else():
    long = "x" * (OLD_OUTPUT + 500)
    state = state_of(user(), answer(), results(long), answer(), user())
    assert relieved(state, [10, 10, 900, 10, 10]) == Trim(4, OLD_OUTPUT, 1, 500)


def test_the_outputs_of_the_last_turn_are_trimmed_only_if_there_is_no_other_way():
    long = "x" * (OLD_OUTPUT + 500)
    state = state_of(user(), answer(), results(long))
    assert relieved(state, [10, 10, 770], Budget(1000, answer=100)) is None
    assert relieved(state, [10, 10, 900]) == Trim(3, OLD_OUTPUT, 1, 500)


def test_the_first_prompt_and_the_last_turns_stay():
    state = state_of(user(), answer(), user(), answer(), user(), answer(), user())
    plan = relieved(state, [50, 300, 50, 300, 50, 100, 50])
    assert plan == Compact(4, (0,), 650)


def test_a_long_turn_keeps_its_prompt_and_its_last_steps():
    middle = (answer(), results(), answer(), results(), answer(), results())
    state = state_of(user("first"), answer(), user("now"), *middle)
    plan = relieved(state, [20, 100, 20, 100, 100, 200, 200, 100, 60])
    assert plan == Compact(7, (0, 2), 700)
    assert state.messages[7].role == "assistant"


def test_a_prompt_that_is_too_large_to_be_kept_is_summarised():
    state = state_of(user("x"), answer(), user(), answer(), user())
    plan = relieved(state, [700, 50, 50, 50, 50])
    assert plan == Compact(2, (), 750)


def test_results_never_stand_without_their_call():
    state = state_of(user(), answer(), results(), answer(), user())
    for tail in range(0, 1000, 50):
        plan = compact(state, [100] * 5, tail)
        assert plan is None or state.messages[plan.replaced].role != "tool"


def test_a_last_message_that_is_too_large_stays_alone():
    state = state_of(user(), answer(), user(), answer(), results())
    assert relieved(state, [50, 50, 50, 50, 900]) == Compact(3, (0, 2), 50)


def test_where_nothing_can_give_way_nothing_does():
    assert relieved(state_of(user()), [5000]) is None
    assert relieved(state_of(user(), summary(), user()), [10, 10, 5000]) is None
    assert compact(state_of(), [], 100) is None


def test_what_wins_too_little_is_not_worth_a_summary_unless_it_has_to_be():
    budget = Budget(1000, answer=100)
    state = state_of(user(), answer(), user())
    assert relieved(state, [10, 20, 800], budget) is None
    assert relieved(state, [10, 20, 1000], budget) == Compact(2, (0,), 20)


def test_between_two_turns_the_whole_last_turn_stays():
    state = state_of(user(), answer(), user(), answer(), results(), answer(), phase=Phase.IDLE)
    assert compact(state, [100] * 6, 50) == Compact(2, (), 200)
    assert compact(state, [10, 100, 10, 100, 100, 100], 50) == Compact(2, (0,), 100)
    assert compact(state_of(user(), answer(), phase=Phase.IDLE), [10, 10], 5) is None


def test_trimming_finds_nothing_in_short_outputs():
    assert trim((user(), answer(), results("x" * OLD_OUTPUT)), 3) is None


roles = st.lists(st.sampled_from(["user", "assistant", "tool", "summary"]), max_size=30)


@given(roles, st.data(), st.integers(0, 2000), st.sampled_from([Phase.IDLE, Phase.READY]))
def test_a_plan_takes_from_the_beginning_and_says_what_it_wins(some, data, tail, phase):
    sizes = data.draw(st.lists(st.integers(1, 500), min_size=len(some), max_size=len(some)))
    state = state_of(*(Message(role, ()) for role in some), phase=phase)
    plan = compact(state, sizes, tail)
    if plan is not None:
        gone = [place for place in range(plan.replaced) if place not in plan.kept]
        assert plan.tokens == sum(sizes[place] for place in gone) > 0
        assert plan.replaced < len(some)
        assert all(some[place] == "user" for place in plan.kept)
        assert some[plan.replaced] != "tool"


# What the conversation is then


TURNS = (*WHOLE_TURN, started("again"), *ANSWER)


def compaction(**more):
    return ContextCompacted(**{"summary": "so far", "replaced": 4, **more})


def test_what_is_kept_stands_before_the_summary():
    state = fold(*TURNS, compaction(kept=(0,)))
    assert [message.role for message in state.messages] == ["user", "summary", "user", "assistant"]
    assert state.messages[0] == fold(*TURNS).messages[0]


def test_a_place_that_is_not_there_is_passed_over():
    state = fold(*TURNS, compaction(kept=(9,), replaced=40))
    assert [message.role for message in state.messages] == ["summary"]


def test_every_summary_has_what_is_pinned():
    pins = [ContextPinned(text=text) for text in ("metric", "no network", "metric")]
    state = fold(*TURNS, *pins, compaction())
    assert state.pinned == ("no network", "metric")
    assert text_of(state.messages[0].parts).count(PINNED) == 2
    dropped = evolve(state, ContextPinned(text="metric", pinned=False))
    assert dropped.pinned == ("no network",)


def test_a_compaction_that_failed_costs_and_changes_nothing_else():
    before = fold(*TURNS)
    event = compaction(
        summary="", provider="p", usage=USAGE, cost=cost_of(USAGE, FREE), problem="no"
    )
    after = evolve(before, event)
    assert after.messages is before.messages
    assert after.folds == ()
    assert after.session_spend.usage == before.session_spend.usage + USAGE


def test_a_compaction_in_a_turn_is_part_of_what_the_turn_takes():
    between = fold(*TURNS, compaction(provider="p", usage=USAGE))
    assert between.turn_spend == fold(*TURNS).turn_spend
    inside = fold(*WHOLE_TURN, started(), compaction(provider="p", usage=USAGE))
    assert inside.turn_spend.usage == USAGE
    assert inside.session_spend.usage == fold(*WHOLE_TURN).session_spend.usage + USAGE


def test_one_that_asked_nobody_costs_nothing():
    assert fold(*TURNS, compaction()).session_spend == fold(*TURNS).session_spend


def test_a_trimmed_output_keeps_its_head_and_its_tail_and_says_so():
    long = "head" + "x" * 5000 + "tail"
    state = state_of(user(long), answer(), results(long, (Text("a note"),)), results("short"))
    after = evolve(state, ContextTrimmed(messages=4, characters=500))
    shown = after.messages[2].parts[0].parts[0].text
    assert len(shown) == 500
    assert shown.startswith("head")
    assert shown.endswith("tail")
    assert "5008 characters" in shown
    assert after.messages[0] is state.messages[0]
    assert after.messages[2].parts[0].parts[1] == Text("as it is")
    assert after.messages[3] is state.messages[3]
    assert trim(after.messages, 4, 500) is None


def test_newer_outputs_stay_whole():
    state = state_of(user(), results("x" * 900), results("x" * 900))
    after = evolve(state, ContextTrimmed(messages=2, characters=300))
    assert after.messages[2] is state.messages[2]
    assert after.messages[1] != state.messages[1]


def test_taken_back_everything_is_there_again_with_what_came_since():
    before = fold(*TURNS)
    trimmed = evolve(before, ContextTrimmed(messages=4, characters=1))
    after = fold(compaction(kept=(0,)), started("more"), *ANSWER, start=trimmed)
    assert after.answered == 2
    restored = evolve(after, ContextRestored())
    assert restored.restored
    assert restored.answered == 0
    assert list(restored.messages) == [*trimmed.messages, *after.messages.since(4)]
    whole = evolve(restored, ContextRestored())
    assert list(whole.messages) == [*before.messages, *after.messages.since(4)]
    assert list(after.history()) == list(whole.history()) == list(whole.messages)
    with pytest.raises(ProtocolError, match="nothing was compacted"):
        evolve(whole, ContextRestored())


def test_a_conversation_is_not_restored_in_the_middle_of_a_turn():
    state = fold(*TURNS, compaction(), started())
    with pytest.raises(ProtocolError):
        evolve(state, ContextRestored())
    evolve(state, TurnFinished(reason="cancelled"))


def test_the_next_compaction_ends_the_grace_of_what_was_brought_back():
    state = fold(*TURNS, compaction(), ContextRestored(), compaction())
    assert not state.restored
