"""Calls that a model makes by its service's own means: no block, and the same loop."""

import asyncio

import pytest

from llmrepl.draft import CUT, Draft
from llmrepl.errors import ProviderRefused, ToolsRefused
from llmrepl.events import (
    BlockDelta,
    BlockOpened,
    ErrorRaised,
    MessageFinished,
    RequestFailed,
    StepStarted,
    ToolRequested,
)
from llmrepl.parts import Reasoning, Text, ToolCall, decode_part, encode_part
from llmrepl.ports import (
    CallChunk,
    CallResult,
    ChatMessage,
    Finish,
    ReasoningChunk,
    Request,
    TextChunk,
    Tool,
)
from llmrepl.redaction import Redactor

from .running import ANSWER, PlainContext, events_of, make, one, turn, types_of

CALL = ToolCall("", "python", "python", {"code": "6 * 7"}, origin="native")
TOOL = Tool("python", "Runs Python.", {"type": "object"})


def drafted(*chunks, stop="end_turn", redactor=None):
    draft = Draft("1.1", redactor=redactor) if redactor else Draft("1.1")
    events = [event for chunk in chunks for event in draft.take(chunk)]
    return draft, [*events, *draft.close(stop)]


class ToolContext(PlainContext):
    """A context that offers tools where it is told to."""

    native = False

    def request(self, conversation):
        texts = [ChatMessage("user", repr(m)) for m in conversation.messages]
        return Request("m", self.system, texts, tools=(TOOL,) if self.native else ())


class Both:
    """All models take tools, until one refuses them; it may take its time to say so."""

    def __init__(self, *, takes=True, seconds=0.0):
        self.takes = takes
        self.seconds = seconds

    async def native(self, provider, model):
        await asyncio.sleep(self.seconds)
        return self.takes

    def refused(self, provider, model):
        self.takes = False


def native(*replies, **how):
    runtime = make(*replies)
    runtime.edges.context = ToolContext()
    runtime.edges.ways = Both(**how)
    return runtime


def test_a_native_call_is_run_and_answered_as_a_block_is():
    runtime = native([TextChunk("Let me see."), CallChunk(CALL), Finish()], ANSWER)
    assert turn(runtime) == "end_turn"
    request = one(runtime, ToolRequested)
    assert (request.call_id, request.origin, request.span) == ("1.1.1", "native", ())
    message = next(event for event in events_of(runtime) if isinstance(event, MessageFinished))
    made = ToolCall("1.1.1", "python", "python", {"code": "6 * 7"}, origin="native")
    assert (message.parts, message.stop) == ((Text("Let me see."), made), "tool_calls")
    started = [event for event in events_of(runtime) if isinstance(event, StepStarted)]
    assert [event.tools for event in started] == [("python",), ("python",)]


def test_a_context_that_knows_no_tools_is_asked_for_none():
    runtime = make(ANSWER)
    runtime.edges.ways = Both()
    turn(runtime)
    assert one(runtime, StepStarted).tools == ()


def test_a_service_that_refuses_tools_is_asked_for_blocks_in_the_same_step():
    runtime = native([ToolsRefused("no tools here")], ANSWER)
    assert turn(runtime) == "end_turn"
    failed = one(runtime, RequestFailed)
    assert failed.next == failed.name
    assert failed.going_on == "speaker/m is asked again, with helper blocks"
    assert [bool(request.tools) for request in runtime.edges.provider.requests] == [True, False]


@pytest.mark.parametrize("takes", [True, False])
def test_a_refusal_that_tools_have_no_part_in_is_final(takes):
    error = ProviderRefused("no") if takes else ToolsRefused("no tools, though none came")
    runtime = native([error], takes=takes)
    assert turn(runtime) == "error"
    assert one(runtime, ErrorRaised).message == error.message


def test_to_find_out_how_a_model_calls_can_be_interrupted():
    runtime = native([60.0], seconds=60)

    async def main():
        asyncio.get_running_loop().call_later(0.05, runtime.cancel)
        return await runtime.turn((Text("hi"),))

    assert asyncio.run(main()) == "cancelled"
    assert types_of(runtime)[-1] == "turn.finished"
    assert not runtime.edges.provider.said.is_set()  # nobody is asked any more


