"""What the model reads: results it cannot mistake, and never its own malformed blocks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.context.render import chat_message, fence
from llmrepl.conversation import Message
from llmrepl.parser import Block, BlockParser
from llmrepl.parts import Image, Output, Reasoning, Text, ToolCall, ToolResult

PICTURE = Image("image/png", "aGk=")


def result(*parts, status="ok", **more):
    return ToolResult("1.1.1", "python", status, parts, **more)


def shown(*parts):
    return chat_message(Message("tool", parts)).text


def test_a_result_says_what_ran_how_it_ended_and_what_came_out():
    text = shown(result(Output("stdout", "hi\n"), Output("value", "42"), exit_code=0, ms=12.4))
    assert text == (
        '<results>\n<result tool="python" status="ok" exit_code="0" ms="12">\n'
        "stdout:\n```\nhi\n```\nvalue:\n```\n42\n```\n</result>\n</results>"
    )


def test_a_result_without_output_says_so():
    assert "(no output)" in shown(result())


@pytest.mark.parametrize(
    ("ran", "told"),
    [({"code": "print(2)", "timeout": 5}, "print(2)"), ({"path": "a"}, '{"path": "a"}')],
)
def test_what_a_person_changed_is_told_with_the_result(ran, told):
    text = shown(result(Output("stdout", "2\n"), ran=ran))
    assert f"A person changed this call before it ran. What ran:\n```\n{told}\n```" in text


def test_what_was_cut_and_why_it_failed_is_named():
    text = shown(result(Output("stdout", "a", 99), status="timeout", reason="it took over 10 s"))
    assert "stdout (99 bytes dropped from the middle):" in text
    assert "reason: it took over 10 s" in text


def test_notes_go_with_the_results_or_alone():
    assert shown(result(), Text("look")).endswith("</result>\nlook\n</results>")
    assert shown(Text("look")) == "look"


def test_text_of_a_tool_stands_as_it_is():
    assert "\nplain\n" in shown(result(Text("plain")))


@given(st.text(alphabet="`\n a</result>", max_size=40))
def test_no_output_can_end_its_own_fence(text):
    ticks = fence(text).partition("\n")[0]
    inner = fence(text).removeprefix(ticks + "\n").removesuffix(ticks)
    assert inner.removesuffix("\n") == text.removesuffix("\n")
    assert ticks not in re.findall("`+", inner)


def test_the_assistant_reads_its_own_blocks_in_their_canonical_form():
    call = ToolCall("1.1.1", "python", "python", {"code": "print(1)", "timeout": 5})
    message = Message("assistant", (Reasoning("hm"), Text("Look:"), call))
    chat = chat_message(message)
    assert chat.role == "assistant"
    assert "hm" not in chat.text
    blocks = [item for item in BlockParser().feed(chat.text + "\n") if isinstance(item, Block)]
    assert blocks[0].calls[0].arguments == {"code": "print(1)", "timeout": 5}


def test_a_malformed_block_is_not_shown_to_the_model_again():
    call = ToolCall("1.1.1", "perl", "perl", {"code": "print 1"}, problem="unknown language")
    text = chat_message(Message("assistant", (Text("Look:\n"), call))).text
    assert "<helpers" not in text
    assert "removed" in text


def test_pictures_go_along_from_people_and_from_results():
    assert chat_message(Message("user", (Text("see"), PICTURE))).images == (PICTURE,)
    assert chat_message(Message("tool", (result(PICTURE),))).images == (PICTURE,)


def test_a_summary_says_that_it_is_one():
    chat = chat_message(Message("summary", (Text("so far"),)))
    assert chat.role == "user"
    assert chat.text.startswith("Summary")


def test_what_the_person_ran_is_told_as_theirs_with_its_code():
    text = shown(result(Output("stdout", "a b\n"), ran={"code": "ls"}, typed=True, exit_code=0))
    assert text == (
        "The person ran this themselves, in the same sandbox:\n"
        '<results>\n<result tool="python" status="ok" exit_code="0" ms="0">\n'
        "code:\n```\nls\n```\nstdout:\n```\na b\n```\n</result>\n</results>"
    )
    assert "(no output)" in shown(result(ran={"code": "true"}, typed=True))
