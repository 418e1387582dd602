"""A request costs what is new in it, and what was sent before never changes."""

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.accounting import Meter
from llmrepl.content import IMAGE_TOKENS, MESSAGE_TOKENS
from llmrepl.context.prompt import system_prompt
from llmrepl.context.render import (
    ANSWERS,
    BLOCKS,
    IMAGES,
    KINDS,
    PROMPTS,
    RESULTS,
    SUMMARIES,
    rendered,
)
from llmrepl.context.window import SYSTEM, Sampling, Window, shared
from llmrepl.conversation import Conversation, Message, evolve
from llmrepl.events import ContextCompacted, TurnFinished, TurnStarted
from llmrepl.parser import Block, BlockParser
from llmrepl.parts import Image, Output, Reasoning, Text, ToolCall, ToolResult
from llmrepl.testing.builders import Step, turn
from llmrepl.vector import Vector


class Counter:
    def __init__(self):
        self.counted = []

    def count(self, text):
        self.counted.append(text)
        return len(text)

    async def cost(self, provider, model, usage):
        return None


def conversation(*events, start=None):
    state = start or Conversation()
    for event in events:
        state = evolve(state, event)
    return state


def test_a_message_is_counted_once():
    meter = Counter()
    window = Window("m", "be brief", meter)
    first = conversation(*turn("one"))
    early = window.request(first)
    counted = len(meter.counted)
    later = window.request(conversation(*turn("two"), start=first))
    new = later.messages[len(early.messages) :]
    assert "".join(meter.counted[counted:]) == "".join(message.text for message in new)
    assert list(later.messages)[: len(early.messages)] == list(early.messages)
    assert later.messages.extends(early.messages)


def test_the_estimate_is_the_sum_of_everything_sent():
    meter = Counter()
    request = Window("m", "be brief", meter).request(conversation(*turn("one")))
    texts = ["be brief", *(message.text for message in request.messages)]
    assert request.estimated_tokens == sum(len(text) + MESSAGE_TOKENS for text in texts)


def test_another_conversation_is_not_mixed_with_the_one_before():
    window = Window("m", "", Counter())
    window.request(conversation(*turn("one")))
    request = window.request(conversation(*turn("other")))
    assert request.messages[0].text == "other"
    assert request == Window("m", "", Counter()).request(conversation(*turn("other")))


def test_after_compaction_the_summary_comes_first():
    window = Window("m", "", Counter())
    state = conversation(*turn("one"))
    window.request(state)
    compacted = evolve(state, ContextCompacted(summary="so far", replaced=2))
    assert window.request(compacted).messages[0].text.split("\n\n")[1] == "so far"


def test_sampling_and_the_stop_sequence_are_passed_on():
    window = Window("m", "", Counter(), Sampling(max_tokens=9, temperature=0.5, seed=3))
    request = window.request(conversation(*turn("one")))
    assert (request.max_tokens, request.temperature, request.seed) == (9, 0.5, 3)
    assert request.stop == ("\n</helpers>", "\n<results>")


def test_the_system_prompt_names_directory_rules_and_the_persons_own_words():
    prompt = system_prompt(directory="/home/me", rules=["No network."], extra="Speak German.\n")
    assert "- The working directory is /home/me." in prompt
    assert "- No network." in prompt
    assert prompt.endswith("# From the person\nSpeak German.\n")
    assert "From the person" not in system_prompt(directory="/", rules=[])


def test_every_example_in_the_system_prompt_is_a_block_that_parses():
    parser = BlockParser()
    prompt = system_prompt(directory="/", rules=[])
    items = [*parser.feed(prompt), *parser.close()]
    calls = [call for item in items if isinstance(item, Block) for call in item.calls]
    assert len(calls) == 4
    assert not any(call.problem or call.ambiguous for call in calls)


def test_the_system_prompt_is_short():
    assert len(system_prompt(directory="/", rules=[]).split()) < 600


