"""What the person runs between two turns."""

import asyncio

import pytest

from llmrepl.conversation import Phase
from llmrepl.errors import (
    ProtocolError,
    SandboxUnavailable,
)
from llmrepl.events import (
    ApprovalDecided,
    ToolFinished,
    ToolRequested,
)
from llmrepl.parts import Output, Text
from llmrepl.redaction import Redactor
from llmrepl.testing.approver import ScriptedApprover
from llmrepl.testing.executor import Canned, FakeExecutor
from tests.core.running import (
    ANSWER,
    FOREVER,
    events_of,
    make,
    one,
    turn,
    types_of,
)

LS = {"ls": Canned("a b\n"), "cat": Canned("never\n", delay=FOREVER)}


def command(runtime, code="ls", **how):
    assert asyncio.run(runtime.command(code, **how)) in ("end_turn", "cancelled")
    return [event.type for event in events_of(runtime)]


def test_a_command_runs_at_once_and_goes_to_the_model_with_the_next_prompt():
    runtime = make(ANSWER, outputs=LS)
    assert command(runtime) == ["tool.requested", "tool.started", "tool.finished"]
    asked = one(runtime, ToolRequested)
    assert (asked.call_id, asked.origin, asked.arguments) == ("0.!1", "person", {"code": "ls"})
    turn(runtime, "what is there?")
    sent = [message.text for message in runtime.edges.provider.requests[0].messages]
    assert ["a b" in text for text in sent] == [True, False]


def test_a_command_that_is_kept_from_the_model_stays_in_the_log():
    runtime = make(ANSWER, outputs=LS)
    command(runtime, aside=True, seconds=30)
    assert one(runtime, ToolRequested).origin == "aside"
    assert one(runtime, ToolRequested).arguments == {"code": "ls", "timeout": 30}
    assert one(runtime, ToolFinished).parts == (Output("stdout", "a b\n"),)
    turn(runtime)
    assert "a b" not in repr(runtime.edges.provider.requests)


def test_to_have_typed_a_command_is_the_answer_to_any_question_about_it():
    approver = ScriptedApprover(answers=(), question="May it?")
    runtime = make(outputs=LS, approver=approver)
    command(runtime)
    decided = one(runtime, ApprovalDecided)
    assert (decided.decision, decided.by, approver.asked) == ("once", "person", [])
    assert one(runtime, ToolFinished).status == "ok"


class Forbidding(ScriptedApprover):
    """A rule that forbids everything."""

    async def concern(self, request):
        return ApprovalDecided(
            call_id=request.call_id, decision="deny", by="rule", reason="the rule “x” forbids it"
        )


def test_a_rule_forbids_a_command_that_the_person_typed_all_the_same():
    runtime = make(outputs=LS, approver=Forbidding())
    command(runtime)
    ended = one(runtime, ToolFinished)
    assert (ended.status, ended.reason) == ("denied", "the rule “x” forbids it")
    assert runtime.edges.executor.ran == []
    assert runtime.state.phase is Phase.IDLE


def test_an_interrupt_ends_a_command_and_keeps_its_output():
    runtime = make(ANSWER, outputs=LS)

    async def interrupted():
        asyncio.get_running_loop().call_later(0.05, runtime.cancel)
        assert await runtime.command("cat") == "cancelled"

    asyncio.run(interrupted())
    ended = one(runtime, ToolFinished)
    assert (ended.status, ended.parts) == ("cancelled", (Output("stdout", "never\n"),))
    assert turn(runtime) == "end_turn"


def test_an_interrupt_before_a_command_begins_ends_it_unrun():
    class Hesitating(ScriptedApprover):
        async def concern(self, request):
            runtime.cancel()

    runtime = make(outputs=LS, approver=Hesitating())
    command(runtime)
    assert one(runtime, ToolFinished).reason == "it was ended before it began"
    assert runtime.edges.executor.ran == []


def test_a_command_where_nothing_can_run_says_so():
    missing = SandboxUnavailable("there is no sandbox", hint="install one")
    runtime = make(executor=FakeExecutor(unavailable=missing))
    command(runtime)
    assert one(runtime, ToolFinished).reason == "there is no sandbox (install one)"
    assert runtime.state.phase is Phase.IDLE


def test_a_command_cannot_be_run_during_a_turn():
    runtime = make([FOREVER])

    async def both():
        going = asyncio.ensure_future(runtime.turn((Text("hi"),)))
        await runtime.edges.provider.said.wait()
        with pytest.raises(ProtocolError, match="the person cannot ask for a call while"):
            await runtime.command("ls")
        runtime.cancel()
        await going

    asyncio.run(both())
    assert types_of(runtime).count("tool.requested") == 0


def test_a_secret_in_a_command_is_used_and_not_recorded():
    runtime = make(outputs={"echo hunter2hunter2": Canned("hunter2hunter2\n")})
    runtime.edges.redactor = Redactor([("TOKEN", "hunter2hunter2")])
    command(runtime, "echo hunter2hunter2")
    assert runtime.edges.executor.ran[0].arguments == {"code": "echo hunter2hunter2"}
    assert "hunter2" not in repr(events_of(runtime))
    assert one(runtime, ToolFinished).parts == (Output("stdout", "[redacted:TOKEN]\n"),)
