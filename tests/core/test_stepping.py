"""A turn that somebody steps through: what is asked, and what can come in an action's stead."""

import asyncio

import pytest

from llmrepl.conversation import Call, Conversation, Phase, Progress
from llmrepl.draft import Draft
from llmrepl.errors import LlmreplError
from llmrepl.events import (
    PERSON,
    ApprovalDecided,
    MessageFinished,
    NoteAdded,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    TurnFinished,
)
from llmrepl.loop import AskApproval, CallModel, FinishStep, FinishTurn, Limits, RunTools
from llmrepl.parts import Text
from llmrepl.ports import Finish
from llmrepl.runtime import Runtime, fold
from llmrepl.stepping import (
    BY_HAND,
    GIVEN,
    STEERED,
    WRITTEN,
    Answer,
    Edit,
    Give,
    Skip,
    Tell,
    happenings,
    next_message,
    source,
    why_not,
    with_source,
)
from llmrepl.testing.approver import ScriptedApprover
from llmrepl.testing.executor import Canned
from tests.core.running import (
    AMBIGUOUS,
    ANSWER,
    BLOCK,
    FOREVER,
    TOOLS,
    events_of,
    make,
    one,
    turn,
    types_of,
)


class Steps:
    """Is asked, and gives what it was told to: by the place of the action, what makes it."""

    def __init__(self, instead=None):
        self.instead = instead or {}
        self.asked = []

    async def step(self, state, action):
        at = len(self.asked)
        self.asked.append((state, action))
        if callable(found := self.instead.get(at)):
            found = await found(state, action)
        assert found is None or not why_not(found, state, action)
        return found

    @property
    def actions(self):
        return [type(action) for _, action in self.asked]


def stepped(runtime, instead=None, reason="end_turn"):
    runtime.stepper = steps = Steps(instead)
    assert turn(runtime) == reason
    records = [record for record in runtime.edges.store.records if record]
    assert fold(records) == runtime.state
    return steps


def test_each_action_is_shown_with_the_state_that_led_to_it_before_it_is_performed():
    runtime = make(BLOCK, ANSWER)
    steps = stepped(runtime)
    assert steps.actions == [CallModel, RunTools, FinishStep, CallModel, FinishStep, FinishTurn]
    assert [state.step for state, _ in steps.asked] == [0, 1, 1, 1, 2, 2]
    assert [state.phase for state, _ in steps.asked][:3] == [
        Phase.READY,
        Phase.ACTING,
        Phase.ACTING,
    ]
    plain = make(BLOCK, ANSWER)
    turn(plain)
    assert types_of(plain) == types_of(runtime)


def test_a_result_that_a_person_gives_is_what_the_model_sees_and_nothing_runs():
    runtime = make(BLOCK, ANSWER)
    stepped(runtime, {1: lambda state, _: give(state, "43")})
    given = one(runtime, ToolFinished)
    assert (given.by, given.status, given.parts[0].text) == (PERSON, "ok", "43")
    assert given.given == "given by a person: it did not run"
    assert "tool.started" not in types_of(runtime)
    assert "43" in runtime.edges.provider.requests[1].messages[-1].text
    assert PERSON not in runtime.edges.provider.requests[1].messages[-1].text
    assert ToolFinished(call_id="1", status="ok").given == ""


async def give(state, text, **more):
    return Give(state.calls[0].request.call_id, text, **more)


@pytest.mark.parametrize("status", GIVEN)
def test_a_given_result_may_have_any_status(status):
    runtime = make(BLOCK, ANSWER)
    ends = "cancelled" if status == "cancelled" else "end_turn"
    stepped(runtime, {1: lambda s, _: give(s, "", status=status, exit_code=3)}, ends)
    given = one(runtime, ToolFinished)
    assert (given.status, given.exit_code, given.parts) == (status, 3, ())


def test_an_edited_call_is_judged_anew_and_the_edited_one_runs():
    async def edit(state, _):
        return with_source(state.calls[0], "6 * 8")

    runtime = make(BLOCK, ANSWER, outputs={"6 * 8": Canned("48", "value")})
    steps = stepped(runtime, {1: edit})
    decided = one(runtime, ApprovalDecided)
    assert (decided.decision, decided.by, decided.arguments) == ("edit", PERSON, {"code": "6 * 8"})
    assert steps.actions[1:3] == [RunTools, RunTools]
    assert steps.asked[2][1].requests[0].arguments == {"code": "6 * 8"}
    assert one(runtime, ToolFinished).parts[0].text == "48"
    assert [e.type for e in events_of(runtime) if "tool" in e.type] == [
        "tool.requested",
        "tool.started",
        "tool.finished",
    ]


