"""State is what the events say, and costs the same to change however long the session is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversation import (
    ANYWHERE,
    TRANSITIONS,
    Conversation,
    Message,
    Phase,
    Progress,
    evolve,
    repetition_key,
    verdict,
)
from llmrepl.errors import ProtocolError
from llmrepl.events import (
    TYPES,
    ApprovalDecided,
    ApprovalRequested,
    BlockDelta,
    BlockOpened,
    ContextCompacted,
    Custom,
    ErrorRaised,
    NetworkRequested,
    NoteAdded,
    ReasoningDelta,
    StepFinished,
    TextDelta,
    ToolOutput,
    ToolRequested,
    TurnFinished,
    Unknown,
)
from llmrepl.parts import Output, Text, ToolResult
from llmrepl.usage import Cost, Usage
from llmrepl.vector import Vector

from .story import (
    ACTING,
    ANSWER,
    ONE_STEP,
    WHOLE_TURN,
    call_part,
    finished,
    fold,
    message,
    requested,
    running,
    started,
    step,
)

TRANSIENT = [
    TextDelta(text="x"),
    ReasoningDelta(text="x"),
    BlockOpened(language="python"),
    BlockDelta(text="x"),
    ToolOutput(call_id="nobody", stream="stdout", text="x"),
]


def test_a_turn_ends_where_the_next_one_can_begin():
    state = fold(*WHOLE_TURN)
    assert state.phase is Phase.IDLE
    assert [m.role for m in state.messages] == ["user", "assistant", "tool", "assistant"]
    assert (state.turn, state.step) == (1, 2)
    assert fold(started("more"), start=state).turn == 2


def test_results_go_to_the_model_in_one_message_per_step():
    events = (
        *(started(), step(), requested("a"), requested("b", code="2"), message(call_part("a"))),
        *(running("b"), finished("b", "2"), running("a"), finished("a", "1"), StepFinished()),
    )
    assert fold(*events).messages[-1] == Message(
        "tool",
        (
            ToolResult("b", "python", "ok", (Output("value", "2"),)),
            ToolResult("a", "python", "ok", (Output("value", "1"),)),
        ),
    )


@given(st.data())
def test_the_durable_events_alone_rebuild_the_state(data):
    noisy = []
    for event in WHOLE_TURN:
        noisy += data.draw(st.lists(st.sampled_from(TRANSIENT), max_size=2))
        noisy.append(event)
    assert fold(*noisy) == fold(*(e for e in noisy if e.durable)) == fold(*WHOLE_TURN)


def test_every_durable_type_has_its_place():
    placed = {kind for moves in TRANSITIONS.values() for kind in moves} | set(ANYWHERE)
    durable = {kind for kind in TYPES.values() if kind.durable}
    assert placed == durable | {Unknown}


@pytest.mark.parametrize("cut", range(len(WHOLE_TURN) + 1))
@pytest.mark.parametrize("event", [*WHOLE_TURN, ApprovalRequested(call_id="1.1.1", question="?")])
def test_an_event_out_of_turn_is_refused_and_names_the_state(cut, event):
    state = fold(*WHOLE_TURN[:cut])
    if type(event) in TRANSITIONS[state.phase]:
        return
    with pytest.raises(ProtocolError, match=f"{event.type} cannot happen while"):
        evolve(state, event)


@pytest.mark.parametrize(
    "event",
    [
        Custom(name="x"),
        Unknown(name="x.y"),
        ErrorRaised(kind="X", message="m"),
        NetworkRequested(call_id="1.1.1", host="example.org", port=443, decision="deny"),
    ],
)
def test_what_may_happen_anywhere_changes_nothing(event):
    for cut in range(len(WHOLE_TURN) + 1):
        state = fold(*WHOLE_TURN[:cut])
        assert evolve(state, event) is state


def test_a_call_is_finished_once():
    state = fold(*ACTING, running(), finished())
    with pytest.raises(ProtocolError, match=r"no unfinished call '1\.1\.1'"):
        evolve(state, finished())


def test_an_approval_is_about_a_call_that_exists():
    with pytest.raises(ProtocolError, match="no unfinished call 'x'"):
        fold(*ACTING, ApprovalRequested(call_id="x", question="?"))


def test_a_step_cannot_finish_while_a_call_has_no_result():
    with pytest.raises(ProtocolError, match=r"calls are unfinished: 1\.1\.1"):
        fold(*ACTING, StepFinished())


@pytest.mark.parametrize(
    ("decision", "progress"),
    [
        *((decision, Progress.APPROVED) for decision in ("once", "session", "always", "edit")),
        *((decision, Progress.DENIED) for decision in ("deny", "never", "", "maybe")),
    ],
)
def test_a_decision_is_kept_with_its_call(decision, progress):
    events = (
        ApprovalRequested(call_id="1.1.1", question="?"),
        ApprovalDecided(call_id="1.1.1", decision=decision, reason="why"),
    )
    call = fold(*ACTING, *events).call("1.1.1")
    assert (call.progress, call.reason) == (progress, "why")


def test_a_call_that_a_person_edited_is_run_as_edited_and_its_result_says_so():
    edit = ApprovalDecided(call_id="1.1.1", decision="once", arguments={"code": "2"})
    state = fold(*ACTING, edit)
    assert state.call("1.1.1").request == requested(code="2")
    assert fold(*ACTING, edit, running(), finished()).results[0].ran == {"code": "2"}
    assert fold(*ACTING, running(), finished()).results[0].ran == {}


def test_a_message_that_was_broken_off_leaves_no_call_and_no_repetition():
    state = fold(started(), step(), requested(), message(stop="interrupted"))
    assert (state.calls, state.recent, state.acted) == ((), (), False)
    assert len(state.messages) == 1


def test_a_note_for_the_model_goes_with_the_results():
    state = fold(*ACTING, NoteAdded(text="look", audience="both", call_id="1.1.1"))
    assert state.call("1.1.1").warned
    state = fold(running(), finished(), StepFinished(), start=state)
    assert state.messages[-1].parts[-1] == Text("Note from llmrepl: look")
    assert state.notes == ()


def test_a_note_for_the_person_never_reaches_the_model():
    assert fold(*ACTING, NoteAdded(text="look")).notes == ()


NOTE = NoteAdded(text="look", audience="model")
NOTED = Text("Note from llmrepl: look")


def test_a_note_on_a_finished_answer_goes_with_the_next_prompt():
    events = (started(), step(), message(Text("a")), NOTE, StepFinished())
    state = fold(*events, TurnFinished(reason="end_turn"), started("more"))
    assert state.messages[-1] == Message("user", (Text("more"), NOTED))
    assert state.notes == ()


def test_a_note_on_a_message_that_is_no_answer_goes_to_the_model_at_once():
    state = fold(started(), step(), message(Text("a"), stop="unfinished"), NOTE, StepFinished())
    assert state.messages[-1] == Message("tool", (NOTED,))
    assert state.unfinished == 1
    assert fold(step(), message(Text("b")), start=state).unfinished == 0


def test_a_step_without_calls_adds_no_message():
    state = fold(started(), step(), message(Text("a")))
    assert len(evolve(state, StepFinished()).messages) == 2


def test_compaction_replaces_the_oldest_messages():
    state = fold(*WHOLE_TURN, ContextCompacted(summary="so far", replaced=3))
    assert [m.role for m in state.messages] == ["summary", "assistant"]
    assert state.phase is Phase.IDLE


def test_compaction_may_happen_between_steps():
    state = fold(*ONE_STEP, ContextCompacted(summary="so far", replaced=1))
    assert state.phase is Phase.READY


def test_money_and_tokens_are_kept_for_step_turn_and_session():
    cost = Cost(Decimal("0.1"), Decimal("0.2"))
    turn = (started(), step(), message(Text("a"), usage=Usage(7, 3), cost=cost), StepFinished())
    state = fold(*turn, step(), message(Text("b"), usage=Usage(1, 1)))
    assert state.step_spend.usage == Usage(1, 1)
    assert (state.step_spend.unpriced, state.turn_spend.unpriced) == (1, 1)
    assert state.turn_spend.total == Decimal("0.3")
    state = fold(StepFinished(), TurnFinished(reason="end_turn"), started(), start=state)
    assert state.turn_spend.usage == Usage()
    assert state.session_spend.usage == Usage(8, 4)


def test_the_same_code_is_the_same_call_whatever_its_white_space():
    assert repetition_key(requested(code="a\n\n  b  \n")) == repetition_key(
        requested(code="a\n  b")
    )
    assert repetition_key(requested(code="a")) != repetition_key(
        requested(code="a", language="bash")
    )


def test_tool_calls_are_the_same_by_name_and_arguments():
    def tool(**arguments):
        return ToolRequested(call_id="x", name="t", language="tool", arguments=arguments)

    assert repetition_key(tool(a=1, b=2)) == repetition_key(tool(b=2, a=1))
    assert repetition_key(tool(a=1)) != repetition_key(tool(a=2))


def test_repetitions_are_counted_within_a_turn():
    state = fold(*ACTING, running(), finished(), StepFinished())
    state = fold(step(), requested("1.2.1"), start=state)
    assert state.call("1.2.1").repeats == state.most_repeats == 2
    assert Conversation().most_repeats == 0


def test_the_state_of_a_long_session_shares_what_it_grew_from():
    state = fold(*WHOLE_TURN)
    later = fold(started(), *ANSWER, start=state)
    assert later.messages.extends(state.messages)


def test_a_decision_is_told_with_who_made_it_and_why():
    def said(**facts):
        return verdict(ApprovalDecided(call_id="1", **facts))

    assert said(decision="once") == "allowed (once) by person"
    assert said(decision="never", reason="too much") == "refused by person: too much"
    ruled = {"by": "rule", "rules": ("allow bash", "allow net x.org")}
    assert said(decision="once", **ruled) == "allowed (once) by rule: allow bash, allow net x.org"
    assert said(decision="session", rules=("allow bash",)) == "allowed (session) by person"


def typed(origin="person", call_id="0.!1"):
    return requested(call_id, "ls", "bash", origin=origin)


def test_what_the_person_ran_goes_to_the_model_with_the_next_prompt():
    state = fold(*WHOLE_TURN, typed(), running("0.!1"), finished("0.!1", "a b"), started("more"))
    result = ToolResult(
        "0.!1", "bash", "ok", (Output("value", "a b"),), ran={"code": "ls"}, typed=True
    )
    assert state.messages[-2:] == Vector(
        [Message("tool", (result,)), Message("user", (Text("more"),))]
    )
    assert (state.phase, state.turn) == (Phase.READY, 2)


@pytest.mark.parametrize(
    "events",
    [
        (typed("aside"), running("0.!1"), finished("0.!1")),
        (typed(), finished("0.!1", status="cancelled")),
        (
            typed(),
            ApprovalDecided(call_id="0.!1", decision="deny", by="rule", reason="no"),
            finished("0.!1", status="denied"),
        ),
    ],
    ids=["aside", "not begun", "denied"],
)
def test_what_the_person_keeps_for_themselves_or_what_never_ran_is_not_told(events):
    before = fold(*WHOLE_TURN)
    assert fold(*events, start=before) == before


def test_the_person_runs_nothing_during_a_turn_and_the_model_nothing_between_two():
    with pytest.raises(ProtocolError, match="the person cannot ask for a call while it is streami"):
        fold(started(), step(), typed())
    with pytest.raises(ProtocolError, match="the model cannot ask for a call while it is idle"):
        fold(requested())


def test_what_the_person_repeats_is_no_repetition_of_the_model():
    one = (typed(), running("0.!1"), finished("0.!1"))
    state = fold(*one, *one, *one)
    assert (state.recent, state.most_repeats, state.acted, state.turn) == ((), 0, False, 0)