def test_calls_come_after_all_the_text_with_a_preview_of_their_code():
    draft, events = drafted(CallChunk(CALL), TextChunk("And more."))
    kinds = [BlockOpened, BlockDelta, ToolRequested]
    assert [type(event) for event in events[-3:]] == kinds
    assert events[-2].text == "6 * 7"
    assert [type(part) for part in draft.parts] == [Text, ToolCall]
    assert "6 * 7" in draft.received


def test_what_follows_a_helper_block_does_not_count_and_calls_do_neither():
    draft, _ = drafted(TextChunk("<helpers>\n1\n</helpers>\n"), CallChunk(CALL))
    (call,) = draft.parts
    assert call.origin == "block"


def test_the_calls_of_a_message_that_was_broken_off_are_dropped():
    draft, events = drafted(TextChunk("Hm."), CallChunk(CALL), stop="error")
    assert not [event for event in events if isinstance(event, ToolRequested)]
    assert draft.parts == (Text("Hm."),)


def test_at_the_limit_only_the_last_call_may_be_cut():
    refused = ToolCall("", "bash", "bash", {}, "unreadable")
    for last, problem in ((CALL, CUT), (refused, "unreadable")):
        draft, _ = drafted(CallChunk(CALL), CallChunk(last), stop="max_tokens")
        assert [part.problem for part in draft.parts] == ["", problem]


def test_a_call_shows_no_secret_while_it_arrives():
    call = ToolCall("", "bash", "bash", {"code": "echo opensesame123"})
    redactor = Redactor([("KEY", "opensesame123")])
    _, events = drafted(CallChunk(call), redactor=redactor)
    assert "opensesame123" not in events[1].text


def test_a_thought_keeps_its_seal_as_long_as_it_is_as_it_was_sent():
    chunks = [
        TextChunk("So. "),
        ReasoningChunk("Hm"),
        ReasoningChunk(", yes", "s1"),
        ReasoningChunk("", "s2"),
        ReasoningChunk("open"),
    ]
    draft, _ = drafted(*chunks, TextChunk("Done."), ReasoningChunk("x"))
    sealed = (Reasoning("Hm, yes", "s1"), Reasoning("", "s2"))
    open_ended = (Reasoning("open"), Text("Done."), Reasoning("x"))
    assert draft.parts == (Text("So. "), *sealed, *open_ended)


def test_a_thought_that_held_a_secret_loses_its_seal():
    redactor = Redactor([("KEY", "opensesame123")])
    draft, _ = drafted(ReasoningChunk("It is opensesame123", "s"), redactor=redactor)
    (thought,) = draft.parts
    assert thought == Reasoning("It is [redacted:KEY]")


def test_a_thought_after_a_helper_block_does_not_count():
    draft, _ = drafted(TextChunk("<helpers>\n1\n</helpers>\n"), ReasoningChunk("hm", "s"))
    assert [type(part) for part in draft.parts] == [ToolCall]


def test_the_last_chunk_is_none_to_take():
    with pytest.raises(AssertionError):
        list(Draft("1.1").take(Finish()))


def test_old_parts_are_read_and_blocks_are_written_as_before():
    old = {"kind": "tool_call", "call_id": "1", "name": "bash", "language": "bash"}
    assert decode_part(old) == ToolCall("1", "bash", "bash")
    assert encode_part(decode_part(old)) == old | {"arguments": {}, "problem": ""}
    assert encode_part(Reasoning("hm")) == {"kind": "reasoning", "text": "hm"}
    assert encode_part(CALL)["origin"] == "native"


def test_a_message_tells_people_its_calls_and_results_too():
    assert ChatMessage("assistant", "Look:", calls=(CALL,)).told == (
        'Look:\npython({"code": "6 * 7"})'
    )
    assert ChatMessage("tool", "", results=(CallResult(CALL, "42"),)).told == "python: 42"
