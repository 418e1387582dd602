"""Who is asked before each action: how far turns go, and what is told of them."""

import asyncio

import pytest

from llmrepl.conversation import Attempts, Call, Conversation, Phase, Progress
from llmrepl.errors import LlmreplError
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ContextTrimmed,
    Custom,
    ErrorRaised,
    MessageFinished,
    NoteAdded,
    RequestFailed,
    StepFinished,
    TextDelta,
    ToolFinished,
    ToolRequested,
    TurnFinished,
    TurnStarted,
)
from llmrepl.loop import (
    AbandonMessage,
    AskApproval,
    CallModel,
    CloseCall,
    FinishStep,
    FinishTurn,
    RunTools,
    WarnModel,
)
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.stepping import Answer, Edit, Give, Skip, Tell
from llmrepl_textual.bars.spans import PAUSED, WAIT, Spans
from llmrepl_textual.debugging.breakpoints import OnPattern, OnTool, parsed
from llmrepl_textual.debugging.stepper import ACTIONS_KEPT, Pace, PausingStepper
from llmrepl_textual.debugging.words import because, done_instead, outcome, title

BASH = ToolRequested(call_id="1.1.1", name="bash", language="bash", arguments={"code": "ls"})
READY = Conversation(phase=Phase.READY, turn=1)
CALL = Conversation(phase=Phase.ACTING, turn=1, step=1, calls=(Call(BASH),), acted=True)
DONE = Conversation(phase=Phase.ACTING, turn=1, step=1, acted=True)
TURN = (
    (READY, CallModel()),
    (CALL, RunTools((BASH,))),
    (DONE, FinishStep()),
    (Conversation(phase=Phase.READY, turn=1, step=1, acted=True), CallModel()),
    (Conversation(phase=Phase.ACTING, turn=1, step=2), FinishStep()),
    (Conversation(phase=Phase.READY, turn=1, step=2), FinishTurn("end_turn")),
)


def record_of(event, at=0):
    return Record(1, at, 1, 1, event)


def stepper(pace=Pace.RUN, *watches):
    made = PausingStepper(lambda event: made.show(record_of(event)))
    made.pace = pace
    for watch in watches:
        made.add(parsed(watch))
    return made


async def paused(made):
    await asyncio.sleep(0)
    return made.pause


async def gone(made, *goes):
    """Go through the turn, and return before what it paused, and what for."""
    seen, goes = [], [*goes]
    for state, action in TURN:
        asked = asyncio.ensure_future(made.step(state, action))
        for _ in range(5):
            await asyncio.sleep(0)
        if made.pause is not None:
            seen.append((title(made.pause.action), made.pause.why))
            made.go(goes.pop(0) if goes else made.pace)
        assert await asked is None
    return seen


def through(made, *goes):
    return asyncio.run(gone(made, *goes))


def test_a_turn_runs_as_long_as_nothing_is_wanted():
    made = stepper()
    assert through(made) == []
    assert [done.what for done in made.history] == [title(action) for _, action in TURN]
    assert [done.step for done in made.history] == ["1.1", "1.1", "1.1", "1.2", "1.2", "1.2"]


def test_step_by_step_it_pauses_before_each_action():
    seen = through(stepper(Pace.STEP))
    assert [what for what, _ in seen] == [title(action) for _, action in TURN]
    assert {why for _, why in seen} == {"step by step"}


def test_over_goes_to_the_end_of_the_step_and_end_to_that_of_the_turn():
    seen = through(stepper(Pace.STEP), Pace.STEP, Pace.OVER, Pace.END)
    assert [what for what, _ in seen] == [
        "ask the model",
        "run bash 1.1.1",
        "ask the model",
        "finish the turn: end_turn",
    ]
    assert [why for _, why in seen][2:] == ["the step is over", "the turn is at its end"]


def test_continue_goes_to_the_next_breakpoint_which_counts_its_hits():
    made = stepper(Pace.STEP, "tool ba*", "action turn", "tool none")
    seen = through(made, Pace.RUN)
    assert seen[1:] == [("run bash 1.1.1", "tool bash"), (title(TURN[-1][1]), "action turn")]
    assert [watch.hits for watch in made.watches] == [1, 1, 0]


def test_a_breakpoint_that_is_off_stops_nothing_and_one_is_not_there_twice():
    made = stepper(Pace.RUN, "tool bash")
    made.watches[0].on = False
    assert through(made) == []
    assert made.add(OnTool("bash")) == 0
    assert made.watches[0].on
    assert made.add(OnTool("x")) == 1


def test_a_pattern_that_takes_for_ever_pauses_and_is_off():
    made = stepper()
    made.add(OnPattern("(x+x+)+y"))
    made.show(record_of(MessageFinished(parts=(Text("x" * 9999),), stop="end_turn")))
    seen = through(made)
    assert len(seen) == 1
    assert "this takes too long, so it is off" in seen[0][1] == made.told
    assert not made.watches[0].on


def test_what_comes_instead_is_done_and_the_turn_pauses_again():
    async def play():
        made = stepper(Pace.RUN, "tool bash")
        asked = asyncio.ensure_future(made.step(CALL, RunTools((BASH,))))
        pause = await paused(made)
        with pytest.raises(LlmreplError, match="the model is not about to be asked"):
            made.instead(Answer("x"), pause)
        made.instead(Give("1.1.1", "a"), pause)
        with pytest.raises(LlmreplError, match="does not wait there any more"):
            made.instead(Give("1.1.1", "b"), pause)
        made.go(Pace.STEP)  # too late, and does no harm
        made.pace = Pace.RUN
        assert await asked == Give("1.1.1", "a")
        asked = asyncio.ensure_future(made.step(DONE, FinishStep()))
        assert (await paused(made)).why == "you gave 1.1.1 a result: ok, and now"
        made.go(Pace.RUN)
        assert await asked is None
        assert await made.step(*TURN[3]) is None
        with pytest.raises(LlmreplError, match="does not wait there"):
            made.instead(Tell("x"), pause)

    asyncio.run(play())