class Rules(ScriptedApprover):
    """Decides by a rule where the code is one that it knows."""

    def __init__(self, verdicts, answers="once"):
        super().__init__(answers)
        self.verdicts = verdicts

    async def concern(self, request):
        verdict = self.verdicts.get(request.arguments.get("code"))
        return verdict(request.call_id) if verdict else None


def by_rule(decision):
    return lambda call_id: ApprovalDecided(
        call_id=call_id, decision=decision, by="rule", rules=("a rule",), reason="a rule"
    )


def asks(call_id):
    from llmrepl.events import ApprovalRequested

    return ApprovalRequested(call_id=call_id, question="sure?")


async def to_eight(state, _):
    return with_source(state.calls[0], "6 * 8")


def test_what_a_rule_forbids_does_not_run_because_somebody_edited_it():
    runtime = make(BLOCK, ANSWER, approver=Rules({"6 * 8": by_rule("deny")}))
    stepped(runtime, {1: to_eight})
    assert one(runtime, ApprovalDecided).by == "rule"
    assert one(runtime, ToolFinished).status == "denied"
    assert "tool.started" not in types_of(runtime)


def test_what_a_rule_allows_is_the_persons_edit_with_that_rule():
    outputs = {"6 * 8": Canned("48", "value")}
    runtime = make(BLOCK, ANSWER, approver=Rules({"6 * 8": by_rule("once")}), outputs=outputs)
    stepped(runtime, {1: to_eight})
    decided = one(runtime, ApprovalDecided)
    assert (decided.decision, decided.by, decided.rules) == ("edit", PERSON, ("a rule",))


@pytest.mark.parametrize(("answer", "ran"), [("once", True), ("session", True), ("deny", False)])
def test_a_person_is_asked_about_what_they_made_of_a_call_where_the_rules_want_it(answer, ran):
    outputs = {"6 * 8": Canned("48", "value")}
    approver = Rules({"6 * 8": asks}, answer)
    runtime = make(BLOCK, ANSWER, approver=approver, outputs=outputs)
    stepped(runtime, {1: to_eight})
    decided = one(runtime, ApprovalDecided)
    assert decided.decision == answer
    assert approver.asked[0][0].arguments == {"code": "6 * 8"}
    assert ("tool.started" in types_of(runtime)) is ran
    assert bool(decided.arguments) is ran
    kinds = types_of(runtime)
    assert kinds.index("approval.requested") < kinds.index("approval.decided")


def test_a_turn_that_is_ended_while_the_edit_is_judged_runs_nothing():
    class Slow(Rules):
        async def concern(self, request):
            runtime.cancel()

    runtime = make(BLOCK, approver=Slow({}))
    stepped(runtime, {1: to_eight}, "cancelled")
    assert "approval.decided" not in types_of(runtime)
    assert "tool.started" not in types_of(runtime)


def test_a_turn_that_is_ended_while_the_person_is_asked_about_an_edit_refuses_it():
    class Slow(Rules):
        async def review(self, request, asked):
            runtime.cancel()
            await asyncio.sleep(FOREVER)

    runtime = make(BLOCK, approver=Slow({"6 * 8": asks}))
    stepped(runtime, {1: to_eight}, "cancelled")
    assert one(runtime, ApprovalDecided).decision == "deny"


def test_a_skipped_call_is_refused_and_the_model_is_told_why():
    async def skip(state, _):
        return Skip(state.calls[0].request.call_id, "not this one")

    runtime = make(BLOCK, ANSWER)
    stepped(runtime, {1: skip})
    assert one(runtime, ToolFinished).reason == "not this one"
    assert "tool.started" not in types_of(runtime)


def test_an_answer_in_the_models_stead_is_a_message_that_nobody_was_asked_for():
    async def answer(*_):
        return Answer(BLOCK)

    runtime = make(ANSWER)
    steps = stepped(runtime, {0: answer})
    first, second = (e for e in events_of(runtime) if isinstance(e, StepStarted))
    assert (first.provider, first.model) == (PERSON, BY_HAND)
    assert second.provider == "speaker"
    message = next(e for e in events_of(runtime) if isinstance(e, MessageFinished))
    assert (message.usage.input_tokens, message.cost.total, message.stop) == (0, 0, "tool_calls")
    assert one(runtime, ToolRequested).call_id == "1.1.1"
    assert one(runtime, ToolFinished).parts[0].text == "42"
    assert len(runtime.edges.provider.requests) == 1
    assert steps.actions[1] is RunTools


