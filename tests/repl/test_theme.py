"""Themes: what the terminal's background decides, and everything that a theme governs."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.repl.background import BEGIN, QUESTION, Sieve, theme_for
from tests.repl.terminal import CTRL_D, CTRL_U, ESC, PROMPT, Terminal

DARK, LIGHT = "rgb:1e1e/1e1e/2e2e", "rgb:fdfd/f6f6/e3e3"


def answer(colour, end="\x1b\\"):
    return f"{BEGIN}{colour}{end}"


# What an answer says


@pytest.mark.parametrize(
    ("colour", "theme"),
    [
        (DARK, "dark"),
        (LIGHT, "light"),
        ("rgb:0/0/0", "dark"),
        ("rgb:f/f/f", "light"),
        ("rgb:00/2b/36", "dark"),
        ("rgba:ffff/ffff/ffff/ffff", "light"),
        ("rgb:0000/0000/ffff", "dark"),
        ("?", ""),
        ("rgb:12345/0/0", ""),
        ("", ""),
    ],
)
def test_a_background_has_the_theme_that_suits_its_brightness(colour, theme):
    assert theme_for(colour) == theme


TYPED = st.text(st.sampled_from("ab;1]\x1b\\\x07r:/"), max_size=12).filter(
    lambda text: BEGIN not in text
)


@given(
    before=TYPED,
    after=TYPED,
    end=st.sampled_from(["\x07", "\x1b\\"]),
    cuts=st.lists(st.integers(0, 60), max_size=5),
)
def test_an_answer_is_taken_out_of_keys_however_it_comes(before, after, end, cuts):
    whole = before + answer(DARK, end) + after
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    sieve = Sieve()
    typed = "".join(sieve.through(whole[start:stop]) for start, stop in pairwise(places))
    assert typed + sieve.waited() == before + after
    assert sieve.answer == DARK


@given(TYPED, st.integers(0, 12))
def test_without_an_answer_every_key_comes_through(text, cut):
    sieve = Sieve()
    typed = sieve.through(text[:cut]) + sieve.through(text[cut:])
    assert typed + sieve.waited() == text


def test_escape_waits_for_no_answer():
    sieve = Sieve()
    assert sieve.through(ESC) == ""
    assert sieve.waited() == ESC
    assert sieve.through(answer(LIGHT)[:12]) == ""
    assert sieve.waited() == ""  # a slow line: the rest is still to come
    assert sieve.through(answer(LIGHT)[12:] + "x") == "x"


# In a terminal


class Answering(Terminal):
    """A terminal that tells its background, with keys around the answer."""

    def __init__(self, *args, told, **env):
        self._told = told
        super().__init__(*args, **env)

    def _read(self, deadline):
        came = super()._read(deadline)
        if self._told and QUESTION.encode() in self.raw:
            told, self._told = self._told, ()
            for piece in told:
                self.type(piece)
        return came


@pytest.fixture
def answering(machine):
    """Start chats in terminals that answer with `told`."""
    started = []

    def start(*args, told, **env):
        terminal = Answering(machine, *args, told=told, **env)
        started.append(terminal)
        terminal.wait("Ctrl-D to leave", PROMPT)
        return terminal

    yield start
    for terminal in started:
        terminal.kill()


def theme_of(terminal):
    terminal.say("/theme")
    terminal.wait("theme: ")
    terminal.wait("\n")
    return terminal.text[: terminal._found].rpartition("theme: ")[2].split()[0]


@pytest.mark.parametrize(("colour", "theme"), [(DARK, "dark"), (LIGHT, "light")])
def test_a_theme_follows_the_background_from_the_first_block_on(machine, answering, colour, theme):
    model = machine.script("Let me *see*.\n\n<helpers>\nprint(1\n</helpers>\n", "Well.")
    terminal = answering("--model", model, told=[answer(colour)], COLORFGBG="7;7")
    terminal.settle()
    terminal.turn("go", "Well.")
    assert {name: code.encode() in terminal.raw for name, code in MARKS.items()} == {
        name: name == theme for name in MARKS
    }
    assert theme_of(terminal) == theme
    assert terminal.leave() == 0


MARKS = {"dark": "\x1b[36m╭─ python", "light": "\x1b[34m╭─ python"}
"""How a call begins in each theme."""


@pytest.mark.parametrize(("variable", "theme"), [("0;15", "light"), (None, "dark")])
def test_a_terminal_that_does_not_answer_is_judged_by_a_variable(machine, chat, variable, theme):
    terminal = chat("--model", machine.script("Hello."), COLORFGBG=variable)
    assert theme_of(terminal) == theme
    assert terminal.leave() == 0


def test_keys_that_come_around_the_answer_are_typed(machine, answering):
    told = ["one ", "two" + answer(LIGHT)[:9], answer(LIGHT)[9:] + " three"]
    terminal = answering("--model", machine.script("Hello."), "--session", "s", told=told)
    terminal.wait("one two three")
    terminal.turn("", "Hello.")
    assert "rgb:" not in terminal.text
    assert theme_of(terminal) == "light"
    assert terminal.leave() == 0
    (prompt,) = [r["data"]["prompt"] for r in machine.log("s")[1:] if r["type"] == "turn.started"]
    assert prompt[0]["text"] == "one two three"


def test_an_answer_comes_before_a_resumed_session_is_drawn(machine, chat, answering):
    model = machine.script("Now.\n\n<helpers>\n1\n</helpers>\n", "Well.", "Again.")
    terminal = chat("--model", model, "--session", "s")
    terminal.turn("go", "Well.")
    assert terminal.leave() == 0
    again = answering("--model", model, "--resume", "s", told=["hm" + answer(LIGHT)])
    assert MARKS["light"].encode() in again.raw
    again.wait("hm")
    again.type(CTRL_U)
    assert again.leave() == 0


def test_an_answer_that_comes_at_the_end_is_not_left_to_the_shell(machine, answering):
    terminal = answering(told=[CTRL_D, answer(DARK)])
    assert terminal.end() == 0
    assert "rgb:" not in terminal.text


@pytest.mark.parametrize(
    ("config", "env"),
    [
        ('[ui]\ntheme = "light"\n', {}),
        ("", {"NO_COLOR": "1"}),
        ("", {"TERM": "dumb"}),
        ("", {"TERM": "linux"}),
    ],
)
def test_nobody_is_asked_where_the_answer_decides_nothing(machine, chat, config, env):
    machine.configure(config)
    terminal = chat("--model", machine.script("Hello."), **env)
    terminal.turn("go", "Hello.")
    assert QUESTION.encode() not in terminal.raw
    assert terminal.leave() == 0


def test_a_choice_of_the_persons_own_outlasts_an_answer(machine, answering):
    terminal = answering("--model", machine.script("Hello."), told=["/theme contrast\r"])
    terminal.wait("theme: contrast")
    terminal.type(answer(LIGHT))
    terminal.settle()
    assert theme_of(terminal) == "contrast"
    assert terminal.leave() == 0


# What a theme governs

ASKS = "Look.\n\n<helpers lang=bash>\ngetent passwd root\n</helpers>\n"
COLOURS = re.compile(rb"\x1b\[(?:\d+;)*(?:[34][0-8]|9[0-7]|10[0-7])(?:;\d+)*m")


def coloured(terminal, since):
    return COLOURS.findall(terminal.raw[since:])


@pytest.mark.parametrize(
    ("theme", "question", "colours"),
    [
        ("dark", "\x1b[1m? ", True),
        ("light", "\x1b[90m  rule: ", True),
        ("contrast", "\x1b[1m? ", False),
        ("none", "\n  rule: ", False),
    ],
)
def test_a_theme_governs_the_question_the_menu_and_the_status_line(
    machine, chat, theme, question, colours
):
    machine.configure(f'[ui]\ntheme = "{theme}"\n')
    terminal = chat("--model", machine.script(ASKS, "Done."), "--net", "example.org")
    terminal.wait("full sandbox")
    terminal.type("/th")
    terminal.wait("/theme [NAME]")
    terminal.settle()
    assert bool(coloured(terminal, 0)) is colours
    terminal.type(CTRL_U + "go\r")
    terminal.wait("no, and say why")
    shown = terminal.raw.replace(b"\r\n", b"\n")
    assert question.encode() in shown
    terminal.settle(0.6)
    terminal.type("y")
    terminal.wait("Done.", PROMPT)
    if theme == "none":
        assert coloured(terminal, 0) == []
    assert terminal.leave() == 0


def test_a_theme_that_is_changed_holds_for_the_next_question_and_menu(machine, chat):
    terminal = chat("--model", machine.script(ASKS, "Done."), "--net", "example.org")
    terminal.wait("full sandbox")
    terminal.say("/theme none")
    terminal.wait("theme: none", PROMPT)
    terminal.settle()
    since = len(terminal.raw)
    terminal.type("/th")
    terminal.wait("/theme [NAME]")
    terminal.type(CTRL_U + "go\r")
    terminal.wait("no, and say why")
    terminal.settle(0.6)
    terminal.type("y")
    terminal.wait("Done.", PROMPT)
    terminal.say("/usage")
    terminal.wait("all  ", "$0", PROMPT)
    assert coloured(terminal, since) == []
    assert terminal.leave() == 0


def test_the_plain_display_has_themes_too(machine, chat):
    terminal = chat("--display", "plain", "--model", machine.script(ASKS, "Done."))
    assert theme_of(terminal) == "dark"
    terminal.say("/theme light")
    terminal.wait("theme: light", PROMPT)
    terminal.turn("go", "Done.")
    assert MARKS["light"].replace("python", "bash").encode() in terminal.raw
    assert terminal.leave() == 0
