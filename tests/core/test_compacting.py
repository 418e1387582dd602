"""The runtime makes room before a request, asks for summaries, and says what came of it."""

import asyncio

import pytest

from llmrepl.conversation import Phase
from llmrepl.errors import LlmreplError, ProtocolError, ProviderBusy
from llmrepl.events import (
    ContextCompacted,
    ContextCompacting,
    ContextRestored,
    ContextTrimmed,
    MessageFinished,
    NoteAdded,
    StepStarted,
    TurnFinished,
)
from llmrepl.loop import Limits
from llmrepl.parts import Text, ToolCall, text_of
from llmrepl.ports import CallChunk, ChatMessage, Finish, ReasoningChunk, Request
from llmrepl.relief import Budget
from llmrepl.runtime import Edges, Runtime, fold
from llmrepl.testing.approver import ScriptedApprover
from llmrepl.testing.clock import FakeClock
from llmrepl.testing.executor import Canned, FakeExecutor
from llmrepl.testing.store import MemoryStore
from llmrepl.usage import Usage
from tests.core.running import PlainContext, PlainMeter, Speaker, events_of, one

BLOCK = "Let me see.\n<helpers>\n6 * 7\n</helpers>\n"
SUMMARY = "They did sums."
LONG = "answer " * 40


class Tight(PlainContext):
    """A context of so many characters."""

    def __init__(self, window):
        self.budget = window and Budget(window)
        self.plans = []

    def sizes(self, conversation):
        return [len(repr(message.parts)) for message in conversation.messages]

    def tokens(self, conversation):
        return sum(self.sizes(conversation))

    def digest(self, conversation, plan, focus):
        self.plans.append(plan)
        return Request("m", "", [ChatMessage("user", focus)], estimated_tokens=7, purpose="compact")


class Watching:
    """A display that keeps what it is shown."""

    def __init__(self):
        self.seen = []

    def show(self, record):
        self.seen.append(record.event)


def make(*replies, window=1500, output="42", limits=None, context=None, makes_room=True):
    edges = Edges(
        Speaker(*replies, size=99),
        FakeExecutor({"6 * 7": Canned(output, "value")}),
        ScriptedApprover(),
        context or Tight(window),
        PlainMeter(),
        MemoryStore(),
        FakeClock(tick=0.001),
    )
    return Runtime(edges, limits, makes_room=makes_room)


def talk(runtime, *prompts):
    return [asyncio.run(runtime.turn((Text(prompt),))) for prompt in prompts]


def types_since_last_prompt(runtime):
    types = [event.type for event in events_of(runtime)]
    return types[len(types) - types[::-1].index("turn.started") :]


THREE = ("one", "two", "three")


def test_while_there_is_room_nothing_is_compacted():
    runtime = make(LONG, LONG, LONG, window=9000)
    talk(runtime, *THREE)
    assert not runtime.state.folds


def test_a_context_of_unknown_size_is_left_alone():
    runtime = make(*[LONG] * 3, window=None)
    talk(runtime, *THREE)
    assert not runtime.state.folds


def test_a_turn_that_would_not_fit_is_preceded_by_a_summary():
    runtime = make(*[LONG] * 3, SUMMARY, LONG, window=1200)
    display = Watching()
    runtime.subscribe(display)
    assert talk(runtime, *THREE, "four") == ["end_turn"] * 4
    event = one(runtime, ContextCompacted)
    assert (event.summary, event.by, event.problem, event.kept) == (SUMMARY, "size", "", (0,))
    assert (event.provider, event.model) == ("speaker", "m")
    assert event.usage == Usage(7, len(SUMMARY), estimated=True)
    assert event.tokens_after < event.tokens_before
    assert types_since_last_prompt(runtime)[:2] == ["context.compacted", "step.started"]
    assert sum(isinstance(seen, ContextCompacting) for seen in display.seen) == 1
    assert runtime.state.turn_spend.usage.output_tokens == len(SUMMARY) + len(LONG)
    assert fold(runtime.edges.store.records) == runtime.state


def test_long_outputs_lose_their_middle_before_a_summary_is_asked_for():
    runtime = make(BLOCK, "ok", BLOCK, "ok", "ok", window=9000, output="x" * 4000)
    assert talk(runtime, *THREE) == ["end_turn"] * 3
    event = one(runtime, ContextTrimmed)
    assert event.outputs >= 1
    assert not any(isinstance(e, ContextCompacted) for e in events_of(runtime))


def test_a_summary_that_does_not_come_leaves_the_context_as_it_was():
    busy = ProviderBusy("too many requests")
    hinted = ProviderBusy("too many requests", hint="wait")
    cut = [SUMMARY, Finish("max_tokens", Usage(5, 3))]
    refused = ["No.", Finish("refusal")]
    none = [ReasoningChunk("Hm."), "<helpers>\n1\n</helpers>", Finish()]
    called = [CallChunk(ToolCall("", "python", "python", {"code": "1"})), Finish()]
    for reply, problem in (
        (called, "the model gave no summary"),
        ([busy], "too many requests"),
        ([hinted], "too many requests (wait)"),
        ([SUMMARY], "speaker ended its stream without saying so"),
        (cut, "the summary was cut off at the output limit"),
        (refused, "the model refused"),
        (none, "the model gave no summary"),
        ("long " * 900, "the summary takes more room than what it stands for"),
    ):
        runtime = make(*[LONG] * 3, reply, LONG, window=1200)
        assert talk(runtime, *THREE, "four") == ["end_turn"] * 4
        event = one(runtime, ContextCompacted)
        assert event.problem == problem
        assert event.summary == ""
        assert event.tokens_after == event.tokens_before
        assert len(runtime.state.messages) == 8


