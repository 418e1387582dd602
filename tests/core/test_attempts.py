"""A step whose requests fail before the first word: what is recorded, and how it goes on."""

import asyncio

import pytest

from llmrepl.conversation import Attempts, Conversation, Phase, evolve
from llmrepl.errors import (
    ProtocolError,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from llmrepl.events import (
    ErrorRaised,
    MessageFinished,
    ModelChosen,
    NoteAdded,
    RequestFailed,
    StepFinished,
    StepStarted,
    ToolRequested,
    TurnStarted,
)
from llmrepl.loop import AbandonMessage, CallModel, Limits, decide
from llmrepl.parts import Text
from llmrepl.ports import Choice
from llmrepl.runtime import Runtime, fold
from tests.core.test_compacting import LONG, Tight

from .running import ANSWER, FOREVER, Speaker, events_of, make, one, turn, types_of

GONE = ProviderUnreachable("nobody answers", hint="start it")
SOON = ProviderBusy("busy", retry_after=0.001)
LATER = ProviderBusy("busy", retry_after=FOREVER)


def failed(name="a/m", then="b/m", wait=0.0):
    provider, _, model = name.partition("/")
    return RequestFailed(
        provider=provider, model=model, kind="ProviderError", message="no", next=then, wait=wait
    )


def after(*events):
    state = Conversation()
    for event in (TurnStarted(prompt=(Text("6*7?"),)), *events):
        state = evolve(state, event)
    return state


def started(name="a/m"):
    provider, _, model = name.partition("/")
    return StepStarted(provider=provider, model=model)


class Chain:
    """A router with these speakers in its chain; it remembers what it is told."""

    def __init__(self, *speakers, patience=0.1):
        self.speakers = speakers
        self.patience = patience
        self.told = []
        self.passed = ()

    async def choices(self, request, without=()):
        every = [Choice(speaker, "m", speaker.why, self.passed) for speaker in self.speakers]
        return [choice for choice in every if choice.name not in without]

    def failed(self, choice, error):
        self.told.append((choice.name, error.kind))

    def answered(self, choice, ms):
        self.told.append((choice.name, ms > 0))


def speaker(name, *replies, why=""):
    found = Speaker(*replies)
    found.name, found.why = name, why
    return found


def chained(*speakers, state=None, seq=0, **about):
    runtime = make(state=state, seq=seq)
    runtime.edges.router = Chain(*speakers, **about)
    return runtime


# The state


def test_another_request_belongs_to_the_same_step():
    state = after(started(), failed(), started("b/m"))
    assert (state.step, state.phase) == (1, Phase.STREAMING)
    assert state.attempts == Attempts(("a/m",), "b/m")


def test_being_asked_again_is_counted_and_so_is_the_time_that_it_took():
    state = after(started(), failed(then="a/m", wait=1.0))
    state = evolve(evolve(state, started()), failed(then="a/m", wait=2.0))
    assert state.attempts == Attempts((), "a/m", 2, 3.0)
    state = evolve(evolve(state, started()), failed(then="b/m"))
    assert state.attempts == Attempts(("a/m",), "b/m", 0, 3.0)


def test_the_next_step_begins_anew():
    over = (MessageFinished(parts=(Text("x"),), stop="interrupted"), StepFinished())
    state = after(started(), failed(), started("b/m"), *over, started())
    assert (state.step, state.attempts) == (2, Attempts())


def test_no_request_fails_once_the_model_has_asked_for_a_call():
    call = ToolRequested(call_id="1.1.1", name="python", language="python")
    with pytest.raises(ProtocolError, match="after the model asked for a call"):
        after(started(), call, failed())


def test_what_follows_is_told_in_a_line():
    assert failed().going_on == "b/m is asked instead"
    assert failed(then="a/m", wait=2.0).going_on == "a/m is asked again, 2.0 s later"


def test_a_choice_changes_nothing_whenever_it_is_made():
    chosen = ModelChosen(provider="a", model="m")
    for state in (after(), after(started()), after(started(), failed())):
        assert evolve(state, chosen) is state


def test_between_two_requests_the_loop_asks_or_closes_the_message():
    state = after(started(), failed())
    assert decide(state, Limits(max_steps=1)) == CallModel()
    assert decide(state, Limits(), "cancelled") == AbandonMessage("cancelled")


# The runtime


def test_the_next_in_the_chain_answers_in_the_same_step():
    a, b = speaker("a", [GONE]), speaker("b", ANSWER)
    runtime = chained(a, b)
    assert turn(runtime) == "end_turn"
    event = one(runtime, RequestFailed)
    assert (event.name, event.kind, event.message, event.hint, event.next) == (
        *("a/m", "ProviderUnreachable", "nobody answers", "start it", "b/m"),
    )
    assert event.ms > 0
    assert runtime.state.step == 1
    assert runtime.edges.router.told == [("a/m", "ProviderUnreachable"), ("b/m", True)]
    assert len(a.requests) == len(b.requests) == 1
    assert types_of(runtime).count("message.finished") == 1
    assert fold(filter(None, runtime.edges.store.records)).session_spend.usage.output_tokens > 0


def test_where_everybody_fails_the_last_error_ends_the_turn():
    runtime = chained(speaker("a", [GONE]), speaker("b", [GONE]))
    assert turn(runtime) == "error"
    assert one(runtime, RequestFailed).next == "b/m"
    assert one(runtime, ErrorRaised).message == "nobody answers"
    assert one(runtime, MessageFinished).stop == "error"


def test_a_busy_model_is_asked_again_before_the_next_is():
    a, b = speaker("a", [SOON], [SOON], [SOON]), speaker("b", ANSWER)
    runtime = chained(a, b)
    assert turn(runtime) == "end_turn"
    waits = [e.wait for e in events_of(runtime) if isinstance(e, RequestFailed)]
    assert waits == [0.001, 0.001, 0.0]
    assert (len(a.requests), len(b.requests)) == (3, 1)


def test_after_the_first_word_nobody_else_is_asked():
    a, b = speaker("a", ["It is", ProviderError("it broke off")]), speaker("b", ANSWER)
    runtime = chained(a, b)
    assert turn(runtime) == "error"
    assert one(runtime, MessageFinished).parts == (Text("It is"),)
    assert not b.requests


def test_a_person_ends_the_wait_and_the_message_has_cost_nothing():
    runtime = chained(speaker("a", [LATER]), patience=2 * FOREVER)

    class Impatient:
        def __init__(self, soon):
            self.soon = soon

        def show(self, record):
            if isinstance(record.event, RequestFailed):
                self.soon(runtime.cancel)

    async def ended(soon):
        runtime.subscribe(Impatient(soon))
        return await runtime.turn((Text("6*7?"),))

    async def while_it_waits():
        return await ended(asyncio.get_running_loop().call_soon)

    assert asyncio.run(while_it_waits()) == "cancelled"
    message = one(runtime, MessageFinished)
    assert (message.parts, message.stop) == ((), "cancelled")
    assert runtime.state.session_spend.unpriced == 0
    assert types_of(runtime)[-3:] == ["message.finished", "step.finished", "turn.finished"]

    runtime = chained(speaker("a", [LATER]), patience=2 * FOREVER)
    assert asyncio.run(ended(lambda cancel: cancel())) == "cancelled"


@pytest.mark.parametrize("then", ["a/m", "b/m"])
def test_after_a_kill_between_two_requests_the_step_goes_on_with_the_next(then):
    a, b = speaker("a", ANSWER), speaker("b", ANSWER)
    runtime = chained(a, b, state=after(started(), failed(then=then, wait=FOREVER)), seq=3)
    assert asyncio.run(runtime.resume()) == "end_turn"
    assert one(runtime, StepStarted).provider == then[0]
    assert runtime.state.step == 1
    assert len(a.requests) + len(b.requests) == 1


def test_where_all_were_given_up_in_a_chain_that_has_changed_since_it_begins_again():
    a = speaker("a", ANSWER)
    runtime = chained(a, state=after(started(), failed(then="gone/m")), seq=3)
    assert asyncio.run(runtime.resume()) == "end_turn"
    assert len(a.requests) == 1


def test_without_a_chain_a_step_that_was_broken_off_between_two_requests_goes_on_as_well():
    speaker_is_next = after(started(), failed("speaker/m", then="gone/m"))
    runtime = make(ANSWER, state=speaker_is_next, seq=3)
    assert asyncio.run(runtime.resume()) == "end_turn"


def test_a_choice_with_a_reason_is_told_once_and_its_end_as_well():
    a = speaker("a", ANSWER, ANSWER, ANSWER, why="auto:fastest: 3 ms")
    runtime = chained(a)
    runtime.edges.router.passed = ("b/m: it failed, and is left alone for 3 s",)
    for _ in range(2):
        turn(runtime)
    chosen = one(runtime, ModelChosen)
    assert (chosen.provider, chosen.model, chosen.reason) == ("a", "m", "auto:fastest: 3 ms")
    assert chosen.passed == ("b/m: it failed, and is left alone for 3 s",)
    a.why, runtime.edges.router.passed = "", ()
    turn(runtime)
    *_, last = [event for event in events_of(runtime) if isinstance(event, ModelChosen)]
    assert "first in its chain" in last.reason


def test_a_runtime_without_a_chain_asks_once():
    runtime = make([GONE])
    assert turn(runtime) == "error"
    assert isinstance(runtime, Runtime)
    assert "request.failed" not in types_of(runtime)


def test_a_message_that_is_ended_says_nothing_of_whoever_wrote_it():
    a = speaker("a", ["It", FOREVER])
    runtime = chained(a)

    async def ended():
        running = asyncio.ensure_future(runtime.turn((Text("6*7?"),)))
        await a.said.wait()
        runtime.cancel()
        return await running

    assert asyncio.run(ended()) == "cancelled"
    assert runtime.edges.router.told == []


def compacting(*speakers, passed=()):
    runtime = chained(*speakers)
    runtime.edges.router.passed = passed
    runtime.edges.context = Tight(None)
    own = runtime.edges.provider
    runtime.edges.router, router = None, runtime.edges.router
    own.replies = [LONG] * 3
    for _ in range(3):
        turn(runtime, LONG)
    runtime.edges.router = router
    return runtime, asyncio.run(runtime.compact())


def test_a_summary_that_fails_before_its_first_word_is_written_by_the_next():
    runtime, event = compacting(speaker("a", [GONE]), speaker("b", "They did sums."))
    assert (event.provider, event.summary, event.problem) == ("b", "They did sums.", "")
    text = "a/m wrote no summary (nobody answers (start it)); b/m is asked instead."
    assert text in [each.text for each in events_of(runtime) if isinstance(each, NoteAdded)]
    assert runtime.edges.router.told == [("a/m", "ProviderUnreachable")]


def test_who_is_not_even_asked_for_a_summary_is_told():
    runtime, event = compacting(speaker("a", "They did sums."), passed=("z/m: no such provider",))
    assert event.provider == "a"
    assert one(runtime, NoteAdded).text == "Not asked for a summary: z/m: no such provider"


@pytest.mark.parametrize("reply", [[ProviderRefused("no")], ["They", ProviderError("no")]])
def test_a_summary_that_is_refused_or_breaks_off_is_written_by_nobody_else(reply):
    b = speaker("b", "They did sums.")
    _, event = compacting(speaker("a", reply), b)
    assert (event.provider, event.problem) == ("a", "no")
    assert not b.requests