def test_a_pause_is_in_the_record_and_a_turn_that_is_ended_meanwhile_goes_on_nowhere():
    async def play():
        recorded = []
        made = PausingStepper(recorded.append)
        made.pace = Pace.STEP
        asked = asyncio.ensure_future(made.step(*TURN[0]))
        await paused(made)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert made.pause is None
        (event,) = recorded
        assert isinstance(event, Custom)
        assert (event.name, event.data["before"]) == (PAUSED, "ask the model")
        assert event.data["ms"] >= 0

    asyncio.run(play())


def test_what_came_of_each_action_stands_in_its_history():
    made = stepper()

    async def play():
        await made.step(*TURN[1])
        made.show(record_of(TextDelta(text="x")))
        made.show(record_of(ToolFinished(call_id="1.1.1", status="ok", ms=12)))
        await made.step(*TURN[2])
        made.show(record_of(StepFinished(ms=20)))
        made.show(record_of(TurnFinished(reason="end_turn", ms=30)))

    made.pace = Pace.END
    asyncio.run(play())
    assert [done.came for done in made.history] == ["1.1.1 ok 12 ms", "20 ms · 30 ms"]
    assert made.pace is Pace.RUN  # the end of the turn was all that was wanted
    made.show(record_of(TurnStarted(prompt=())))
    assert made.history == []


def test_the_history_is_bounded():
    made = stepper()

    async def play():
        for _ in range(ACTIONS_KEPT + 5):
            await made.step(*TURN[1])

    asyncio.run(play())
    assert len(made.history) == ACTIONS_KEPT


APPROVED = Conversation(
    phase=Phase.ACTING, calls=(Call(BASH, Progress.APPROVED, edited=True),), acted=True
)
RETRYING = Conversation(phase=Phase.RETRYING, step=1, attempts=Attempts(next="groq/x"))


@pytest.mark.parametrize(
    ("state", "action", "what", "why"),
    [
        (READY, CallModel(), "ask the model", "the turn has begun"),
        (RETRYING, CallModel(), "ask the model", "a request of this step failed, and groq/x"),
        (TURN[3][0], CallModel(), "ask the model", "the results of step 1 are there"),
        (
            Conversation(phase=Phase.READY, step=1, stop="unfinished"),
            CallModel(),
            "ask the model",
            "the message of step 1 was no answer yet: unfinished",
        ),
        (READY, AbandonMessage(), "close a message that was interrupted", "nobody waits"),
        (CALL, AskApproval(BASH, "sure?"), "ask about bash 1.1.1", "unasked: sure?"),
        (CALL, WarnModel(BASH, "again"), "warn the model about bash 1.1.1", "again"),
        (CALL, RunTools((BASH,)), "run bash 1.1.1", "the message asks for it; 1 call of the step"),
        (CALL, RunTools((BASH, BASH)), "run bash 1.1.1, bash 1.1.1", "plain tool calls run toge"),
        (APPROVED, RunTools((BASH,)), "run bash 1.1.1", "it is approved, as a person changed it"),
        (CALL, CloseCall(BASH, "denied", "no"), "end bash 1.1.1: denied", "no"),
        (DONE, FinishStep(), "finish the step", "every call of the step has its result"),
        (
            Conversation(stop="end_turn"),
            FinishStep(),
            "finish the step",
            "asks for no call; it ended: end_turn",
        ),
        (READY, FinishTurn("budget"), "finish the turn: budget", "a budget has no room"),
    ],
)
def test_an_action_is_told_with_why_it_is_wanted(state, action, what, why):
    assert title(action) == what
    assert why in because(state, action)


def test_what_a_person_did_is_told():
    did = [Edit("1", {}), Give("1", "", "error"), Skip("1"), Answer("x"), Tell("x")]
    assert [done_instead(one) for one in did] == [
        "you edited 1",
        "you gave 1 a result: error",
        "you skipped 1",
        "you answered in the model's stead",
        "you told the model something",
    ]


def test_what_came_of_an_action_is_told():
    failed = RequestFailed(provider="a", model="b", kind="X", message="no", next="a/c")
    events = [
        MessageFinished(parts=(), stop="end_turn", total_ms=5),
        ApprovalRequested(call_id="1", question="sure?"),
        ApprovalDecided(call_id="1", decision="deny", reason="no"),
        failed,
        ContextTrimmed(messages=1, characters=2),
        ErrorRaised(kind="X", message="broken"),
        NoteAdded(text="seen"),
        NoteAdded(text="hidden", audience="model"),
        ToolFinished(call_id="1", status="ok", by="person"),
    ]
    assert outcome(events) == (
        "end_turn ↑0 ↓0 $? 5.0 ms · asked: sure? · refused by person: no · failed: no"
        " · room was made in the context · error: broken · seen"
        " · 1 ok given by a person: it did not run"
    )


def test_a_pause_is_a_bar_of_its_own_and_no_work():
    began = record_of(TurnStarted(prompt=(Text("x"),)), 1000)
    looked = record_of(Custom(name=PAUSED, data={"ms": 500, "before": "ask the model"}), 2000)
    other = [record_of(Custom(name=name, data={}), 2000) for name in (PAUSED, "welcome")]
    (span,) = [span for span in Spans([began, looked, *other]) if span.kind == WAIT]
    assert (span.begin, span.end, span.label) == (1500, 2000, "paused: ask the model")
