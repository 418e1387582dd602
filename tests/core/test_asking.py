"""A call runs only if somebody says so: a person, a rule, or nobody where nobody need be asked."""

import asyncio

import pytest

from llmrepl import loop
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
)
from llmrepl.runtime import fold
from llmrepl.testing.approver import ScriptedApprover
from tests.core.running import (
    AMBIGUOUS,
    ANSWER,
    BLOCK,
    TOOLS,
    make,
    one,
    turn,
    types_of,
)


@pytest.mark.parametrize(("answer", "ran"), [("once", 1), ("deny", 0)])
def test_an_ambiguous_block_runs_only_if_somebody_says_so(answer, ran):
    approver = ScriptedApprover([answer])
    runtime = make(AMBIGUOUS, ANSWER, approver=approver)
    assert turn(runtime) == "end_turn"
    assert len(runtime.edges.executor.ran) == ran
    assert len(approver.asked) == 1


class Ruled(ScriptedApprover):
    """Has the same concern about every call."""

    def __init__(self, concern, *args):
        super().__init__(*args)
        self.concerns = concern if callable(concern) else lambda _: concern

    async def concern(self, request):
        return self.concerns(request)


def decision(word, call_id="1.1.1", **more):
    return ApprovalDecided(call_id=call_id, decision=word, **more)


@pytest.mark.parametrize(("answer", "ran"), [("once", 1), ("deny", 0)])
def test_a_question_is_asked_before_a_call_runs(answer, ran):
    runtime = make(BLOCK, ANSWER, approver=ScriptedApprover([answer], "May it?"))
    assert turn(runtime) == "end_turn"
    assert len(runtime.edges.executor.ran) == ran
    types = types_of(runtime)
    at = types.index("approval.requested")
    expected = ["approval.requested", "approval.decided", "tool.started", "tool.finished"]
    assert types[at : at + 3 + ran] == expected[:2] + expected[3 - ran :]
    assert one(runtime, ApprovalRequested).question == "May it?"


@pytest.mark.parametrize(("word", "ran"), [("once", 1), ("deny", 0)])
def test_a_rule_decides_without_a_question(word, ran):
    concern = decision(word, by="rule", rules=("a rule",))
    runtime = make(BLOCK, ANSWER, approver=Ruled(concern, ()))
    assert turn(runtime) == "end_turn"
    assert one(runtime, ApprovalDecided).rules == ("a rule",)
    assert "approval.requested" not in types_of(runtime)
    assert len(runtime.edges.executor.ran) == ran


def test_of_an_ambiguous_block_a_rule_can_only_say_no():
    yes = make(AMBIGUOUS, ANSWER, approver=Ruled(decision("once", by="rule"), ["deny"]))
    turn(yes)
    assert one(yes, ApprovalRequested).question == loop.AMBIGUOUS
    assert one(yes, ApprovalDecided).by == "person"
    no = make(AMBIGUOUS, ANSWER, approver=Ruled(decision("deny", by="rule"), ()))
    turn(no)
    assert one(no, ApprovalDecided).by == "rule"
    assert "approval.requested" not in types_of(no)
    own = ApprovalRequested(call_id="1.1.1", question="Really?", touches=("reads a",))
    told = make(AMBIGUOUS, ANSWER, approver=Ruled(own, ["deny"]))
    turn(told)
    assert one(told, ApprovalRequested) == own


def test_an_edited_call_runs_as_edited_and_the_model_is_told():
    edited = decision("once", arguments={"code": "1 + 1"})
    approver = ScriptedApprover([edited], "May it?")
    runtime = make(BLOCK, ANSWER, approver=approver)
    turn(runtime)
    assert [request.arguments for request in runtime.edges.executor.ran] == [{"code": "1 + 1"}]
    result = runtime.state.messages[2].parts[0]
    assert result.ran == {"code": "1 + 1"}


def test_calls_that_run_together_are_approved_one_by_one():
    def concern(request):
        return None if request.name == "a" else decision("once", request.call_id, by="rule")

    runtime = make(TOOLS, ANSWER, approver=Ruled(concern))
    turn(runtime)
    assert [request.name for request in runtime.edges.executor.ran] == ["a", "b"]
    types = types_of(runtime)
    at = types.index("approval.decided")
    assert types[at + 1 : at + 3] == ["tool.started", "tool.started"]
    refused = make(TOOLS, ANSWER, approver=ScriptedApprover(["deny", "once"], "May it?"))
    turn(refused)
    assert [request.name for request in refused.edges.executor.ran] == ["b"]


@pytest.mark.parametrize("message", [BLOCK, AMBIGUOUS])
def test_a_turn_that_is_cancelled_while_a_call_is_looked_at_runs_and_asks_nothing(message):
    def concern(_):
        runtime.cancel()

    runtime = make(message, approver=Ruled(concern, ()))
    assert turn(runtime) == "cancelled"
    assert runtime.edges.executor.ran == []


def asked_log():
    runtime = make(BLOCK, TOOLS, AMBIGUOUS, ANSWER, approver=ScriptedApprover("once", "May it?"))
    assert turn(runtime) == "end_turn"
    return runtime.edges.store.records


ASKED = asked_log()


@pytest.mark.parametrize("cut", range(1, len(ASKED)))
def test_however_a_log_is_cut_no_call_runs_that_nobody_approved(cut):
    kept = ASKED[:cut]
    approver = ScriptedApprover("deny", "May it?")
    runtime = make(ANSWER, approver=approver, state=fold(kept), seq=cut)
    asyncio.run(runtime.resume())
    decided = [r.event for r in kept if isinstance(r.event, ApprovalDecided)]
    approved = {event.call_id for event in decided}
    assert {request.call_id for request in runtime.edges.executor.ran} <= approved
