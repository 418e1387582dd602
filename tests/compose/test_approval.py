"""Who answers where a call needs approval."""

import asyncio

import pytest

from llmrepl.compose.approval import approver_for
from llmrepl.events import ToolRequested
from llmrepl.testing.approver import ScriptedApprover

PLAIN = ToolRequested(call_id="a", name="python", language="python")
AMBIGUOUS = ToolRequested(call_id="b", name="python", language="python", ambiguous=True)


def decided(mode, person, request):
    return asyncio.run(approver_for(mode, person).review(request, "?"))


@pytest.mark.parametrize("request_", [PLAIN, AMBIGUOUS])
def test_deny_says_no_without_asking(request_):
    person = ScriptedApprover("once")
    assert decided("deny", person, request_).decision == "deny"
    assert person.asked == []


@pytest.mark.parametrize("request_", [PLAIN, AMBIGUOUS])
def test_ask_asks_the_person(request_):
    assert decided("ask", ScriptedApprover("once"), request_).decision == "once"


@pytest.mark.parametrize("mode", ["ask", "auto"])
def test_where_nobody_can_be_asked_an_ambiguous_block_is_refused(mode):
    decision = decided(mode, None, AMBIGUOUS)
    assert (decision.decision, decision.by) == ("deny", "mode")
    assert "no person" in decision.reason


def test_auto_says_yes_to_everything_but_an_ambiguous_block():
    person = ScriptedApprover("deny")
    assert decided("auto", person, PLAIN).decision == "once"
    assert decided("auto", person, AMBIGUOUS).decision == "deny"
    assert len(person.asked) == 1
