"""What happens next follows from the state alone."""

from decimal import Decimal

import pytest

from llmrepl.events import (
    ApprovalDecided,
    NoteAdded,
    StepFinished,
    ToolRequested,
    TurnFinished,
)
from llmrepl.loop import (
    STOP_REASONS,
    AbandonMessage,
    AskApproval,
    AwaitUser,
    CallModel,
    CloseCall,
    FinishStep,
    FinishTurn,
    Limits,
    RunTools,
    WarnModel,
    decide,
)
from llmrepl.parts import Text
from llmrepl.usage import Cost

from .story import (
    ACTING,
    ONE_STEP,
    WHOLE_TURN,
    finished,
    fold,
    message,
    requested,
    running,
    started,
    step,
)

LIMITS = Limits()


def after(*events, limits=LIMITS, stop=""):
    return decide(fold(*events), limits, stop)


def again(times, code="1"):
    """Tell of a turn in which the same call came `times` times; the last has not run yet."""
    events = [started()]
    for number in range(1, times + 1):
        call_id = f"1.{number}.1"
        events += [step(), requested(call_id, code), message(stop="tool_calls")]
        if number < times:
            events += [running(call_id), finished(call_id), StepFinished()]
    return events


def test_nothing_is_done_until_the_person_speaks():
    assert after() == after(*WHOLE_TURN) == AwaitUser()


def test_a_prompt_and_results_both_go_to_the_model():
    assert after(started()) == after(*ONE_STEP) == CallModel()


def test_a_message_with_calls_runs_them_and_closes_the_step():
    assert after(*ACTING) == RunTools((requested(),))
    assert after(*ACTING, running(), finished()) == FinishStep()


def test_a_message_without_calls_ends_the_turn():
    assert after(started(), step(), message(Text("a"))) == FinishStep()
    assert after(started(), step(), message(Text("a")), StepFinished()) == FinishTurn("end_turn")


@pytest.mark.parametrize("stop", ["max_tokens", "refusal", "cancelled", "error"])
def test_a_message_that_stopped_for_its_own_reason_ends_the_turn_for_it(stop):
    assert after(started(), step(), message(stop=stop), StepFinished()) == FinishTurn(stop)


def test_a_message_broken_off_by_a_crash_is_closed_and_asked_for_again():
    assert after(started(), step()) == after(started(), step(), requested()) == AbandonMessage()
    lost = (started(), step(), requested(), message(stop="interrupted"))
    assert after(*lost) == FinishStep()
    assert after(*lost, StepFinished()) == CallModel()


def test_a_call_that_was_running_when_the_process_ended_is_never_run_again():
    action = after(*ACTING, running())
    assert isinstance(action, CloseCall)
    assert action.status == "unknown"


def test_a_call_with_a_problem_never_runs():
    bad = requested(problem="unknown language 'perl'")
    action = after(started(), step(), bad, message())
    assert action == CloseCall(bad, "error", "unknown language 'perl'")


def test_the_model_hears_of_its_mistake_even_when_its_output_was_cut():
    bad = requested(problem="cut")
    events = (started(), step(), bad, message(stop="max_tokens"))
    assert after(*events, finished(status="error"), StepFinished()) == CallModel()


def test_an_ambiguous_block_waits_for_a_person():
    block = requested(ambiguous=True)
    events = (started(), step(), block, message())
    action = after(*events)
    assert isinstance(action, AskApproval)
    yes = ApprovalDecided(call_id="1.1.1", decision="once")
    assert after(*events, yes) == RunTools((block,))
    no = ApprovalDecided(call_id="1.1.1", decision="deny", reason="not now")
    refused = after(*events, no)
    assert isinstance(refused, CloseCall)
    assert refused.status == "denied"
    assert "not now" in refused.reason
    assert "send the whole block again" in refused.reason


def test_a_refused_call_says_why():
    events = (started(), step(), requested(), message())
    no = ApprovalDecided(call_id="1.1.1", decision="deny", reason="not now")
    assert after(*events, no) == CloseCall(requested(), "denied", "not now")
    silent_no = ApprovalDecided(call_id="1.1.1", decision="deny")
    assert after(*events, silent_no) == CloseCall(requested(), "denied", "a person said no")


