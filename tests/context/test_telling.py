"""Calls go back the way a model makes them, and whatever happened, each has its result."""

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.context.telling import ENDED, Telling, messages_of
from llmrepl.context.tools import TOOLS
from llmrepl.context.window import Window
from llmrepl.conversation import Conversation, Message
from llmrepl.parts import Image, Output, Reasoning, Text, ToolCall, ToolResult
from llmrepl.vector import Vector

NAMES = [tool.name for tool in TOOLS]
PICTURE = Image("image/png", "aGk=")


class Counter:
    def count(self, text):
        return len(text)

    async def cost(self, provider, model, usage):
        return None


def call(call_id="1.1.1", name="python", **more):
    return ToolCall(call_id, name, name, {"code": "6 * 7"}, **more)


def result(call_id="1.1.1", name="python", status="ok", **more):
    return ToolResult(call_id, name, status, (Output("value", "42"), PICTURE), **more)


def said(*messages, tools=NAMES):
    return list(messages_of(messages, tools))


USER = Message("user", (Text("6 * 7?"),))
CALLED = Message("assistant", (Reasoning("Hm."), Text("Let me see."), call()))
CAME = Message("tool", (result(),))


def test_a_call_and_its_result_go_as_the_service_has_them():
    user, assistant, tool = said(USER, CALLED, CAME)
    assert (user.role, user.calls) == ("user", ())
    assert (assistant.text, assistant.calls) == ("Let me see.", (call(),))
    assert assistant.thoughts == (Reasoning("Hm."),)
    (told,) = tool.results
    assert (tool.role, told.call, told.failed) == ("tool", call(), False)
    assert told.text == 'status="ok" ms="0"\nvalue:\n```\n42\n```'
    assert told.images == (PICTURE,)


def test_without_tools_the_same_conversation_is_text():
    _, assistant, tool = said(USER, CALLED, CAME, tools=())
    assert "<helpers>\n6 * 7\n</helpers>" in assistant.text
    assert (tool.role, tool.results) == ("user", ())
    assert "<results>" in tool.text


def test_notes_go_with_the_last_result():
    both = Message("assistant", (call(), call("1.1.2", "bash")))
    came = Message("tool", (result("1.1.2", "bash", "error"), result(), Text("Be quick.")))
    *_, tool = said(USER, both, came)
    assert [r.call.call_id for r in tool.results] == ["1.1.1", "1.1.2"]
    assert tool.results[1].failed
    assert tool.results[1].text.endswith("\nBe quick.")


def test_calls_of_what_is_not_offered_go_as_text():
    other = Message("assistant", (call(), call("1.1.2", "search")))
    came = Message("tool", (result(), result("1.1.2", "search")))
    assert not any(message.calls or message.results for message in said(USER, other, came))


def test_calls_without_their_results_go_as_text_and_results_without_calls_do():
    _, assistant, user = said(USER, CALLED, USER)
    assert (assistant.calls, user.role) == ((), "user")
    assert "<helpers>" in assistant.text
    (alone,) = said(CAME)
    assert alone.role == "user"
    typed = Message("tool", (result("1.!9", "bash", typed=True),))
    assert "The person ran this" in said(USER, typed)[0].text


def test_a_prompt_after_results_is_parted_from_them():
    messages = said(USER, CALLED, CAME, USER)
    assert [m.role for m in messages] == ["user", "assistant", "tool", "assistant", "user"]
    assert messages[3].text == ENDED


def test_what_was_said_before_a_call_stays_with_it():
    _, assistant, _ = said(USER, Message("assistant", (Text("Well."),)), CALLED, CAME)
    assert assistant.text == "Well.\n\nLet me see."
    assert assistant.calls == (call(),)


some_calls = st.lists(
    st.builds(
        ToolCall,
        st.sampled_from(["1.1.1", "1.1.2"]),
        st.sampled_from(["python", "bash", "search"]),
        st.just("python"),
        st.just({"code": "1"}),
        st.sampled_from(["", "bad"]),
    ),
    max_size=2,
    unique_by=lambda made: made.call_id,
)
some_results = st.lists(
    st.builds(ToolResult, st.sampled_from(["1.1.1", "1.1.2"]), st.just("python"), st.just("ok")),
    max_size=2,
)
some_texts = st.lists(st.builds(Text, st.sampled_from(["", "a", "b c"])), max_size=2)
some_messages = st.lists(
    st.builds(
        lambda role, parts: Message(role, tuple(part for some in parts for part in some)),
        st.sampled_from(["user", "assistant", "tool", "summary"]),
        st.tuples(some_texts, some_calls, some_results),
    ),
    max_size=8,
)


@given(some_messages)
def test_every_call_that_is_sent_is_followed_by_its_results_and_no_result_stands_alone(messages):
    told = said(*messages, USER)
    for before, after in zip([None, *told], [*told, None], strict=True):
        calls = [made.call_id for made in before.calls] if before else []
        results = [came.call.call_id for came in after.results] if after else []
        assert calls == results
        assert not (before and after) or before.role != after.role
        assert not (before and before.role == "tool") or (after and after.role == "assistant")


@given(some_messages, st.integers(0, 8))
def test_it_is_the_same_whether_messages_come_one_by_one_or_at_once(messages, cut):
    telling = Telling(NAMES)
    for message in messages[:cut]:
        telling.add(message)
    for message in messages[cut:]:
        telling.add(message)
    assert list(telling.messages) == said(*messages)


def test_a_window_tells_the_other_way_as_soon_as_it_is_native():
    window = Window("m", "blocks", Counter(), tools=TOOLS, native_system="native")
    state = Conversation(messages=Vector((USER, CALLED, CAME)))
    before = window.request(state)
    window.native = True
    after = window.request(state)
    assert (before.system, after.system) == ("blocks", "native")
    assert ([], list(TOOLS)) == (list(before.tools), list(after.tools))
    assert (bool(before.stop), bool(after.stop)) == (True, False)
    assert before.lineage != after.lineage
    assert after.messages[-1].results
    window.use_system("b", "n")
    assert window.request(state).system == "n"
    window.native = False
    assert window.request(state).messages == before.messages


def test_what_fills_a_native_context_adds_up_to_its_estimate():
    window = Window("m", "be brief", Counter(), tools=TOOLS)
    window.native = True
    state = Conversation(messages=Vector((USER, CALLED, CAME, USER)))
    filling = window.parts(state)
    assert sum(filling.values()) == window.request(state).estimated_tokens
    assert len(window.sizes(state)) == 4


def test_a_summary_is_asked_for_in_text_alone():
    from llmrepl.relief import Compact

    window = Window("m", "blocks", Counter(), tools=TOOLS, native_system="native")
    window.native = True
    state = Conversation(messages=Vector((USER, CALLED, CAME, USER)))
    request = window.digest(state, Compact(3, (), 10))
    assert (request.system, request.tools, request.content) == ("blocks", (), None)
    assert not any(message.calls or message.results for message in request.messages)
