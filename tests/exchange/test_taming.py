"""Markdown that somebody wrote shows what it showed, and does nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from llmrepl.exchange.taming import TAGS, tame

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PIECES = (
    *("`", "``", "```\n", "~~~\n", "<b>", "<img src=x onerror=f()>", "![x](y)", "![x][z]", "<!--"),
    *("\\", "\n", "\n\n", "    ", "  ", "> ", "- ", "1. ", "a", "<http://x`y>", "[a]: <b>\n", "|"),
    *("&lt;", "<?", "*", "!", "[", "<"),
)


def kinds(text):
    return {part.type for token in READER.parse(text) for part in (token, *(token.children or ()))}


@pytest.mark.parametrize(
    ("text", "tamed"),
    [
        ("plain *text* and `<b>` code", "plain *text* and `<b>` code"),
        ("1 < 2, a<b> and </b>", "1 < 2, a\\<b> and \\</b>"),
        ("see ![it](http://192.0.2.1/x.png)", "see \\![it](http://192.0.2.1/x.png)"),
        ("```html\n<b>![x](y)\n```\n<b>", "```html\n<b>![x](y)\n```\n\\<b>"),
        ("```\nleft open <b>", "```\nleft open <b>\n```"),
        ("`` `<b>` `` <b>", "`` `<b>` `` \\<b>"),
        ("a\n\n\n<b>\n", "a\n\n\n\\<b>"),
    ],
)
def test_what_would_be_obeyed_is_escaped_and_code_is_not(text, tamed):
    assert tame(text) == tamed


@pytest.mark.parametrize(
    "text",
    [
        "- a\n  ```\nfoo\n<b>",
        "\\<b>",
        "\\\\<b>",
        "`\nfoo ` <b> ` bar",
        "\\` <b> `",
        "`a\n> ` <b> `",
        "- `\n- <b> `",
        "    `\n<b>`",
    ],
)
def test_backticks_that_belong_to_others_hide_nothing(text):
    assert not kinds(tame(text)) & TAGS


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_no_reader_finds_anything_to_obey(text):
    assert not kinds(tame(text)) & TAGS
    assert not kinds("\n".join(f"> {line}" for line in tame(text).split("\n"))) & TAGS


def test_a_text_of_backticks_alone_takes_no_time():
    text = "".join("`" * (1 + number % 7) + "<b> " for number in range(20_000))
    assert not kinds(tame(text)) & TAGS
