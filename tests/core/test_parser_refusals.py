"""What looks like a helper block and never runs."""

import pytest

from llmrepl.parser import Forged, Ignored, Prose, Thought
from llmrepl.parser.markdown import AS_FENCE
from tests.core.parsing import blocks, calls, parse, prose, reasons

EXAMPLE = "<helpers>\nprint(1)\n</helpers>\n"
FENCE = ["a helper block in a code fence does not run"]
QUOTE = ["a helper block in a quote does not run"]
INLINE = ["a helper block in inline code does not run"]
INDENT = ["a helper block indented by more than 3 spaces does not run"]
AFTER = ["a helper block that begins after other text does not run"]
ORPHAN = ["a closing tag without its opening tag does nothing"]


def beginnings(message):
    """Return the reasons without the corrected form, which each must have."""
    assert all("write <helpers>" in reason for reason in reasons(message))
    return [reason.split(",")[0].split(";")[0] for reason in reasons(message)]


@pytest.mark.parametrize(
    "message",
    [
        f"```\n{EXAMPLE}```\n",
        f"```xml\n{EXAMPLE}```\n",
        f"``` python\n{EXAMPLE}```\n",
        f"~~~\n{EXAMPLE}~~~\n",
        f"````\n```\n{EXAMPLE}```\n````\n",
        f"~~~\n```\n~~\n{EXAMPLE}~~~\n",
        f"   ```\n{EXAMPLE}   ```\n",
        f"- Do this:\n\n      ```\n{EXAMPLE}      ```\n",
        f"- ```\n{EXAMPLE}  ```\n",
        f"1. ```html\n{EXAMPLE}   ```\n",
        f"```\n{EXAMPLE}",
        f"text `a` and\n```\n{EXAMPLE}```\n",
        f"```<think>\n{EXAMPLE}```\n",
        f"```\n    ```\n{EXAMPLE}```\n",
        f"```\n```python\n{EXAMPLE}```\n```\n",
        f"```\n``\n~~~\n{EXAMPLE}```\n",
        f"```\n- ```\n{EXAMPLE}```\n",
    ],
)
def test_a_block_in_a_code_fence_does_not_run(message):
    assert beginnings(message) == FENCE


def test_a_block_in_a_fence_that_holds_a_fence_does_not_run():
    # For CommonMark the third line ends the fence; the model meant the last to.
    message = f"```markdown\n```python\nx\n```\n{EXAMPLE}```\n"
    assert beginnings(message) == FENCE


def test_a_block_in_a_fence_that_only_commonmark_sees_does_not_run():
    message = f"```text\n```python\n```\nnow write:\n```\n{EXAMPLE}```\n"
    assert beginnings(message) == FENCE


def test_a_block_after_a_fence_runs():
    for fenced in (
        "```\nx\n```",
        "```python\nx\n```",
        "````\n```\n````",
        "~~~\n```\n~~~~",
        "```\n```",
    ):
        assert len(calls(f"{fenced}\n{EXAMPLE}")) == 1
    assert len(calls(f"- ```\n  x\n  ```\n{EXAMPLE}")) == 1


def test_inline_code_of_three_backticks_opens_no_fence():
    assert len(calls(f"```x``` is code\n{EXAMPLE}")) == 1


def test_a_fence_is_reported_once():
    assert beginnings(f"```\n{EXAMPLE}{EXAMPLE}```\n") == FENCE
    assert beginnings(f"```\n{EXAMPLE}```\nand\n```\n{EXAMPLE}```\n") == FENCE * 2


def test_an_ignored_line_is_located_in_the_message():
    message = f"```\r\n{EXAMPLE}```\n"
    [ignored] = [item for item in parse(message) if isinstance(item, Ignored)]
    assert message[slice(*ignored.span)] == "<helpers>\n"


@pytest.mark.parametrize("mark", ["> ", ">", "   > ", "> > ", ">\t"])
def test_a_block_in_a_quote_does_not_run(mark):
    message = "".join(mark + line for line in EXAMPLE.splitlines(keepends=True))
    assert beginnings(message) == QUOTE
    assert beginnings(f"`a\n{message}") == QUOTE


def test_a_quote_ends_with_its_last_line():
    assert len(calls(f"> he said `so\n{EXAMPLE}")) == 1
    assert len(calls(f"> ```\n> x\n{EXAMPLE}")) == 1


def test_a_block_in_inline_code_does_not_run():
    assert beginnings(f"`\n{EXAMPLE}`") == INLINE
    assert beginnings(f"Write ``this: `x`\n{EXAMPLE}`` to me") == INLINE
    assert beginnings(f"one \\\\`\n{EXAMPLE}") == INLINE
    assert beginnings("`<helpers>\nprint(1)\n</helpers>`\n") == []


def test_inline_code_that_is_closed_or_escaped_or_in_another_paragraph_does_not_matter():
    for before in ("`a` and ``b ` c``", "a \\` b", "a ` b\n\nc", "`a\nb`", "a ` b\n \t\nc"):
        assert len(calls(f"{before}\n{EXAMPLE}")) == 1