def test_an_answer_without_calls_ends_the_turn():
    async def answer(*_):
        return Answer("Forty-two.")

    runtime = make()
    stepped(runtime, {0: answer})
    assert runtime.state.messages[-1].parts == (Text("Forty-two."),)


@pytest.mark.parametrize("at", [0, 2, 3])
def test_what_the_model_is_told_goes_with_its_next_request(at):
    async def tell(*_):
        return Tell("in hexadecimal")

    runtime = make(BLOCK, ANSWER)
    stepped(runtime, {at: tell})
    note = one(runtime, NoteAdded)
    assert (note.text, note.audience) == (STEERED + "in hexadecimal", "both")
    requests = runtime.edges.provider.requests
    told = requests[0 if at == 0 else 1].messages
    assert "in hexadecimal" in told[-1].text
    assert (len(told) == 4) is (at == 3)  # beside the results, or with them
    assert runtime.state.notes == ()


def test_a_note_for_people_is_no_message():
    runtime = make(ANSWER)
    runtime.record(NoteAdded(text="between turns", audience="model"))
    assert runtime.state.notes == ("between turns",)

    async def note(*_):
        runtime.record(NoteAdded(text="seen"))

    stepped(runtime, {0: note})
    assert len(runtime.state.messages) == 2


class Leaping(asyncio.SelectorEventLoop):
    """A loop whose time leaps when it is told to."""

    ahead = 0.0

    def time(self):
        return super().time() + self.ahead


def leaping(runtime, instead):
    """Run a turn of at most 100 seconds, and return its stop reason."""
    runtime.stepper = Steps(instead)
    with asyncio.Runner(loop_factory=Leaping) as runner:
        return runner.run(runtime.turn((Text("6*7?"),)))


async def leap(*_):
    asyncio.get_running_loop().ahead += 60
    await asyncio.sleep(0.001)


def test_the_turns_wall_time_does_not_run_while_somebody_looks():
    runtime = make(BLOCK, ANSWER, limits=Limits(turn_seconds=100))
    assert leaping(runtime, {0: leap, 2: leap, 3: leap}) == "end_turn"


def test_a_turn_that_takes_too_long_is_ended_though_somebody_looked():
    class Slow(Rules):
        async def concern(self, request):
            await leap()

    runtime = make(BLOCK, BLOCK, approver=Slow({}), limits=Limits(turn_seconds=100))
    assert leaping(runtime, {0: leap}) == "max_time"


def test_the_figures_of_a_step_and_a_turn_are_without_the_time_that_somebody_looked():
    def took(seconds):
        async def look(*_):
            runtime.edges.clock.advance(seconds)

        runtime = make(BLOCK, ANSWER)
        stepped(runtime, {0: look, 1: look, 2: look})
        steps = [e.ms for e in events_of(runtime) if isinstance(e, StepFinished)]
        return [*steps, one(runtime, TurnFinished).ms]

    assert took(100.0) == took(0.0)


def test_a_turn_can_be_ended_while_somebody_looks():
    async def cancel(*_):
        asyncio.get_running_loop().call_soon(runtime.cancel)
        await asyncio.sleep(FOREVER)

    runtime = make(BLOCK)
    steps = stepped(runtime, {1: cancel}, "cancelled")
    assert len(steps.asked) == 2  # nobody is asked while it winds down
    assert one(runtime, ToolFinished).status == "cancelled"


def test_the_end_of_a_turn_comes_before_what_was_to_happen_instead():
    async def both(state, _):
        runtime.cancel()
        return await give(state, "43")

    runtime = make(BLOCK)
    stepped(runtime, {1: both}, "cancelled")
    assert one(runtime, ToolFinished).by == ""


def test_a_command_that_a_person_types_is_not_stepped_through():
    runtime = make(outputs={"ls": Canned("a", "stdout")})
    runtime.stepper = steps = Steps()
    assert asyncio.run(runtime.command("ls")) == "end_turn"
    assert steps.asked == []


def test_a_crash_while_somebody_looks_loses_nothing():
    async def crash(*_):
        raise KeyboardInterrupt

    runtime = make(BLOCK, ANSWER)
    runtime.stepper = first = Steps({1: crash})
    with pytest.raises(KeyboardInterrupt):
        turn(runtime)
    records = runtime.edges.store.records
    again = Runtime(runtime.edges, state=fold(records), seq=len(records))
    again.stepper = second = Steps()
    assert asyncio.run(again.resume()) == "end_turn"
    assert second.asked[0] == first.asked[1]


