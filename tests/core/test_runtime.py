"""The runtime performs what the loop decides, records what happened, and loses nothing."""

import asyncio
from decimal import Decimal

import pytest

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
    ErrorRaised,
    MessageFinished,
    NetworkRequested,
    NoteAdded,
    StepStarted,
    SystemSet,
    TextDelta,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
)
from llmrepl.loop import AwaitUser, Limits, decide
from llmrepl.parts import Reasoning, Text, ToolCall
from llmrepl.ports import Finish, ReasoningChunk, TextChunk
from llmrepl.redaction import Redactor
from llmrepl.runtime import fold
from llmrepl.testing.executor import Canned, FakeExecutor
from llmrepl.testing.store import MemoryStore
from llmrepl.usage import Usage
from tests.core.running import (
    ANSWER,
    BLOCK,
    FOREVER,
    TOOLS,
    PlainMeter,
    events_of,
    make,
    one,
    turn,
    types_of,
)


class Blind:
    """A display that cannot show answers."""

    def __init__(self):
        self.seen = []

    def show(self, record):
        self.seen.append(record)
        if isinstance(record.event, TextDelta):
            assert record is None, "no such colour"


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
    assert (error.kind, error.message) == ("ProviderBusy", "too many requests")
    assert error.hint.startswith("wait; what came of it is kept; /continue goes on")
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
