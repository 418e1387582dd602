"""The runtime performs what the loop decides, records what happened, and loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise

import pytest

from llmrepl import loop
from llmrepl.conversation import Conversation, Phase
from llmrepl.draft import BROKEN_OFF
from llmrepl.errors import (
    ExecutorError,
    ProtocolError,
    ProviderBusy,
    SandboxUnavailable,
    SessionError,
)
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ErrorRaised,
    MessageFinished,
    NetworkRequested,
    NoteAdded,
    StepStarted,
    SystemSet,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
    TurnFinished,
)
from llmrepl.loop import AwaitUser, Limits, decide
from llmrepl.parts import Output, Reasoning, Text, ToolCall
from llmrepl.ports import ChatMessage, Finish, ReasoningChunk, Request, TextChunk
from llmrepl.redaction import Redactor
from llmrepl.runtime import STEERED, Edges, Runtime, fold
from llmrepl.testing.approver import ScriptedApprover
from llmrepl.testing.clock import FakeClock
from llmrepl.testing.executor import Canned, FakeExecutor
from llmrepl.testing.store import MemoryStore
from llmrepl.usage import FREE, Usage, cost_of

BLOCK = "Let me see.\n<helpers>\n6 * 7\n</helpers>\n"
TOOLS = '<helpers lang="tool">\n[{"tool": "a", "params": {}}, {"tool": "b"}]\n</helpers>\n'
ANSWER = "It is 42.\n"
FOREVER = 60.0


class Speaker:
    """A provider that says what it was told to: strings, chunks, exceptions, or silence."""

    name = "speaker"
    local = True

    def __init__(self, *replies, size=5):
        self.replies = list(replies)
        self.size = size
        self.requests = []
        self.closed = 0
        self.said = asyncio.Event()

    async def stream(self, request: Request) -> AsyncIterator:
        self.requests.append(request)
        reply = self.replies.pop(0)
        try:
            for item in reply if isinstance(reply, list) else [reply, Finish()]:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, float):
                    self.said.set()
                    await asyncio.sleep(item)
                elif isinstance(item, str):
                    for i in range(0, len(item), self.size):
                        yield TextChunk(item[i : i + self.size])
                else:
                    yield item
        finally:
            self.closed += 1


class PlainContext:
    system = ""

    def request(self, conversation):
        texts = [ChatMessage("user", repr(m)) for m in conversation.messages]
        return Request("m", self.system, texts, estimated_tokens=10 * len(texts))


class PlainMeter:
    def count(self, text):
        return len(text)

    async def cost(self, provider, model, usage):
        return cost_of(usage, FREE)


class Blind:
    """A display that cannot show answers."""

    def __init__(self):
        self.seen = []

    def show(self, record):
        self.seen.append(record)
        if isinstance(record.event, TextDelta):
            assert record is None, "no such colour"


def make(*replies, outputs=None, limits=None, approver=None, executor=None, state=None, seq=0):
    provider = Speaker(*replies)
    edges = Edges(
        provider,
        executor or FakeExecutor(outputs or {"6 * 7": Canned("42", "value")}),
        approver or ScriptedApprover(),
        PlainContext(),
        PlainMeter(),
        MemoryStore(),
        FakeClock(tick=0.001),
    )
    edges.store.records.extend([None] * seq)
    return Runtime(edges, limits, state=state, seq=seq)


def events_of(runtime):
    return [record.event for record in runtime.edges.store.records if record]


def types_of(runtime):
    return [event.type for event in events_of(runtime)]


def one(runtime, kind):
    found = [event for event in events_of(runtime) if isinstance(event, kind)]
    assert len(found) == 1, found
    return found[0]


def turn(runtime, prompt="6*7?"):
    return asyncio.run(runtime.turn((Text(prompt),)))


def test_a_turn_goes_on_until_the_model_answers():
    runtime = make(BLOCK, ANSWER)
    assert turn(runtime) == "end_turn"
    step = ["step.started", "tool.requested", "message.finished", "tool.started", "tool.finished"]
    answer = ["step.started", "message.finished", "step.finished"]
    assert types_of(runtime) == ["turn.started", *step, "step.finished", *answer, "turn.finished"]
    assert [r.seq for r in runtime.edges.store.records] == list(range(1, 12))
    assert runtime.state.messages[-1].parts == (Text(ANSWER),)
    assert runtime.edges.store.synced == 11


def test_the_message_keeps_its_text_and_its_call_in_their_order():
    runtime = make([ReasoningChunk("Hm. "), BLOCK, Finish()], ANSWER)
    turn(runtime)
    assert runtime.state.messages[1].parts == (
        Reasoning("Hm. "),
        Text("Let me see.\n"),
        ToolCall("1.1.1", "python", "python", {"code": "6 * 7"}),
    )


def test_text_and_reasoning_keep_their_order():
    runtime = make([ReasoningChunk("a"), ReasoningChunk("b"), "c\n", ReasoningChunk("d"), Finish()])
    turn(runtime)
    expected = (Reasoning("ab"), Text("c\n"), Reasoning("d"))
    assert runtime.state.messages[1].parts == expected


def test_the_stream_is_closed_after_the_first_block_and_what_follows_is_never_read():
    runtime = make(BLOCK + "<results>\n41\n</results>\nIt is 41.\n", ANSWER)
    turn(runtime)
    assert "41" not in repr(runtime.state.messages[1])
    assert runtime.edges.provider.closed == 2


@pytest.mark.parametrize("end", ["</helpers>\n", ""])
def test_only_the_first_block_of_a_message_runs(end):
    two = BLOCK + "<helpers>\n13\n" + end
    runtime = make([TextChunk(two), Finish()], ANSWER)
    turn(runtime)
    codes = [request.arguments["code"] for request in runtime.edges.executor.ran]
    assert codes == ["6 * 7"]
    assert "13" not in repr(runtime.state.messages[1])


def test_a_block_whose_closing_tag_the_provider_swallowed_is_complete():
    runtime = make(BLOCK.removesuffix("</helpers>\n"), ANSWER)
    assert turn(runtime) == "end_turn"
    assert len(runtime.edges.executor.ran) == 1


def test_usage_comes_from_the_provider_and_is_estimated_where_it_says_nothing():
    runtime = make([ANSWER, Finish(usage=Usage(7, 3))])
    turn(runtime)
    assert one(runtime, MessageFinished).usage == Usage(7, 3)
    runtime = make([ANSWER, Finish()])
    turn(runtime)
    assert one(runtime, MessageFinished).usage == Usage(10, len(ANSWER), estimated=True)


def test_a_request_that_is_answered_with_an_error_alone_counts_for_nothing():
    runtime = make([ProviderBusy("too many requests")])
    turn(runtime)
    assert one(runtime, MessageFinished).usage == Usage()


def test_the_time_to_the_first_token_is_measured():
    runtime = make([0.01, ReasoningChunk("a"), "b", Finish()])
    turn(runtime)
    message = one(runtime, MessageFinished)
    assert message.first_token_ms is not None
    assert 0 < message.first_token_ms < message.total_ms
    silent = make([Finish()])
    turn(silent)
    assert one(silent, MessageFinished).first_token_ms is None


def test_displays_see_everything_and_the_log_only_what_is_durable():
    runtime = make(BLOCK, ANSWER)
    seen = []

    class Watcher:
        def show(self, record):
            seen.append(record)

    watcher = Watcher()
    runtime.subscribe(watcher)
    turn(runtime)
    assert [r for r in seen if r.seq] == runtime.edges.store.records
    kinds = {r.event.type for r in seen if not r.seq}
    assert kinds == {"text.delta", "block.opened", "block.delta", "tool.output"}
    runtime.unsubscribe(watcher)
    runtime.edges.provider.replies.append(ANSWER)
    count = len(seen)
    turn(runtime)
    assert len(seen) == count


def test_a_display_that_fails_is_switched_off_and_said_so_once():
    runtime = make(ANSWER)
    blind = Blind()
    runtime.subscribe(blind)
    assert turn(runtime) == "end_turn"
    assert "the display Blind failed and was switched off" in one(runtime, ErrorRaised).message
    assert blind.seen[-1].event.type == "text.delta"


def test_the_same_records_fold_to_the_same_state():
    runtime = make(BLOCK, ANSWER)
    turn(runtime)
    assert fold(runtime.edges.store.records) == runtime.state


def whole_log():
    ambiguous = "<helpers>\nx = (\n</helpers>\nor\n</helpers>\n"
    runtime = make(BLOCK, ambiguous, TOOLS, ANSWER)
    assert turn(runtime) == "end_turn"
    return runtime.edges.store.records


RECORDS = whole_log()


@pytest.mark.parametrize("cut", range(1, len(RECORDS)))
def test_a_log_cut_after_any_record_resumes_to_a_finished_turn_and_runs_nothing_twice(cut):
    kept = RECORDS[:cut]
    started = {r.event.call_id for r in kept if isinstance(r.event, ToolStarted)}
    runtime = make(ANSWER, state=fold(kept), seq=cut)
    reason = asyncio.run(runtime.resume())
    assert reason == "end_turn"
    assert isinstance(decide(runtime.state, runtime.limits), AwaitUser)
    assert not started & {request.call_id for request in runtime.edges.executor.ran}
    again = fold([*kept, *runtime.edges.store.records[cut:]])
    assert again == runtime.state


def test_resuming_a_finished_conversation_does_nothing():
    runtime = make(state=fold(RECORDS), seq=len(RECORDS))
    assert asyncio.run(runtime.resume()) == ""
    assert events_of(runtime) == []


def test_a_new_turn_cannot_begin_inside_an_unfinished_one():
    runtime = make(state=fold(RECORDS[:4]), seq=4)
    with pytest.raises(ProtocolError, match=r"turn\.started cannot happen"):
        turn(runtime)


def test_a_call_that_ran_when_the_process_died_is_shown_to_the_model_as_unknown():
    cut = next(i for i, r in enumerate(RECORDS, 1) if isinstance(r.event, ToolStarted))
    runtime = make(ANSWER, state=fold(RECORDS[:cut]), seq=cut)
    asyncio.run(runtime.resume())
    assert one(runtime, ToolFinished).status == "unknown"
    assert "unknown" in repr(runtime.edges.provider.requests[0].messages[-1])


def test_provider_errors_end_the_turn_and_keep_the_partial_answer():
    runtime = make([ANSWER, ProviderBusy("too many requests", hint="wait")])
    assert turn(runtime) == "error"
    error = one(runtime, ErrorRaised)
    assert (error.kind, error.message, error.hint) == ("ProviderBusy", "too many requests", "wait")
    assert one(runtime, MessageFinished).parts == (Text(ANSWER),)
    assert one(runtime, NoteAdded).text == BROKEN_OFF


def test_what_a_provider_has_to_say_of_an_answer_is_a_note_behind_it():
    runtime = make([ANSWER, Finish(note="It read only half of it.")])
    assert turn(runtime) == "end_turn"
    said = one(runtime, NoteAdded)
    assert (said.text, said.audience) == ("It read only half of it.", "person")
    types = [event.type for event in events_of(runtime)]
    assert types.index("note.added") == types.index("message.finished") + 1


def test_a_stream_that_just_ends_is_an_error():
    runtime = make([ANSWER])
    assert turn(runtime) == "error"
    assert one(runtime, ErrorRaised).kind == "ProviderError"


def test_a_block_that_was_cut_at_the_output_limit_does_not_run_and_the_model_is_told():
    runtime = make([BLOCK.removesuffix("</helpers>\n"), Finish("max_tokens")], ANSWER)
    assert turn(runtime) == "end_turn"
    assert runtime.edges.executor.ran == []
    result = one(runtime, ToolFinished)
    assert result.status == "error"
    assert "cut" in result.reason


def test_a_malformed_block_goes_back_with_its_reason():
    runtime = make('<helpers lang="perl">\nprint 1\n</helpers>\n', ANSWER)
    assert turn(runtime) == "end_turn"
    assert runtime.edges.executor.ran == []
    assert "perl" in one(runtime, ToolFinished).reason


QUOTED = "Write it so:\n```\n<helpers>\n1\n</helpers>\n```\n"


def test_a_block_that_is_quoted_in_an_answer_is_only_remarked_on():
    runtime = make(QUOTED + "Done.\n")
    assert turn(runtime) == "end_turn"
    assert runtime.edges.executor.ran == []
    assert one(runtime, NoteAdded).audience == "model"


@pytest.mark.parametrize("message", [QUOTED, QUOTED.removesuffix("\n</helpers>\n```\n")])
def test_a_message_that_ends_with_a_refused_block_is_not_taken_for_an_answer(message):
    runtime = make(message, ANSWER)
    assert turn(runtime) == "end_turn"
    assert len(runtime.edges.provider.requests) == 2
    assert "Nothing ran" in runtime.edges.provider.requests[1].messages[-1].text


def test_results_that_the_model_writes_itself_are_cut_off_and_it_is_told():
    runtime = make("I ran it.\n<results>\n41\n</results>\nIt is 41.\n", ANSWER)
    assert turn(runtime) == "end_turn"
    assert runtime.state.messages[1].parts == (Text("I ran it.\n"),)
    assert "You wrote <results> yourself" in one(runtime, NoteAdded).text
    assert "41" not in repr(runtime.state.messages)


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


AMBIGUOUS = "<helpers>\nx = (\n</helpers>\nor\n</helpers>\n"


def test_cancelling_a_question_is_a_no():
    approver = Undecided()
    runtime = make(AMBIGUOUS, approver=approver)
    assert cancelled_turn(runtime, approver.asked.wait) == "cancelled"
    assert one(runtime, ApprovalDecided).decision == "deny"


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


def test_the_wall_time_of_a_turn_is_limited():
    runtime = make([ANSWER, FOREVER], limits=Limits(turn_seconds=0.02))
    assert turn(runtime) == "max_time"
    assert one(runtime, MessageFinished).parts == (Text(ANSWER),)


def test_the_same_call_is_warned_about_and_ends_the_turn_at_last():
    runtime = make(*[BLOCK] * 5)
    assert turn(runtime) == "repetition"
    assert len(runtime.edges.executor.ran) == 4
    assert "3 times" in one(runtime, NoteAdded).text
    assert "3 times" in repr(runtime.edges.provider.requests[3].messages[-1])


def test_without_a_sandbox_the_call_is_refused_with_the_fix_and_the_chat_goes_on():
    error = SandboxUnavailable("bubblewrap is not installed", hint="apt install bubblewrap")
    runtime = make(BLOCK, ANSWER, executor=FakeExecutor(unavailable=error))
    assert turn(runtime) == "end_turn"
    result = one(runtime, ToolFinished)
    assert result.status == "denied"
    assert result.reason == "bubblewrap is not installed (apt install bubblewrap)"
    assert one(runtime, ErrorRaised).kind == "SandboxUnavailable"
    assert not any(isinstance(event, ToolStarted) for event in events_of(runtime))


def test_a_reason_without_a_hint_stands_alone():
    executor = FakeExecutor(unavailable=SandboxUnavailable("not here"))
    runtime = make(BLOCK, ANSWER, executor=executor)
    turn(runtime)
    assert one(runtime, ToolFinished).reason == "not here"


class Asking(FakeExecutor):
    async def run(self, request):
        for call_id in ("", request.call_id):  # before the call, and in it
            yield NetworkRequested(call_id=call_id, host="a.test", port=80, decision="allow")
        async for event in super().run(request):
            yield event


def test_what_a_call_asks_the_network_for_is_kept():
    runtime = make(BLOCK, ANSWER, executor=Asking())
    assert turn(runtime) == "end_turn"
    asked = [e.call_id for e in events_of(runtime) if isinstance(e, NetworkRequested)]
    assert asked == ["", "1.1.1"]


class Broken(FakeExecutor):
    async def run(self, request):
        raise ExecutorError("the sandbox died")
        yield


class Silent(FakeExecutor):
    async def run(self, request):
        return
        yield


@pytest.mark.parametrize(
    ("executor", "reason"),
    [(Broken(), "the sandbox died"), (Silent(), "the executor gave no result")],
)
def test_an_executor_that_fails_still_gives_the_call_a_result(executor, reason):
    runtime = make(BLOCK, ANSWER, executor=executor)
    assert turn(runtime) == "end_turn"
    result = one(runtime, ToolFinished)
    assert (result.status, result.reason) == ("error", reason)


def test_plain_tools_run_at_the_same_time():
    outputs = {"a": Canned("1", delay=0.02), "b": Canned("2")}
    runtime = make(TOOLS, ANSWER, outputs=outputs)
    turn(runtime)
    finished = [e.call_id for e in events_of(runtime) if isinstance(e, ToolFinished)]
    assert finished == ["1.1.2", "1.1.1"]


def test_what_cannot_be_stored_has_not_happened():
    runtime = make(ANSWER)
    runtime.edges.store = MemoryStore(full_after=1)
    with pytest.raises(SessionError):
        turn(runtime)
    assert runtime.state.phase is Phase.READY
    assert fold(runtime.edges.store.records) == runtime.state


def test_an_unknown_price_is_not_a_zero():
    class Clueless(PlainMeter):
        async def cost(self, provider, model, usage):
            return None

    runtime = make(ANSWER)
    runtime.edges.meter = Clueless()
    turn(runtime)
    assert one(runtime, TurnFinished).cost is None
    assert runtime.state.session_spend.unpriced == 1


def test_the_budget_is_looked_at_before_the_next_request():
    runtime = make(BLOCK, limits=Limits(budget=Decimal(0)))
    assert turn(runtime) == "budget"
    assert runtime.edges.provider.requests == []


def test_a_runtime_starts_with_an_empty_conversation():
    assert make().state == Conversation()


def test_the_request_is_recorded_with_our_estimate():
    runtime = make(ANSWER)
    turn(runtime)
    started = one(runtime, StepStarted)
    assert (started.provider, started.model, started.estimated_tokens) == ("speaker", "m", 10)


def test_the_system_prompt_is_recorded_before_its_first_request_and_when_it_is_another():
    runtime = make(BLOCK, ANSWER, ANSWER, ANSWER)
    runtime.edges.context.system = "Be short."
    turn(runtime)
    assert types_of(runtime)[:3] == ["turn.started", "system.set", "step.started"]
    turn(runtime)
    assert runtime.state.system == one(runtime, SystemSet).text == "Be short."
    runtime.edges.context.system = "Be long."
    turn(runtime)
    assert [e.text for e in events_of(runtime) if isinstance(e, SystemSet)] == [
        "Be short.",
        "Be long.",
    ]


def test_going_back_before_a_system_prompt_records_it_again():
    runtime = make(ANSWER, ANSWER)
    runtime.edges.context.system = "Be short."
    turn(runtime)
    runtime.rewind(Conversation(), 0)
    runtime.edges.store = MemoryStore()
    turn(runtime)
    assert one(runtime, SystemSet).text == "Be short."


def test_a_secret_in_a_system_prompt_is_not_recorded_however_often_it_is_sent():
    runtime = make(ANSWER, ANSWER)
    runtime.edges.redactor = Redactor([("KEY", "sesame-open-now")])
    runtime.edges.context.system = "The word is sesame-open-now."
    turn(runtime)
    turn(runtime)
    assert one(runtime, SystemSet).text == "The word is [redacted:KEY]."


def test_every_call_has_an_id_of_its_own():
    runtime = make(BLOCK, TOOLS, ANSWER)
    turn(runtime)
    ids = [e.call_id for e in events_of(runtime) if isinstance(e, ToolRequested)]
    assert ids == ["1.1.1", "1.2.1", "1.2.2"]


# What the person runs between two turns

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


# Going back


def test_a_runtime_goes_on_from_an_earlier_state():
    runtime = make(ANSWER, "Another.\n", "A third.\n")
    turn(runtime, "one")
    before, seq = runtime.state, len(runtime.edges.store.records)
    turn(runtime, "two")
    runtime.rewind(before, seq)
    runtime.edges.store = MemoryStore()
    runtime.edges.store.records.extend([None] * seq)
    turn(runtime, "three")
    assert [message.role for message in runtime.state.messages] == ["user", "assistant"] * 2
    assert runtime.state.messages[2].parts == (Text("three"),)
    assert events_of(runtime)[0].type == "turn.started"


# Steering


def steered(runtime, *texts, reason="end_turn"):
    """Run a turn that is told `texts` while its first call runs."""

    class Steersman:
        def show(self, record):
            if isinstance(record.event, ToolOutput):
                runtime.unsubscribe(self)
                for text in texts:
                    runtime.steer(text)

    runtime.subscribe(Steersman())
    assert turn(runtime) == reason
    return runtime


def test_what_the_person_says_meanwhile_goes_with_the_results_to_the_next_request():
    runtime = steered(make(BLOCK, ANSWER), "in hexadecimal", "and quickly")
    first, second = (e for e in events_of(runtime) if isinstance(e, NoteAdded))
    assert (first.text, first.audience) == (STEERED + "in hexadecimal", "both")
    assert second.text == STEERED + "and quickly"
    kinds = types_of(runtime)
    assert kinds[kinds.index("note.added") - 1] == "tool.finished"
    (sent,) = runtime.edges.provider.requests[1].messages[2:]
    assert sent.text.index("42") < sent.text.index("hexadecimal") < sent.text.index("quickly")
    assert runtime.steering == runtime.unsteer() == ()
    assert fold(runtime.edges.store.records) == runtime.state


@pytest.mark.parametrize("texts", [(), ("in hexadecimal",)])
def test_messages_grow_in_place_so_that_a_step_costs_the_same_however_long_the_session(texts):
    runtime, grown = make(BLOCK, BLOCK, ANSWER), []

    class Watcher:
        def show(self, record):
            grown.append(runtime.state.messages)

    runtime.subscribe(Watcher())
    steered(runtime, *texts)
    assert all(later.extends(earlier) for earlier, later in pairwise(grown))


def test_what_comes_while_the_model_answers_is_not_told_and_can_be_taken_back():
    runtime = make(ANSWER)
    runtime.steer("too late")
    assert turn(runtime) == "end_turn"
    assert runtime.steering == ("too late",)
    assert runtime.unsteer() == ("too late",)
    assert runtime.steering == ()
    assert "note.added" not in types_of(runtime)


def test_a_turn_in_which_the_model_is_not_asked_again_takes_nothing_in():
    runtime = make(BLOCK, limits=Limits(max_steps=1))
    assert steered(runtime, "more", reason="max_steps").unsteer() == ("more",)


def test_a_turn_that_is_cancelled_takes_nothing_in():
    runtime = make(BLOCK)

    class Watcher:
        def show(self, record):
            if isinstance(record.event, ToolOutput):
                runtime.steer("more")
                runtime.cancel()

    runtime.subscribe(Watcher())
    assert turn(runtime) == "cancelled"
    assert runtime.unsteer() == ("more",)


def test_what_is_secret_in_what_the_person_says_is_redacted():
    runtime = make(BLOCK, ANSWER)
    runtime.edges.redactor = Redactor([("WORD", "the-secret-word")])
    steered(runtime, "say the-secret-word")
    assert "the-secret-word" not in one(runtime, NoteAdded).text
