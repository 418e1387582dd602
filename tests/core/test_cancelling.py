"""A turn that is cancelled keeps what there is, and nothing of it runs on."""

import asyncio

import pytest

from llmrepl.conversation import Phase
from llmrepl.events import (
    ApprovalDecided,
    MessageFinished,
    ToolFinished,
    ToolOutput,
    TurnFinished,
)
from llmrepl.parts import Output, Text
from llmrepl.runtime.halt import Halt
from llmrepl.testing.approver import ScriptedApprover
from llmrepl.testing.executor import Canned, FakeExecutor
from tests.core.running import (
    AMBIGUOUS,
    ANSWER,
    BLOCK,
    FOREVER,
    make,
    one,
    turn,
)


def cancelled_turn(runtime, when):
    async def go():
        task = asyncio.ensure_future(runtime.turn((Text("go"),)))
        await when()
        runtime.cancel()
        runtime.cancel()
        return await task

    return asyncio.run(go())


def test_cancelling_a_stream_keeps_the_partial_answer_and_no_half_block():
    runtime = make(["Well,\n<helpers>\nimport os\n", FOREVER])
    provider = runtime.edges.provider
    assert cancelled_turn(runtime, provider.said.wait) == "cancelled"
    message = one(runtime, MessageFinished)
    assert (message.stop, message.parts) == ("cancelled", (Text("Well,\n"),))
    assert provider.closed == 1
    assert one(runtime, TurnFinished).reason == "cancelled"
    provider.replies.append(ANSWER)
    assert turn(runtime) == "end_turn"


def test_cancelling_a_call_keeps_its_output_and_ends_the_turn():
    runtime = make(BLOCK, outputs={"6 * 7": Canned("so far", delay=FOREVER)})

    begun = asyncio.Event()

    class Watcher:
        def show(self, record):
            if isinstance(record.event, ToolOutput):
                begun.set()

    runtime.subscribe(Watcher())
    assert cancelled_turn(runtime, begun.wait) == "cancelled"
    result = one(runtime, ToolFinished)
    assert (result.status, result.parts) == ("cancelled", (Output("stdout", "so far"),))


class SlowStart(FakeExecutor):
    def __init__(self):
        super().__init__()
        self.starting = asyncio.Event()

    async def start(self):
        self.starting.set()
        await asyncio.sleep(FOREVER)


def test_cancelling_while_the_sandbox_starts_runs_nothing():
    executor = SlowStart()
    runtime = make(BLOCK, executor=executor)
    assert cancelled_turn(runtime, executor.starting.wait) == "cancelled"
    assert executor.ran == []


class Undecided(ScriptedApprover):
    def __init__(self):
        super().__init__()
        self.asked = asyncio.Event()

    async def review(self, request, asked):
        self.asked.set()
        await asyncio.sleep(FOREVER)


def test_what_would_begin_after_the_end_does_not():
    halt, begun = Halt(), []

    async def work():
        begun.append(1)
        return "done"

    async def go():
        first = await halt.wait(work(), lambda: "ended")
        halt.end("cancelled")
        return first, await halt.wait(work(), lambda: "ended")

    assert asyncio.run(go()) == ("done", "ended")
    assert begun == [1]


def test_cancelling_a_question_is_a_no():
    approver = Undecided()
    runtime = make(AMBIGUOUS, approver=approver)
    assert cancelled_turn(runtime, approver.asked.wait) == "cancelled"
    assert one(runtime, ApprovalDecided).decision == "deny"


@pytest.mark.parametrize("waiting", ["model", "question", "sandbox"])
def test_a_cancellation_from_outside_the_runtime_is_not_swallowed(waiting):
    provider_waits = ["x", FOREVER] if waiting == "model" else AMBIGUOUS
    approver, executor = Undecided(), SlowStart()
    if waiting == "sandbox":
        provider_waits = BLOCK
    runtime = make(provider_waits, approver=approver, executor=executor)
    moment = {
        "model": runtime.edges.provider.said,
        "question": approver.asked,
        "sandbox": executor.starting,
    }[waiting]

    async def go():
        task = asyncio.ensure_future(runtime.turn((Text("go"),)))
        await moment.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert runtime.state.phase is not Phase.IDLE