def test_a_step_whose_request_failed_can_be_answered_by_a_person():
    state = Conversation(phase=Phase.RETRYING, turn=2, step=3)
    assert next_message(state) == "2.3"
    assert next_message(Conversation(phase=Phase.READY, turn=2, step=3)) == "2.4"
    assert why_not(Answer("x"), state, CallModel()) == ""
    (note, started, *_) = happenings(Answer("x"), Draft("2.3"))
    assert (note.text, note.audience) == (WRITTEN, "person")
    assert isinstance(started, StepStarted)


REQUEST = ToolRequested(call_id="1", name="bash", language="bash", arguments={"code": "ls"})


def acting(progress=Progress.REQUESTED, **more):
    from dataclasses import replace

    call = Call(replace(REQUEST, **more), progress)
    return Conversation(phase=Phase.ACTING, calls=(call,), acted=True)


RUN = RunTools((REQUEST,))


@pytest.mark.parametrize(
    ("instead", "state", "action", "why"),
    [
        (Give("1", "x"), acting(), RUN, ""),
        (Give("1", "x"), acting(problem="bad"), RUN, ""),
        (Give("1", "x"), acting(Progress.DENIED), RUN, ""),
        (Give("2", "x"), acting(), RUN, "there is no call"),
        (Give("1", "x", "fine"), acting(), RUN, "there is no status 'fine'"),
        (Give("1", "x"), acting(Progress.STARTED), RUN, "it has started"),
        (Give("1", "x"), Conversation(phase=Phase.READY), CallModel(), "there is no call"),
        (Edit("1", {}), acting(), AskApproval(REQUEST, "?"), ""),
        (Edit("1", {}), acting(Progress.APPROVED), RUN, ""),
        (Edit("1", {}), acting(Progress.DENIED), RUN, "it was refused"),
        (Edit("1", {}), acting(problem="bad"), RUN, "it cannot run: bad"),
        (Skip("1"), acting(), RUN, ""),
        (Skip("1"), acting(Progress.DENIED), RUN, "it was refused"),
        (Answer("x"), acting(), RUN, "the model is not about to be asked"),
        (Tell("x"), acting(), RUN, ""),
        (Tell("x"), Conversation(phase=Phase.READY), CallModel(), ""),
        (Tell("x"), Conversation(phase=Phase.ACTING), FinishStep(), "it can be the next prompt"),
        (Tell("x"), Conversation(phase=Phase.ACTING, stop="unfinished"), FinishStep(), ""),
        (Tell("x"), Conversation(phase=Phase.READY), FinishTurn("end_turn"), "not asked again"),
    ],
)
def test_what_can_come_instead_is_known_before(instead, state, action, why):
    found = why_not(instead, state, action)
    assert why in found
    assert bool(why) is bool(found)


def test_a_tools_arguments_are_edited_as_json():
    runtime = make(TOOLS, ANSWER)
    seen = []

    async def edit(state, _):
        seen.append(source(state.calls[0]))
        assert with_source(state.calls[0], "{}") is None
        for text in ("{", "[1]"):
            with pytest.raises(LlmreplError, match=r"no JSON|no arguments"):
                with_source(state.calls[0], text)
        return with_source(state.calls[0], '{"x": 1}')

    stepped(runtime, {1: edit})
    assert seen == [("{}", "json")]
    assert one(runtime, ApprovalDecided).arguments == {"x": 1}


def test_code_is_edited_as_it_is():
    call = Call(REQUEST)
    assert source(call) == ("ls", "bash")
    assert with_source(call, "ls") is None
    assert with_source(call, "pwd") == Edit("1", {"code": "pwd"})


def test_an_ambiguous_call_that_a_person_edits_is_no_longer_asked_about():
    runtime = make(AMBIGUOUS, ANSWER, outputs={"x = 1": Canned("", "value")})

    async def edit(state, action):
        assert isinstance(action, AskApproval)
        return with_source(state.calls[0], "x = 1")

    stepped(runtime, {1: edit})
    assert "approval.requested" not in types_of(runtime)
    assert "tool.started" in types_of(runtime)


def test_a_finish_is_the_same_whoever_wrote_the_message():
    runtime = make([BLOCK, Finish()], [ANSWER, Finish()])
    assert stepped(runtime).actions[-1] is FinishTurn