def test_a_tag_in_a_sentence_is_prose():
    for message in (
        "Use <helpers> tags.\n",
        "Use `<helpers>` and `</helpers>`.\n",
    ):
        assert reasons(message) == []


def test_a_block_that_begins_after_other_text_does_not_run():
    for text in ("Let me see: ", "- ", "1. ", "**Code** `x` ", "&nbsp;"):
        for tag in ("<helpers>", '<helpers lang="bash" timeout="3"> '):
            assert beginnings(f"{text}{tag}\nls\n</helpers>\n") == AFTER
    for message in ("Write `a <helpers>\nb`", "a <helpers><b>\n", "a <helpersx>\n", "a <helpers\n"):
        assert beginnings(message) == []


def test_an_indented_block_does_not_run():
    for indent in ("    ", "\t", "  \t", "         "):
        message = "".join(indent + line for line in EXAMPLE.splitlines(keepends=True))
        assert beginnings(message) == INDENT


@pytest.mark.parametrize(
    "message", ["<helpers>print(1)</helpers>\n", '<helpers lang="bash">ls</helpers> and so on.\n']
)
def test_a_block_on_a_single_line_does_not_run(message):
    [reason] = reasons(message)
    assert reason.startswith("a block on a single line does not run; write <helpers>, the code and")
    assert len(calls(message + EXAMPLE)) == 1


@pytest.mark.parametrize("tag", ["<helpers/>", '<helpers lang="bash" />  ', "<helpers / >"])
def test_a_self_closing_tag_opens_no_block(tag):
    [reason] = reasons(f"{tag}\nprint(1)\n</helpers>\n")
    assert reason.startswith("<helpers/> holds no code; write <helpers>, the code and </helpers>")


def test_a_closing_tag_without_an_opening_one_is_told():
    assert beginnings("print(1)\n</helpers>\n") == ORPHAN
    assert beginnings("print(1)\n</helpers>") == ORPHAN
    assert beginnings("`print(1)\n</helpers>") == []


def test_a_closing_tag_after_an_ignored_opening_one_is_not_told():
    assert beginnings("    <helpers>\nx\n</helpers>\n</helpers>\n") == INDENT + ORPHAN


@pytest.mark.parametrize("tag", ["think", "thinking", "THINK"])
def test_a_block_in_a_thought_does_not_run(tag):
    message = f"a\n<{tag}>hm\n{EXAMPLE}</{tag.lower()}>so\n"
    assert parse(message) == [Prose("a\n"), Thought(f"hm\n{EXAMPLE}"), Prose("so\n")]


def test_a_thought_may_be_indented_and_end_anywhere():
    assert parse("   <think>a </think> b") == [Thought("a "), Prose(" b")]
    assert parse("`x\n<think>a</think>\n") == [Prose("`x\n"), Thought("a"), Prose("\n")]


def test_a_thought_that_is_not_ended_lasts_to_the_end():
    for rest in ("", "</thin", "</think", "<", "</thinking>", "\n```\n"):
        items = parse(f"<think>a\n{EXAMPLE}{rest}")
        assert items == [Thought(f"a\n{EXAMPLE}{rest}")]


def test_what_follows_a_thought_begins_a_line():
    items = parse(f"<think>a</think>{EXAMPLE}")
    assert len(blocks(items)) == 1
    assert blocks(items)[0].span[0] == len("<think>a</think>")
    assert parse("<think>a</think><think>b</think>c") == [Thought("ab"), Prose("c")]


def test_a_think_tag_elsewhere_is_prose_or_code():
    for message in (
        "a <think>b\n",
        "    <think>\n",
        "```\n<think>\n```\n",
        "<thinker>\n",
        "<think\n",
    ):
        assert parse(message) == [Prose(message)]
    assert calls("<helpers lang=bash>\n<think>\n</helpers>\n")[0].arguments["code"] == "<think>"


def test_a_result_that_a_model_invents_is_told_apart():
    message = f"{EXAMPLE}<results>\n1\n</results>\nSo it is 1.\n"
    items = parse(message)
    assert len(blocks(items)) == 1
    assert [type(item) for item in items if isinstance(item, Forged)] == [Forged]
    assert prose(items) == "1\n</results>\nSo it is 1.\n"


@pytest.mark.parametrize("line", ["    <results>", "> <results>", "see <results>", "<results> x"])
def test_results_that_are_only_spoken_of_are_prose(line):
    assert parse(f"{line}\n") == [Prose(f"{line}\n")]
    assert parse("```\n<results>\n```\n") == [Prose("```\n<results>\n```\n")]


def test_a_fence_named_helpers_is_remarked_on_once():
    items = parse("```helpers\nprint(1)\n```\n")
    assert [item.reason for item in items if isinstance(item, Ignored)] == [AS_FENCE]


def test_entities_are_not_tags():
    assert reasons("&lt;helpers&gt;\nprint(1)\n&lt;/helpers&gt;\n") == []
