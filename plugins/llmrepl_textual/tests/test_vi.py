"""vi's keys in a text, as vi has them."""

import asyncio
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.events import TurnStarted
from llmrepl.parts import text_of
from llmrepl_textual.prompt.vi import Vi
from llmrepl_textual.prompt.widget import Prompt
from llmrepl_textual.tests.host import events, full_screen, lines, text, typed, until

ESC = "\x1b"


def edited(marked, keys):
    """Return what keys make of a text, `|` being the cursor, which begins in normal mode."""
    at = marked.index("|")
    text, vi = marked.replace("|", "", 1), Vi()
    vi.inserting = False
    for key in keys:
        if key == ESC:
            step = vi.escape(text, at)
        elif vi.inserting:
            text, at = text[:at] + key + text[at:], at + 1
            continue
        else:
            step = vi.press(key, text, at)
        if step is not None:
            text, at = text[: step.begin] + step.text + text[step.end :], step.at
    return text[:at] + "|" + text[at:]


@pytest.mark.parametrize(
    ("before", "keys", "after"),
    [
        ("o|ne two", "h", "|one two"),
        ("|one two", "lll", "one| two"),
        ("one tw|o", "l", "one tw|o"),
        ("|one, two", "w", "one|, two"),
        ("|one, two", "W", "one, |two"),
        ("one, |two", "b", "one|, two"),
        ("one, |two", "B", "|one, two"),
        ("|one two", "e", "on|e two"),
        ("|one two three", "2w", "one two |three"),
        ("  one| two", "0", "|  one two"),
        ("  one| two", "^", "  |one two"),
        ("|one\ntwo", "$", "on|e\ntwo"),
        ("o|ne\ntwo", "j", "one\nt|wo"),
        ("one\nt|wo", "k", "o|ne\ntwo"),
        ("one\ntw|o", "gg", "|one\ntwo"),
        ("|one\ntwo", "G", "one\n|two"),
        ("|one two", "fw", "one t|wo"),
        ("|one two", "tw", "one |two"),
        ("one tw|o", "Fn", "o|ne two"),
        ("|one two", "fz", "|one two"),
        ("|one two", "x", "|ne two"),
        ("one tw|o", "x", "one t|w"),
        ("|one two", "dw", "|two"),
        ("|one two three", "d2w", "|three"),
        ("|one two three", "2dw", "|three"),
        ("one |two", "d$", "one| "),
        ("one |two", "D", "one| "),
        ("one |two", "d0", "|two"),
        ("one |two", "db", "|two"),
        ("|one two", "de", "| two"),
        ("|one two", "dtw", "|wo"),
        ("one\nt|wo\nthree", "dd", "one\n|three"),
        ("one\nt|wo", "dd", "|one"),
        ("o|ne\ntwo\nthree", "dj", "|three"),
        ("|one\ntwo\nthree", "2dd", "|three"),
        ("|one two", "cwsome" + ESC, "som|e two"),
        ("|a b", "cwsome" + ESC, "som|e b"),
        ("one |two", "Csome" + ESC, "one som|e"),
        ("one t|wo", "ccsome" + ESC, "som|e"),
        ("o|ne", "isome" + ESC, "osom|ene"),
        ("o|ne", "asome" + ESC, "onsom|ee"),
        ("  o|ne", "Isome" + ESC, "  som|eone"),
        ("o|ne", "Asome" + ESC, "onesom|e"),
        ("o|ne\ntwo", "osome" + ESC, "one\nsom|e\ntwo"),
        ("one\nt|wo", "Osome" + ESC, "one\nsom|e\ntwo"),
        ("|one two", "rx", "|xne two"),
        ("|one two", "3rx", "xx|x two"),
        ("|one two", "9rx", "|one two"),
        ("|one", "~~", "ON|e"),
        ("|one two", "dwP", "one| two"),
        ("|one two", "xp", "n|oe two"),
        ("|one\ntwo", "ddp", "two\n|one"),
        ("|one\ntwo", "yyp", "one\n|one\ntwo"),
        ("one\nt|wo", "ddP", "|two\none"),
        ("|one two", "ywP", "one| one two"),
        ("|one", "d" + ESC + "x", "|ne"),
        ("|one two", "q", "|one two"),
        ("|", "xdwcwa" + ESC, "|a"),
    ],
)
def test_keys_do_what_they_do_in_vi(before, keys, after):
    assert edited(before, keys) == after


def test_a_line_above_the_first_and_below_the_last_is_somebody_elses():
    vi = Vi()
    vi.inserting = False
    assert vi.press("k", "one\ntwo", 1).do == "up"
    assert vi.press("j", "one\ntwo", 5).do == "down"
    assert vi.press("u", "one", 0).do == "undo"


def test_the_prompt_is_edited_as_in_vi(machine):
    async def play():
        desk = machine.desk(machine.script("Hello.", "Again."), **{"ui.editing_mode": "vi"})
        async with full_screen(desk) as pilot:
            prompt = pilot.app.screen.query_one(Prompt)
            await typed(pilot, "hello word")
            assert prompt.text == "hello word"
            await pilot.press("escape")
            await until(pilot, lambda: "❮ hello word" in text(pilot))
            await typed(pilot, "bdbihi ")
            assert prompt.text == "hi word"
            await pilot.press("escape", "A", "s", "escape", "u", "enter")
            await until(pilot, lambda: not desk.work.busy)
            (started,) = events(desk, TurnStarted)
            assert text_of(started.prompt) == "hi word"
            await until(pilot, lambda: "❯" in lines(pilot)[-3])
            await typed(pilot, "next")
            await pilot.press("escape", "k")
            await typed(pilot, "dd")
            assert prompt.text == ""

    asyncio.run(play())


TEXTS = st.text(alphabet="ab, \n", max_size=20)
KEYS = st.text(alphabet=string.printable[:94] + ESC, max_size=20)


@given(TEXTS, KEYS)
def test_the_cursor_is_in_the_text_whatever_is_pressed(before, keys):
    after = edited("|" + before, keys.replace("|", ""))
    assert after.count("|") == 1
