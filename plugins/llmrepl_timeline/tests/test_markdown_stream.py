"""A text's lines are the same however it arrives, and nothing that was given away changes."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from llmrepl_timeline.lines import plain, width_of
from llmrepl_timeline.markdown import Look, MarkdownStream, draw

MARKS = (
    *("# ", "## ", "- ", "* ", "+ ", "1. ", "2) ", "> ", "```", "```py", "~~~", "    ", "  ", "\t"),
    *("---", "===", "***", "| a | b |", "|---|:-:|", "| 1 |", "|", "`", "**", "*", "_", "~~", "\\"),
    *(
        "[x](http://y.example)",
        "[x][y]",
        "[y]: http://z",
        "<http://a.example>",
        "![i](p.png)",
        "&amp;",
    ),
    *(
        "word",
        "another one",
        "x = '''y",
        "'''",
        "def f(): pass",
        "/* ",
        "漢字仮名",
        "👍🏽",
        "e\u0301",
        "",
    ),
)
LINES = st.lists(st.sampled_from(MARKS), max_size=5).map("".join)
ROWS = st.sampled_from(("| 1 | 2 |", "| **x** y | long cell of words |", "| z |", "|||", "", "- x"))
TABLES = (
    st.lists(ROWS, min_size=18, max_size=30).map("\n".join).map("| a | b |\n|--|--|\n{}".format)
)
TEXTS = st.one_of(
    TABLES,
    st.lists(LINES, max_size=14).map("\n".join),
    st.text(alphabet="a b\n`-#>|*1.~=:[]()\t", max_size=80),
)
LOOKS = st.builds(Look, st.sampled_from((9, 20, 40, 80)), st.booleans())


def pieces(text, cuts):
    bounds = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[a:b] for a, b in pairwise(bounds)]


def streamed(parts, look, *, preview=False):
    stream, lines = MarkdownStream(), []
    for part in parts:
        stream.feed(part)
        lines += stream.advance(look)
        if preview:
            stream.preview(look)
    return lines + stream.close(look)


@settings(max_examples=600, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 500), max_size=8), LOOKS, st.booleans())
def test_the_lines_are_those_of_the_whole_however_the_text_is_cut(text, cuts, look, preview):
    assert streamed(pieces(text, cuts), look, preview=preview) == draw(text, look)


@settings(max_examples=300, deadline=None)
@given(TEXTS, LOOKS)
def test_the_lines_are_those_of_the_whole_where_each_character_comes_alone(text, look):
    assert streamed(text, look) == draw(text, look)


@settings(max_examples=300, deadline=None)
@given(TEXTS, LOOKS)
def test_no_line_is_wider_than_asked_for(text, look):
    lines = draw(text, look)
    assert [plain(line) for line in lines if width_of(line) > look.width] == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(("- a | b", "-|-", "# |1", "~~~ |x", "  - c", " - d", "", "1. e")),
        max_size=8,
    )
)
def test_what_a_later_line_makes_a_table_of_is_not_given_away(lines):
    text = "\n".join(lines)
    assert streamed(text, Look(40)) == draw(text, Look(40))
