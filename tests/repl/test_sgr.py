"""Rows above the prompt: what they look like, and how they are changed where they stand."""

import re

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Point

from llmrepl.repl.sgr import fragments, painted, rewritten, visible

TOKENS = re.compile(r"\x1b\[(\d*)([A-Z])|\x1b\[[0-9;]*m|\r|[^\x1b\r]")
ROWS = st.lists(st.text("abc ", max_size=9).map(str.rstrip), min_size=1, max_size=5)


def on_screen(rows, cursor, written):
    """Return the rows and the cursor of a terminal after `written`."""
    cells, x, y = [list(row.ljust(10)) for row in rows], cursor.x, cursor.y
    for token in TOKENS.finditer(written):
        count, command = token.groups()
        match command, token.group():
            case None, "\r":
                x = 0
            case "A", _:
                y -= int(count)
            case "B", _:
                y += int(count)
            case "C", _:
                x += int(count)
            case "K", _:
                cells[y][x:] = " " * (10 - x)
            case None, character if character[0] != "\x1b":
                cells[y][x] = character
                x += 1
    return ["".join(row).rstrip() for row in cells], Point(x, y)


@given(st.data(), ROWS, st.integers(0, 9), st.integers(0, 3))
def test_rows_are_rewritten_where_they_stand_and_the_cursor_stays(data, before, x, below):
    size = len(before)
    after = data.draw(st.lists(st.sampled_from([*before, "new"]), min_size=size, max_size=size))
    prompt = [""] * (below + 1)
    cursor = Point(x, size + below)
    written = rewritten(before, after, cursor)
    assert on_screen([*before, *prompt], cursor, written) == ([*after, *prompt], cursor)
    assert bool(written) == (before != after)


def test_colours_are_kept_and_nothing_else_that_commands_the_terminal():
    text = (
        "\x1b]0;title\x07\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x07\x1b[2J"
    )
    assert visible(text) == "red link"
    assert painted(text) == "\x1b[1;31mred\x1b[0m link"


def test_runs_of_one_style_are_one_fragment():
    runs = fragments("plain \x1b[1mbold \x1b[36mand cyan\x1b[0m plain")
    assert [run[1] for run in runs] == ["plain ", "bold ", "and cyan", " plain"]
    assert runs[0][0] == runs[3][0] == ""
    assert "bold" in runs[1][0]
    assert "bold" in runs[2][0]
    assert "ansicyan" in runs[2][0]