def test_what_a_summary_took_that_failed_is_counted():
    runtime = make(*[LONG] * 3, [SUMMARY, Finish("max_tokens", Usage(5, 3))], LONG, window=1200)
    talk(runtime, *THREE, "four")
    messages = [e.usage for e in events_of(runtime) if isinstance(e, MessageFinished)]
    assert runtime.state.session_spend.usage == sum(messages, Usage(5, 3))


def test_after_a_failure_no_other_summary_is_asked_for_in_the_same_turn():
    runtime = make(*[LONG] * 3, [ProviderBusy("no")], BLOCK, LONG, window=1200)
    assert talk(runtime, *THREE, "four")[-1] == "end_turn"
    one(runtime, ContextCompacted)


def test_what_cannot_fit_is_said_once_and_sent():
    runtime = make(BLOCK, "ok", window=100)
    assert talk(runtime, "x" * 200) == ["end_turn"]
    note = one(runtime, NoteAdded)
    assert "the model takes 100" in note.text
    assert sum(isinstance(e, StepStarted) for e in events_of(runtime)) == 2


def test_where_nothing_more_gives_way_but_it_fits_nothing_is_said():
    runtime = make("ok", window=120)
    assert talk(runtime, "x" * 76) == ["end_turn"]
    assert not any(isinstance(e, NoteAdded) for e in events_of(runtime))


def test_where_no_room_is_made_unasked_what_does_not_fit_is_said_and_sent():
    runtime = make(*[LONG] * 4, window=900, makes_room=False)
    assert talk(runtime, *THREE, "four") == ["end_turn"] * 4
    assert not runtime.state.folds
    notes = [event.text for event in events_of(runtime) if isinstance(event, NoteAdded)]
    assert "/compact" in notes[0]


def interrupted(runtime, work):
    async def run():
        task = asyncio.ensure_future(work())
        await runtime.edges.provider.said.wait()
        runtime.cancel()
        return await task

    return asyncio.run(run())


def test_interrupting_a_summary_ends_the_turn():
    runtime = make(*[LONG] * 3, ["They", 60.0], window=1200)
    talk(runtime, *THREE)
    assert interrupted(runtime, lambda: runtime.turn((Text("four"),))) == "cancelled"
    event = one(runtime, ContextCompacted)
    assert event.problem == "interrupted"
    assert event.usage == Usage(7, 4, estimated=True)
    assert runtime.state.phase is Phase.IDLE


def test_a_summary_that_is_ended_before_its_first_word_was_sent_all_the_same():
    runtime = make(*[LONG] * 3, [60.0, "They"], window=1200)
    talk(runtime, *THREE)
    assert interrupted(runtime, lambda: runtime.turn((Text("four"),))) == "cancelled"
    event = one(runtime, ContextCompacted)
    assert (event.problem, event.usage) == ("interrupted", Usage(7, 0, estimated=True))


def test_a_cancellation_from_outside_is_not_swallowed():
    async def run():
        task = asyncio.ensure_future(runtime.compact())
        await runtime.edges.provider.said.wait()
        task.cancel()
        await task

    runtime = make(*[LONG] * 3, ["They", 60.0], window=None)
    talk(runtime, *THREE)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert not any(isinstance(e, ContextCompacted) for e in events_of(runtime))


def test_a_person_compacts_between_two_turns_and_takes_it_back():
    runtime = make(*[LONG] * 3, SUMMARY, window=None)
    talk(runtime, *THREE)
    before = runtime.state
    event = asyncio.run(runtime.compact("the sums"))
    assert (event.by, event.focus) == ("person", "the sums")
    assert runtime.edges.provider.requests[-1].messages[0].text == "the sums"
    assert text_of(runtime.state.messages[1].parts) == SUMMARY
    restored = runtime.restore()
    assert isinstance(restored, ContextRestored)
    assert restored.tokens_after > restored.tokens_before
    assert runtime.state.messages == before.messages
    assert fold(runtime.edges.store.records) == runtime.state
    with pytest.raises(ProtocolError):
        runtime.restore()


def test_the_budget_says_how_much_a_person_compacts():
    runtime = make(*[LONG] * 3, SUMMARY, window=1300)
    talk(runtime, *THREE)
    assert asyncio.run(runtime.compact()).summary == SUMMARY


def test_there_may_be_nothing_to_compact():
    runtime = make(LONG)
    talk(runtime, "one")
    assert asyncio.run(runtime.compact()) is None


def test_nothing_is_compacted_in_the_middle_of_a_turn():
    runtime = make(LONG)
    runtime.record(events_of_a_prompt())
    with pytest.raises(ProtocolError, match="between two turns"):
        asyncio.run(runtime.compact())


def events_of_a_prompt():
    from tests.core.story import started

    return started()


def test_a_context_that_knows_no_sizes_cannot_be_compacted_but_restored():
    runtime = make(*[LONG] * 3, context=PlainContext())
    talk(runtime, *THREE)
    with pytest.raises(LlmreplError, match="cannot be compacted"):
        asyncio.run(runtime.compact())
    runtime.record(ContextCompacted(summary="s", replaced=2))
    assert runtime.restore() == ContextRestored()


def test_what_a_summary_costs_counts_towards_the_budget():
    from decimal import Decimal

    from llmrepl.usage import Price, cost_of

    class Dear(PlainMeter):
        async def cost(self, provider, model, usage):
            return cost_of(usage, Price(Decimal(1), Decimal(1)))

    runtime = make(*[LONG] * 3, SUMMARY, window=1200)
    talk(runtime, *THREE)
    runtime.edges.meter = Dear()
    runtime.limits = Limits(budget=Decimal("0.000001"))
    assert talk(runtime, "four") == ["budget"]
    assert isinstance(events_of(runtime)[-1], TurnFinished)