def test_a_message_that_is_no_answer_is_gone_on_with_twice():
    once = (step(), message(Text("a"), stop="unfinished"), StepFinished())
    assert after(started(), *once) == after(started(), *once, *once) == CallModel()
    assert after(started(), *once, *once, *once) == FinishTurn("end_turn")


def test_the_third_same_call_is_warned_about_and_then_runs():
    events = again(3)
    action = after(*events)
    assert isinstance(action, WarnModel)
    assert "3 times" in action.text
    warned = NoteAdded(text=action.text, audience="both", call_id=action.request.call_id)
    assert isinstance(after(*events, warned), RunTools)


def test_the_fifth_same_call_ends_the_turn():
    events = again(5)
    action = after(*events)
    assert isinstance(action, CloseCall)
    assert action.status == "limit"
    closed = (finished("1.5.1", status="limit"), StepFinished())
    assert after(*events, *closed) == FinishTurn("repetition")


def test_the_number_of_steps_is_limited():
    assert after(*ONE_STEP, limits=Limits(max_steps=1)) == FinishTurn("max_steps")


def test_a_spent_budget_ends_the_turn_before_the_next_request():
    events = (started(), step(), requested(), message(cost=Cost(Decimal(2))))
    events = (*events, running(), finished(), StepFinished())
    assert after(*events, limits=Limits(budget=Decimal(2))) == FinishTurn("budget")
    assert after(*events, limits=Limits(budget=Decimal(3))) == CallModel()


@pytest.mark.parametrize("stop", ["cancelled", "max_time"])
def test_a_stop_from_outside_winds_the_turn_down(stop):
    assert after(started(), stop=stop) == FinishTurn(stop)
    action = after(*ACTING, stop=stop)
    assert action == CloseCall(requested(), "cancelled", STOP_REASONS[stop])
    assert after(*ACTING, running(), finished(), stop=stop) == FinishStep()


def test_cancelling_one_call_cancels_those_after_it():
    events = (started(), step(), requested("a"), requested("b", code="2"), message())
    events = (*events, running("a"), finished("a", status="cancelled"))
    action = after(*events)
    assert isinstance(action, CloseCall)
    assert action.status == "cancelled"
    closed = (finished("b", status="cancelled"), StepFinished())
    assert after(*events, *closed) == FinishTurn("cancelled")


def tool(call_id, **more):
    return ToolRequested(
        call_id=call_id, name="t", language="tool", arguments={"n": call_id}, **more
    )


def test_blocks_run_one_by_one_and_plain_tool_calls_together():
    blocks = (requested("a"), requested("b", code="2"))
    assert after(started(), step(), *blocks, message()) == RunTools(blocks[:1])
    tools = (tool("a"), tool("b"))
    assert after(started(), step(), *tools, requested("c"), message()) == RunTools(tools)
    assert after(started(), step(), *tools, message()) == RunTools(tools)


@pytest.mark.parametrize("second", [tool("b", problem="x"), tool("b", ambiguous=True)])
def test_a_tool_call_that_cannot_run_yet_is_not_run_together_with_others(second):
    assert after(started(), step(), tool("a"), second, message()) == RunTools((tool("a"),))


def test_every_reason_to_finish_a_turn_is_explained():
    assert {"end_turn", "max_time", "repetition"} <= set(STOP_REASONS)
    assert TurnFinished(reason="budget").reason in STOP_REASONS


COMMAND = requested("0.!1", "ls", "bash", origin="person")


def test_a_command_of_the_person_that_was_broken_off_is_closed_and_never_run():
    assert after(COMMAND) == CloseCall(COMMAND, "cancelled", "it was ended before it began")
    allowed = ApprovalDecided(call_id="0.!1", decision="once")
    assert after(COMMAND, allowed).status == "cancelled"
    denied = ApprovalDecided(call_id="0.!1", decision="deny", reason="a rule says no")
    assert after(COMMAND, denied) == CloseCall(COMMAND, "denied", "a rule says no")
    assert after(COMMAND, running("0.!1")).status == "unknown"
    assert after(COMMAND, running("0.!1"), finished("0.!1")) == AwaitUser()
