"""The stand-ins and the contract kits that plugin authors test with."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

import llmrepl.testing as kit
from llmrepl.conversation import Phase, evolve
from llmrepl.errors import ProtocolError, SandboxUnavailable, SessionError
from llmrepl.events import (
    TYPES,
    ApprovalRequested,
    NoteAdded,
    TextDelta,
    ToolFinished,
    ToolRequested,
    TurnStarted,
)
from llmrepl.parts import Output, Text
from llmrepl.ports import Finish, TextChunk
from llmrepl.providers.script import read_script
from llmrepl.runtime import fold
from llmrepl.testing import (
    Canned,
    FakeClock,
    FakeExecutor,
    MemoryStore,
    ModelServer,
    Refused,
    Scripted,
    ScriptedApprover,
    Step,
    check_display,
    check_executor,
    check_provider,
    one_of_each,
    records,
    turn,
)
from llmrepl.usage import Usage
from tests.providers.calls import opened, request


def call(code, call_id="1.1.1"):
    return ToolRequested(
        call_id=call_id, name="python", language="python", arguments={"code": code}
    )


# Stand-ins


def test_a_fake_clock_goes_when_told():
    clock = FakeClock(1_000, tick=0.5)
    assert [clock.monotonic(), clock.monotonic()] == [0.0, 0.5]
    clock.advance(10)
    assert clock.now() == 12_000
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_a_memory_store_keeps_records_in_order():
    store = MemoryStore(full_after=2)
    first, second, third, *_ = (r for r in records(turn()) if r.seq)
    store.append(first, sync=True)
    store.append(second)
    assert (store.records, store.synced) == ([first, second], 1)
    with pytest.raises(SessionError, match="record 1 cannot follow record 2"):
        store.append(first)
    with pytest.raises(SessionError, match="no space left"):
        store.append(third)


def test_a_memory_store_takes_nothing_transient():
    (_, _, live, *_) = records(turn())
    with pytest.raises(SessionError):
        MemoryStore().append(live)


def test_a_scripted_approver_gives_its_answers_in_order():
    approver = ScriptedApprover(["once", "deny"])
    asked = ApprovalRequested(call_id="x", question="May it?")
    assert asyncio.run(approver.concern(call("x"))) is None
    decisions = [asyncio.run(approver.review(call("x"), asked)).decision for _ in range(2)]
    assert decisions == ["once", "deny"]
    assert approver.asked == [(call("x"), asked)] * 2
    with pytest.raises(AssertionError, match=r"no answer is left for call 1\.1\.1"):
        asyncio.run(approver.review(call("x"), asked))
    assert asyncio.run(ScriptedApprover("deny").review(call("x"), asked)).decision == "deny"


def test_a_fake_executor_looks_the_output_up():
    executor = FakeExecutor({"print(1)": "1\n"}, otherwise=Canned("no", "stderr", "error", 1))

    async def outcome(code):
        return [event async for event in executor.run(call(code))]

    output, end = asyncio.run(outcome("\nprint(1)\n"))
    assert (output.text, end.status, end.parts) == ("1\n", "ok", (Output("stdout", "1\n"),))
    _, end = asyncio.run(outcome("other"))
    assert (end.status, end.exit_code, end.parts[0].stream) == ("error", 1, "stderr")
    assert [request.arguments["code"] for request in executor.ran] == ["\nprint(1)\n", "other"]


def test_a_fake_executor_can_be_unavailable():
    executor = FakeExecutor(unavailable=SandboxUnavailable("no sandbox here"))
    with pytest.raises(SandboxUnavailable):
        asyncio.run(executor.start())


# Builders


def test_a_built_turn_is_a_legal_one():
    steps = [Step("Look.", "ls", "a b\n", "bash", "Hm.", "error"), Step(code="1"), Step("Done.")]
    stamped = records(turn("Why?", steps) + turn("And?", number=2))
    state = fold(stamped)
    assert (state.phase, state.turn) == (Phase.IDLE, 2)
    assert [m.role for m in state.messages][:6] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert state.session_spend.usage == Usage(500, 100)


def test_records_are_stamped_as_a_runtime_does():
    stamped = records(turn(), clock=FakeClock(1000, tick=0.01))
    durable = [record.seq for record in stamped if record.event.durable]
    assert durable == list(range(1, len(durable) + 1))
    assert {record.seq for record in stamped if not record.event.durable} == {0}
    assert [record.at for record in stamped] == [1000 + 10 * i for i in range(len(stamped))]
    assert (stamped[0].turn, stamped[0].step) == (1, 0)
    assert (stamped[-1].turn, stamped[-1].step) == (1, 2)


def test_records_go_on_from_a_conversation():
    state = evolve(fold(records(turn())), TurnStarted(prompt=(Text("More"),)))
    (note,) = records([NoteAdded(text="x")], state=state)
    assert (note.turn, note.seq) == (2, 1)
    with pytest.raises(ProtocolError):
        records(turn(), state=state)


def test_there_is_a_sample_of_every_event():
    assert {event.type for event in one_of_each()} >= TYPES.keys()


# Contracts


def test_every_provider_keeps_the_contract(kind):
    with ModelServer(["some words"] * 2 + ["more"] * 2 + [Refused(500)]) as server:
        provider = opened(kind, server.url)
        finish = asyncio.run(check_provider(provider, request()))
        assert finish.usage.output_tokens == 2


def test_the_scripted_provider_keeps_the_contract():
    refused = request("Hi", "some words", "Go on")
    asyncio.run(check_provider(Scripted(["some words"]), request(), refused=refused))


class Bad:
    """A provider that gives what it is told to."""

    name = "bad"
    local = False

    def __init__(self, *chunks, error=None):
        self.chunks, self.error = chunks, error

    async def stream(self, request):
        if request.model == "refused" and self.error:
            raise self.error
        for chunk in self.chunks:
            yield chunk

    async def models(self):
        return ()

    async def close(self):
        pass


@pytest.mark.parametrize(
    ("chunks", "clause"),
    [
        ((TextChunk("a"),), "one Finish comes"),
        ((TextChunk("a"), Finish(), Finish()), "one Finish comes"),
        ((TextChunk("a"), Finish(), TextChunk("b")), "one Finish comes"),
        ((TextChunk(""), Finish()), "no chunk is empty"),
        ((TextChunk("a"), Finish("tool_calls")), "stop is one of"),
        ((TextChunk("a"), "b", Finish()), "a stream gives"),
        ((TextChunk("a"), Finish(usage=Usage(1, 1, cache_read=2))), "holds the cached"),
        ((TextChunk("a"), Finish(usage=Usage(1, 1, reasoning_tokens=2))), "holds the reasoning"),
    ],
)
def test_a_provider_that_breaks_a_clause_is_told_which(chunks, clause):
    with pytest.raises(AssertionError, match=clause):
        asyncio.run(check_provider(Bad(*chunks), request()))


@pytest.mark.parametrize(
    ("error", "clause"), [(KeyError("x"), "a failure is a ProviderError"), (None, "not None")]
)
def test_a_provider_that_fails_with_anything_else_is_told_so(error, clause):
    provider = Bad(TextChunk("a"), Finish(), error=error)
    with pytest.raises(AssertionError, match=clause):
        asyncio.run(check_provider(provider, request(), refused=request(model="refused")))


def test_the_fake_executor_keeps_the_contract():
    executor = FakeExecutor({"1": "1\n", "slow": Canned("begun", delay=60)})
    finished = asyncio.run(check_executor(executor, quick=call("1"), slow=call("slow", "1.1.2")))
    assert finished.status == "ok"
    assert (executor.started, executor.closed) == (2, 2)


def test_an_executor_that_breaks_a_clause_is_told_which():
    class Deaf(FakeExecutor):
        async def interrupt(self):
            """Do nothing."""

    class Stray(FakeExecutor):
        async def run(self, request):
            yield ToolFinished(call_id="other", status="ok")

    slow = {"slow": Canned(delay=60)}
    for executor, clause in (
        (Deaf(slow), "an interrupt ends a call within 0.1 s"),
        (Stray(), "all carry the call's id"),
        (FakeExecutor(otherwise=Canned(status="fine")), "'fine' is no status"),
        (FakeExecutor(), "the slow call runs until"),
    ):
        with pytest.raises(AssertionError, match=clause):
            asyncio.run(check_executor(executor, quick=call("1"), slow=call("slow"), seconds=0.1))


def test_a_display_is_shown_everything_in_time():
    shown = []

    class Quiet:
        def show(self, record):
            shown.append(record)

    assert check_display(Quiet()) < 5
    assert {type(record.event) for record in shown} >= set(TYPES.values())
    assert sum(type(record.event) is TextDelta for record in shown) > 10_000


def test_a_display_that_fails_or_dawdles_is_told_so():
    class Failing:
        def show(self, record):
            if record.event.type == "context.compacted":
                raise RuntimeError("never seen")

    class Quiet:
        def show(self, record):
            pass

    with pytest.raises(AssertionError, match="show\\(\\) raised at ContextCompacted"):
        check_display(Failing())
    with pytest.raises(AssertionError, match="records took"):
        check_display(Quiet(), seconds=0)


# The package


def test_everything_public_is_there():
    for name in kit.__all__:
        assert getattr(kit, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = kit.nothing


def test_it_imports_nothing_until_asked():
    code = "import llmrepl.testing, sys; assert 'llmrepl.events' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


REFERENCE = Path(__file__).parents[2] / "docs/reference/scripted-provider.md"


def test_the_reference_names_every_option_of_a_script():
    text = REFERENCE.read_text("utf-8")
    for name in ("stop", "usage", "delay", "rate", "error", "retry_after", "reasoning"):
        assert f"| `{name}` |" in text


def test_the_references_example_is_a_script():
    example = REFERENCE.read_text("utf-8").split("```text\n")[1].split("```")[0]
    replies = read_script(example)
    assert [reply.error for reply in replies] == ["", "busy", "", "broken"]
    assert replies[0].usage == Usage(120, 40)
    assert replies[0].text.endswith("</helpers>")
    assert replies[2].reasoning == "The block printed 42.\nThat is the answer."