def test_two_messages_of_one_role_in_a_row_become_one():
    window = Window("m", "", Counter())
    state = conversation(*turn("one"))
    window.request(state)
    cancelled = conversation(
        TurnStarted(prompt=(Text("two"),)), TurnFinished(reason="cancelled"), start=state
    )
    request = window.request(conversation(TurnStarted(prompt=(Text("three"),)), start=cancelled))
    assert [m.role for m in request.messages] == ["user", "assistant", "user", "assistant", "user"]
    assert request.messages[-1].text == "two\n\nthree"


# What fills the context


def words(text):
    return st.lists(st.sampled_from(text.split()), max_size=9).map(" ".join)


parts = st.one_of(
    st.builds(Text, words("so it is done then")),
    st.builds(Reasoning, words("hm well if not")),
    st.builds(
        ToolCall,
        st.just("1.1.1"),
        st.just("bash"),
        st.just("bash"),
        words("ls cat rm").map(lambda code: {"code": code}),
        st.sampled_from(["", "bad"]),
    ),
    st.builds(Image, st.just("image/png"), st.just("aGk=")),
    st.builds(
        ToolResult,
        st.just("1.1.1"),
        st.just("bash"),
        st.just("ok"),
        st.tuples(st.builds(Output, st.just("stdout"), words("a b c"))),
    ),
)
messages = st.lists(
    st.builds(
        Message,
        st.sampled_from(["user", "assistant", "tool", "summary"]),
        st.lists(parts, max_size=4).map(tuple),
    ),
    max_size=12,
)


@given(messages)
def test_what_fills_the_context_adds_up_to_the_estimate_of_the_next_request(some):
    window = Window("m", "be brief", Counter())
    state = Conversation(messages=Vector(some))
    filling = window.parts(state)
    assert list(filling) == [SYSTEM, *KINDS]
    assert sum(filling.values()) == window.request(state).estimated_tokens == window.tokens(state)
    assert filling[IMAGES] == IMAGE_TOKENS * sum(
        len(message.images) for message in window.request(state).messages
    )


@given(messages)
def test_the_pieces_of_a_message_are_its_text(some):
    for message in some:
        chat, pieces = rendered(message)
        assert "".join(text for _, text in pieces) == chat.text
        assert pieces
        assert {kind for kind, _ in pieces} <= {*KINDS}


def test_each_kind_of_content_is_counted_as_what_it_is():
    window = Window("m", "be brief", Counter())
    steps = [Step("Let me see.", "print(6 * 7)", "42\n", reasoning="Hm."), Step("It is 42.")]
    filling = window.parts(conversation(*turn("What is 6 * 7?", steps)))
    assert filling[PROMPTS] == len("What is 6 * 7?") + MESSAGE_TOKENS
    assert filling[ANSWERS] == len("Let me see.It is 42.") + 2 * MESSAGE_TOKENS
    assert filling[BLOCKS] == len("\n<helpers>\nprint(6 * 7)\n</helpers>")
    assert filling[RESULTS] > MESSAGE_TOKENS
    assert filling[SUMMARIES] == filling[IMAGES] == 0


def test_looking_at_the_context_counts_nothing_again():
    meter = Counter()
    window = Window("m", "be brief", meter)
    state = conversation(*turn("one"))
    window.request(state)
    counted = len(meter.counted)
    window.parts(state)
    window.tokens(state)
    window.request(state)
    assert len(meter.counted) == counted


@given(messages)
def test_the_sizes_of_messages_are_what_the_conversation_takes(some):
    window = Window("m", "be brief", Meter())
    state = Conversation(messages=Vector(some))
    sizes = window.sizes(state)
    assert sum(sizes) + window.system_tokens == window.tokens(state)
    assert len(sizes) == len(some)


def test_the_parts_add_up_to_what_the_service_counts():
    assert shared(100, {"a": 1, "b": 1, "c": 1}) == {"a": 33, "b": 34, "c": 33}
    assert shared(7, {"a": 0, "b": 0}) == {"a": 0, "b": 0}
