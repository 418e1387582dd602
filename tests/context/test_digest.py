"""A request for a summary begins as the one before it, and leaves out only what has no room."""

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.context.digest import INSTRUCTION
from llmrepl.context.window import Sampling, Window
from llmrepl.conversation import Conversation, Message, Phase, evolve
from llmrepl.events import ContextCompacted, ContextTrimmed
from llmrepl.parts import Output, Text, ToolResult
from llmrepl.relief import Budget, Compact, relief
from llmrepl.vector import Vector
from tests.context.test_window import Counter, messages


def spoken(turns, size=100):
    """A conversation of so many turns, each of two messages of so many letters."""
    said = [
        Message(role, (Text(f"{role} {number} ".ljust(size, "x")),))
        for number in range(turns)
        for role in ("user", "assistant")
    ]
    return Conversation(messages=Vector(said))


def window_of(takes=None, **sampling):
    window = Window("m", "be brief", Counter(), Sampling(**sampling))
    window.takes = lambda: takes
    return window


def test_it_begins_as_the_request_before_it_did_and_ends_with_the_instruction():
    window, state = window_of(temperature=0.5, seed=3), spoken(4)
    before = window.request(state)
    asked = window.digest(state, Compact(6, (0,), 500))
    assert (asked.system, asked.model, asked.seed) == (before.system, before.model, before.seed)
    assert list(asked.messages)[:-1] == list(before.messages)[:6]
    assert asked.messages[-1].role == "user"
    assert asked.messages[-1].text == INSTRUCTION
    assert asked.purpose == "compact"


def test_its_estimate_is_what_is_sent():
    window, state = window_of(), spoken(4)
    asked = window.digest(state, Compact(6, (0,), 500))
    sent = [asked.system, *(message.text for message in asked.messages)]
    assert abs(asked.estimated_tokens - sum(map(len, sent))) <= 8 * 5


def test_what_the_person_wants_kept_in_mind_stands_at_its_end():
    asked = window_of().digest(spoken(2), Compact(2, (), 200), "  the tea  ")
    assert asked.messages[-1].text.endswith("kept in mind above all: the tea")


def test_the_oldest_is_left_out_where_there_is_no_room_and_the_request_says_so():
    window = window_of(len(INSTRUCTION) + 800)
    asked = window.digest(spoken(8), Compact(14, (), 1400))
    assert asked.estimated_tokens <= window.budget.room
    shown = len(asked.messages) - 1
    assert 0 < shown < 14
    assert f"The first {14 - shown} messages are missing" in asked.messages[-1].text
    assert asked.messages[0].text.startswith("user" if shown % 2 == 0 else "assistant")


def test_it_is_asked_for_even_where_nothing_has_room():
    asked = window_of(10).digest(spoken(4), Compact(6, (), 600))
    assert len(asked.messages) == 2


def test_what_a_model_takes_is_a_budget_with_room_for_the_system_prompt_and_the_answer():
    window = window_of(1000, max_tokens=50)
    assert window.budget == Budget(1000, window.system_tokens, 50)
    assert window_of().budget is None


@given(messages, st.integers(0, 300))
def test_the_sizes_of_the_messages_and_of_the_system_prompt_are_the_whole_estimate(some, window):
    context = window_of(window)
    state = Conversation(messages=Vector(some))
    assert context.system_tokens + sum(context.sizes(state)) == context.tokens(state)


def test_what_a_plan_says_it_wins_is_won():
    window, state = window_of(1600), spoken(9)
    state = Conversation(phase=Phase.READY, messages=state.messages.append(state.messages[0]))
    before = window.tokens(state)
    plan = relief(state, window.sizes(state), before, window.budget)
    assert isinstance(plan, Compact)
    after = evolve(state, ContextCompacted(summary="", replaced=plan.replaced, kept=plan.kept))
    assert window.tokens(after) <= before - plan.tokens + 200  # the words around a summary
    assert window.tokens(after) <= window.budget.full


def test_trimming_is_counted():
    long = ToolResult("1.1.1", "python", "ok", (Output("stdout", "x" * 5000),))
    state = Conversation(messages=spoken(1).messages.append(Message("tool", (long,))))
    window = window_of()
    before = window.tokens(state)
    after = evolve(state, ContextTrimmed(messages=3, characters=1000))
    assert window.tokens(after) == before - 4000


def test_the_models_messages_are_counted_though_they_are_no_longer_sent():
    window, state = window_of(), spoken(4)
    assert window.request(state).answered is None
    compacted = evolve(state, ContextCompacted(summary="so far", replaced=6))
    assert window.request(compacted).answered == 4
    assert window.digest(compacted, Compact(2, (), 10)).answered == 4
