"""Breakpoints: what can be typed, and which moments of a turn they are hit at."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversation import Conversation, Spend
from llmrepl.errors import LlmreplError
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ContextCompacted,
    MessageFinished,
    ToolFinished,
    ToolRequested,
)
from llmrepl.loop import (
    AskApproval,
    CallModel,
    CloseCall,
    FinishStep,
    FinishTurn,
    RunTools,
    WarnModel,
)
from llmrepl.parts import Image, Output, Reasoning, Text
from llmrepl.usage import Cost
from llmrepl_textual.debugging.breakpoints import (
    ACTIONS,
    FORMS,
    LOOKED_AT,
    STATUSES,
    Moment,
    OnAction,
    OnCost,
    OnPattern,
    OnStatus,
    OnTool,
    TooSlow,
    about,
    hit,
    matches,
    parsed,
)

BASH = ToolRequested(call_id="1.1.1", name="bash", language="bash", arguments={"code": "rm -r x"})
READ = ToolRequested(call_id="1.1.2", name="read_file", language="tool", arguments={"path": "a"})
RUN = RunTools((BASH, READ))
ASK = AskApproval(BASH, "?")
IDLE = Conversation()
DECIDED = ApprovalDecided(call_id="1.1.1", decision="once")
EDITED = replace(DECIDED, decision="edit", arguments={"code": "rm -r y"})
ASKED = ApprovalRequested(call_id="1.1.1", question="?")


def ended(status="ok", text="", reason=""):
    parts = (Output("stdout", text), Image("image/png"))
    return ToolFinished(call_id="1.1.1", status=status, parts=parts, reason=reason)


def said(text="", cost=None):
    price = None if cost is None else Cost(input=Decimal(cost))
    return MessageFinished(parts=(Reasoning("hidden"), Text(text)), stop="end_turn", cost=price)


def spent(turn, session):
    return Conversation(
        turn_spend=Spend(cost=Cost(input=Decimal(turn))),
        session_spend=Spend(cost=Cost(input=Decimal(session))),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("action model", OnAction("model")),
        ("  action   turn ", OnAction("turn")),
        ("tool bash", OnTool("bash")),
        ("tool read_*", OnTool("read_*")),
        ("status error", OnStatus("error")),
        ("status !ok", OnStatus("ok", but=True)),
        ("cost turn > 0.05", OnCost("turn", Decimal("0.05"))),
        ("cost session>$1", OnCost("session", Decimal(1))),
        ("cost turn 0", OnCost("turn", Decimal(0))),
        (r"pattern rm\s+-r", OnPattern(r"rm\s+-r")),
    ],
)
def test_a_breakpoint_is_a_line(text, found):
    assert parsed(text) == found
    assert parsed(str(found)) == found


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("", "there is no breakpoint ''", "action, tool, status, cost, pattern"),
        ("line 3", "there is no breakpoint 'line'", "there are: action"),
        ("tool", "tool of what?", "for example: tool bash"),
        ("pattern  ", "pattern of what?", "for example: pattern"),
        ("action dance", "there is no action 'dance'", "model, tools, approval, step, turn"),
        ("status fine", "there is no status 'fine'", "ok, error, timeout"),
        ("status !", "there is no status ''", "ok, error"),
        ("cost turn", "this is no cost: turn", "cost turn > 0.05"),
        ("cost > 3", "this is no cost: > 3", "cost turn > 0.05"),
        ("cost week > 3", "this is no cost: week > 3", "cost turn > 0.05"),
        ("cost turn > much", "this is no cost: turn > much", "cost turn > 0.05"),
        ("cost turn > -1", "this is no cost: turn > -1", "cost turn > 0.05"),
        ("cost turn > NaN", "this is no cost: turn > NaN", "cost turn > 0.05"),
        ("cost turn > 1 2", "this is no cost: turn > 1 2", "cost turn > 0.05"),
        ("cost >", "this is no cost: >", "cost turn > 0.05"),
        ("pattern (", "this is no regular expression: missing )", "takes them as they are"),
    ],
)
def test_what_is_no_breakpoint_is_said_with_what_would_be_one(text, why, hint):
    with pytest.raises(LlmreplError) as error:
        parsed(text)
    assert why in error.value.message
    assert hint in error.value.hint


def test_every_form_that_is_offered_is_one():
    for form, _ in FORMS:
        assert parsed(form)


def at(action, *since, state=IDLE):
    return Moment(state, action, since)


@pytest.mark.parametrize(
    ("breakpoint_", "moment", "why"),
    [
        ("action model", at(CallModel()), "action model"),
        ("action model", at(FinishStep()), ""),
        ("action tools", at(RUN), "action tools"),
        ("action tools", at(RUN, DECIDED), ""),
        ("action approval", at(ASK), "action approval"),
        ("action approval", at(RUN, ASKED, DECIDED), "a call was decided about"),
        ("action approval", at(RUN), ""),
        ("action step", at(FinishStep(), ended()), "action step"),
        ("action turn", at(FinishTurn("end_turn")), "action turn"),
        ("tool bash", at(RUN), "tool bash"),
        ("tool bash", at(ASK), "tool bash"),
        ("tool read*", at(RUN), "tool read_file"),
        ("tool python", at(RUN), ""),
        ("tool bash", at(RUN, DECIDED), ""),
        ("tool bash", at(CloseCall(BASH, "denied", "no")), ""),
        ("tool bash", at(CallModel()), ""),
        ("status error", at(FinishStep(), ended("error")), "status error"),
        ("status error", at(FinishStep(), ended()), ""),
        ("status !ok", at(FinishStep(), ended("timeout")), "status timeout"),
        ("status !ok", at(FinishStep(), ended(), said()), ""),
        ("status error", at(FinishStep()), ""),
        ("cost turn > 1", at(FinishStep(), said(cost="0.5"), state=spent("1.2", "9")), "$1.20"),
        ("cost turn > 1", at(FinishStep(), said(cost="0.5"), state=spent("1.6", "9")), ""),
        ("cost turn > 1", at(FinishStep(), said(cost="0.5"), state=spent("1", "9")), ""),
        ("cost session > 1", at(CallModel(), said(cost="0.1"), state=spent("0", "1.05")), "$1.05"),
        ("cost session > 1", at(CallModel(), said(), state=spent("0", "1.05")), ""),
        ("pattern rm", at(RUN), "pattern rm in the code of 1.1.1"),
        ("pattern rm", at(ASK), "pattern rm in the code of 1.1.1"),
        ("pattern rm", at(RUN, DECIDED), ""),
        ("pattern rm", at(RUN, EDITED), "pattern rm in the code of 1.1.1"),
        ("pattern path", at(RUN), "pattern path in the code of 1.1.2"),
        ("pattern Err.r", at(FinishStep(), ended(text="Error")), "in the result of 1.1.1"),
        ("pattern time", at(FinishStep(), ended(reason="time is up")), "in the result of 1.1.1"),
        ("pattern 42", at(RUN, said("It is 42.")), "pattern 42 in what the model said"),
        ("pattern hidden", at(FinishStep(), said("shown")), ""),
        ("pattern rm", at(CallModel(), DECIDED), ""),
    ],
)
def test_a_breakpoint_is_hit_where_it_says(breakpoint_, moment, why):
    found = hit(parsed(breakpoint_), moment)
    assert why in found
    assert bool(found) is bool(why)


def test_a_summary_costs_as_a_message_does():
    summary = ContextCompacted(summary="", replaced=1, cost=Cost(input=Decimal("0.5")))
    moment = at(CallModel(), summary, state=spent("1.2", "1.2"))
    assert hit(parsed("cost turn > 1"), moment)
    assert hit(parsed("cost session > 1"), moment)


def test_an_action_is_about_its_calls():
    assert about(RUN) == (BASH, READ)
    assert about(ASK) == about(WarnModel(BASH, "again")) == (BASH,)
    assert about(CloseCall(BASH, "denied", "no")) == (BASH,)
    assert about(CallModel()) == ()


def test_a_pattern_that_takes_for_ever_is_given_up():
    with pytest.raises(TooSlow):
        matches("(x+x+)+y", "x" * LOOKED_AT)
    with pytest.raises(TooSlow):
        hit(OnPattern("(a|aa)+$"), at(FinishStep(), ended(text="a" * 60 + "b")))


def test_a_text_is_looked_at_so_far_and_no_further():
    assert matches("x$", "x" * LOOKED_AT + "y")
    assert not matches("y", "x" * LOOKED_AT + "y")


amounts = st.decimals(0, 100, places=2, allow_nan=False)


@given(amounts, amounts, st.lists(amounts, max_size=5))
def test_a_cost_is_exceeded_once(above, before, costs):
    """Of all moments of a turn, at most one is the cost's: the first at which it is exceeded."""
    total, hits = before, []
    for cost in costs:
        total += cost
        state = spent(total, total)
        hits.append(
            bool(hit(OnCost("turn", above), at(FinishStep(), said(cost=cost), state=state)))
        )
    assert sum(hits) == (before <= above < total)


@given(st.sampled_from([*ACTIONS]), st.sampled_from(STATUSES), st.text(), st.booleans())
def test_what_is_no_hit_says_nothing_and_what_is_says_why(name, status, text, but):
    moment = at(FinishStep(), ended(status, text))
    assert bool(hit(OnAction(name), moment)) is (name == "step")
    assert bool(hit(OnStatus(status, but), moment)) is not but
    assert all(hit(OnStatus(other, but=True), moment) for other in STATUSES if other != status)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_whatever_is_typed_is_a_breakpoint_or_an_error(text):
    for kind in ("action", "tool", "status", "cost", "pattern"):
        try:
            found = parsed(f"{kind} {text}")
        except LlmreplError:
            continue
        assert parsed(str(found)) == found
