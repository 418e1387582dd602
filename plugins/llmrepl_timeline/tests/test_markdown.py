"""What each piece of Markdown looks like."""

import pytest

from llmrepl_timeline.lines import cells, plain
from llmrepl_timeline.markdown import Look, MarkdownStream, draw
from llmrepl_timeline.themes import Painter


def shown(text, width=40, *, links=False):
    return [plain(line).rstrip() for line in draw(text, Look(width, links))]


def painted(text, *, links=True):
    return Painter("dark", links=links).paint(draw(text, Look(80, links)))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("# Title #\nSub\n---", ["# Title", "## Sub"]),
        ("one\ntwo  \nthree", ["one two", "three"]),
        ("**a**_b_~~c~~`d` \\* &amp; &#x27; <b>", ["abcd * & ' <b>"]),
        ("- a\n- b\n\n- c", ["• a", "• b", "", "• c"]),
        ("- a\n  - b\n    - c\n      - d", ["• a", "  ◦ b", "    ▪ c", "      • d"]),
        ("9. a\n1. b\n   c\n\n   d", ["9. a", "10. b c", "", "    d"]),
        ("-\n- a", ["•", "• a"]),
        ("- [ ] open\n- [x] done", ["• [ ] open", "• [x] done"]),
        ("> a\n> - b\n>\n> > c", ["▌ a", "▌ • b", "▌", "▌ ▌ c"]),
        ("a\n\n***\n\nb", ["a", "", "─" * 40, "", "b"]),
        ("```\na\n\n\tb\n```\nc", ["  a", "", "      b", "c"]),
        ("    code\n\n    more", ["  code", "", "  more"]),
        ("[a][b] [c]\n\n[b]: http://x.example", ["[a][b] [c]", "", "[b]: http://x.example"]),
        ("![a cat](cat.png) ![](data:image/png;base64,AA)", ["[image: a cat] (cat.png) [image: ]"]),
        ("\n\n  \n", []),
    ],
)
def test_a_text_looks_like_this(text, lines):
    assert shown(text) == lines


def test_a_target_is_written_out_where_the_terminal_shows_no_links():
    assert shown("[here](http://x.example)") == ["here (http://x.example)"]
    assert shown("<http://x.example>") == ["http://x.example"]
    assert shown("<me@x.example>") == ["me@x.example"]


def test_a_link_is_the_terminals_own_where_it_shows_links():
    (line,) = painted("[here](http://x.example/?a=b)")
    assert line == "\x1b]8;;http://x.example/?a=b\x1b\\\x1b[4mhere\x1b[0m\x1b]8;;\x1b\\"


def test_a_link_that_looks_like_another_address_tells_where_it_leads():
    (line,) = shown("[http://good.example](http://evil.example)", 80, links=True)
    assert line == "http://good.example (http://evil.example)"


@pytest.mark.parametrize("target", ["javascript:alert(1)", "file:///etc/passwd", "x\u202ey", "/a"])
def test_no_link_of_the_terminals_own_leads_anywhere_but_to_the_net(target):
    assert "\x1b]8" not in "".join(painted(f"[here]({target}) [there](<{target}>)"))


def test_a_table_takes_the_width_there_is():
    table = "| name | what it is |\n|-----:|:-:|\n| a | something long to say |\n| bb | x |\n"
    assert shown(table, 40) == [
        "name │      what it is",
        "─────┼──────────────────────",
        "   a │ something long to say",
        "  bb │           x",
    ]
    assert shown(table, 20) == [
        "name │  what it is",
        "─────┼──────────────",
        "   a │   something",
        "     │  long to say",
        "  bb │       x",
    ]


def test_a_table_of_many_columns_becomes_lines_where_it_is_narrow():
    table = "| one | two | three | four |\n|--|--|--|--|\n| 1 | 2 | 3 | **4** |\n"
    assert shown(table, 20) == ["one: 1", "two: 2", "three: 3", "four: 4", ""]


def test_deep_nesting_leaves_room_for_text():
    deep = "".join(f"{'  ' * depth}- item {depth}\n" for depth in range(12))
    lines = shown(deep, 20)
    assert max(map(cells, lines)) <= 20
    assert all(any(f"item {depth}" in line for line in lines) for depth in range(12))


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("日本語の文字", 6, ["日本語", "の文字"]),
        ("ab日本", 5, ["ab日", "本"]),
        ("e\u0301e\u0301 e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
        ("👍🏽👍🏽", 4, ["👍🏽", "👍🏽"]),
        ("abcdefgh ij", 5, ["abcde", "fgh", "ij"]),
    ],
)
def test_wide_characters_and_long_words_are_broken_by_cells(text, width, lines):
    assert shown(text, width) == lines


def test_code_is_highlighted_with_what_a_line_before_it_opened():
    code = '```python\nx = """a\nif b\n"""\nif c: pass\n```'
    _, inside, _, after = draw(code, Look(40))
    assert [span.style for span in inside if span.text.strip()] == ["string"]
    assert after[1].text.strip() == "if"
    assert after[1].style == "keyword"


@pytest.mark.parametrize("language", ["", "no-such-language", "json", "c", "html", "ruby", "diff"])
def test_code_of_any_language_keeps_its_text(language):
    code = '{"a": [1]}\n/* x\ny */\n<b c="d">&</b>\n+x\n-y\nputs <<A\n#{1}\nA\n'
    assert shown(f"~~~{language}\n{code}~~~") == ["  " + line for line in code.splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        "A paragraph of *some* words.\n\n" * 500,
        "```python\n" + "x = 1\n" * 2000,
        "- an item\n" * 1000,
        "1. an item\n\n   with more\n\n" * 500,
        "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 1000,
    ],
)
def test_what_is_held_back_stays_small_however_long_the_text(text):
    stream, most = MarkdownStream(), 0
    for at in range(0, len(text), 40):
        stream.feed(text[at : at + 40])
        stream.advance(Look(80))
        most = max(most, stream._size)
    assert most < 1000


def test_a_stream_takes_one_text_after_another():
    stream = MarkdownStream()
    for _ in range(2):
        stream.feed("1. a\n2. b\n")
        lines = [*stream.advance(Look(40)), *stream.close(Look(40))]
        assert [plain(line) for line in lines] == ["1. a", "2. b"]
