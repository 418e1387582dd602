"""Every key and every command has a dialogue that uses it; the keys that others leave are here."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from llmrepl.config.actions import ACTIONS
from llmrepl.conversing.commands.table import COMMANDS
from tests.repl.terminal import (
    ALT_ENTER,
    ALT_F,
    CTRL_E,
    CTRL_F,
    CTRL_L,
    CTRL_N,
    CTRL_P,
    CTRL_RIGHT,
    DOWN,
    ENTER,
    ESC,
    NEW_LINE,
    PROMPT,
    RIGHT,
    SHIFT_TAB,
    TAB,
    UP,
)

HERE = Path(__file__).parent
VI = "vi "
"""Stands before a key where it is another than in emacs mode."""


def keys():
    """Every key of every action."""
    for action in ACTIONS:
        yield from action.emacs
        yield from (VI + key for key in action.vi or ())


def dialogues():
    """Every test of the chat."""
    for path in HERE.glob("test_*.py"):
        module = importlib.import_module(f"tests.repl.{path.stem}")
        yield from (made for name, made in vars(module).items() if name.startswith("test_"))


def covered():
    """The keys that dialogues say they cover."""
    marks = (mark for test in dialogues() for mark in getattr(test, "pytestmark", ()))
    return {key for mark in marks if mark.name == "covers" for key in mark.args}


def typed():
    """The commands that dialogues type."""
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                texts = [
                    part.value
                    for argument in node.args[:1]
                    for part in ast.walk(argument)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
                if node.func.attr in ("say", "type", "turn"):
                    yield from (found[1] for text in texts if (found := re.match(r"/(\w+)", text)))


def test_every_key_has_a_dialogue():
    assert sorted(set(keys()) - covered()) == []


def test_what_is_covered_is_a_key():
    assert sorted(covered() - set(keys())) == []


def test_every_command_has_a_dialogue():
    assert sorted(set(COMMANDS) - set(typed())) == []


# The dialogues that are not elsewhere


@pytest.fixture
def talk(machine, chat):
    """Start a chat that answers whatever is sent; `sent` returns what that was, in the end."""

    class Talk:
        def __init__(self, **env):
            self.terminal = chat("--model", machine.script(*["Yes."] * 9), "--session", "s", **env)

        def press(self, *some):
            for key in some:
                self.terminal.type(key)
                self.terminal.settle(0.12)

        def send(self, text=""):
            self.terminal.turn(text, "Yes.")

        def sent(self):
            assert self.terminal.leave() == 0
            started = (r for r in machine.log("s")[1:] if r["type"] == "turn.started")
            return [record["data"]["prompt"][0]["text"] for record in started]

    return Talk


@pytest.mark.covers("enter", "alt-enter", "ctrl-j")
def test_enter_sends_and_two_keys_begin_a_line(talk):
    talking = talk()
    talking.send(f"one{ALT_ENTER}two{NEW_LINE}three")
    assert talking.sent() == ["one\ntwo\nthree"]


@pytest.mark.covers("up", "down", "ctrl-p", "ctrl-n")
def test_keys_go_through_what_was_sent(talk):
    talking = talk()
    talking.send("first")
    talking.send("second")
    talking.press(UP, UP, DOWN)
    talking.send()
    talking.press(CTRL_P, CTRL_P, CTRL_N, CTRL_P)
    talking.send("!")
    assert talking.sent() == ["first", "second", "second", "first!"]


@pytest.mark.covers("right", "ctrl-f", "ctrl-e", "alt-f")
def test_keys_take_the_suggestion_or_a_word_of_it(talk):
    talking = talk()
    talking.send("some words to begin with")
    for key in (RIGHT, CTRL_F, CTRL_E, ALT_F):
        talking.terminal.type("some")
        talking.terminal.wait(" words to begin with")
        talking.terminal.settle()
        talking.press(key)
        talking.send()
    assert talking.sent() == ["some words to begin with"] * 4 + ["some words"]


@pytest.mark.covers("tab", "shift-tab")
def test_tab_goes_down_the_menu_shift_tab_up_and_escape_closes_it(talk):
    talking = talk()
    terminal = talking.terminal
    terminal.type("/mod")
    terminal.wait("models that can be used now")
    talking.press(TAB, TAB, SHIFT_TAB, ENTER, ENTER)
    terminal.wait("model: scripted/", PROMPT)
    terminal.type("/mod")
    terminal.wait("models that can be used now")
    talking.press(TAB, ESC)
    terminal.settle(0.6)
    talking.press(ENTER)  # sends what was typed: nothing is chosen
    terminal.wait("error: there is no command /mod", "did you mean /model", PROMPT)
    assert terminal.leave() == 0


@pytest.mark.covers("ctrl-l")
def test_the_screen_is_cleared_and_the_prompt_kept(talk):
    talking = talk()
    talking.terminal.type("half a")
    talking.terminal.wait("half a")
    before = talking.terminal.raw.count(b"\x1b[2J")
    talking.press(CTRL_L)
    talking.terminal.wait(f"{PROMPT} half a")
    assert talking.terminal.raw.count(b"\x1b[2J") == before + 1
    talking.send(" thought")
    assert talking.sent() == ["half a thought"]


@pytest.mark.covers("vi up", "vi down", "vi ctrl-right")
def test_keys_of_vi_go_through_the_history_and_take_a_word(talk):
    talking = talk(LLMREPL_UI_EDITING_MODE="vi")
    talking.send("first of all")
    talking.send("second")
    talking.press(UP, UP, DOWN)
    talking.send("!")
    talking.terminal.type("fir")
    talking.terminal.wait("st of all")
    talking.terminal.settle()
    talking.press(CTRL_RIGHT)
    talking.send()
    assert talking.sent() == ["first of all", "second", "second!", "first"]


def test_diff_shows_what_apply_writes_and_discard_drops(machine, chat):
    (machine.project / "notes.txt").write_text("one\n")
    writes = "Now.\n\n<helpers lang=bash>\necho two >> notes.txt; echo x > new.txt\n</helpers>\n"
    terminal = chat("--model", machine.script(writes, "Done."))
    terminal.turn("write", "Done.")
    terminal.say("/diff notes.txt")
    assert "new.txt" not in terminal.wait("+two", PROMPT)
    terminal.say("/diff")
    terminal.wait("new.txt", "+x", PROMPT)
    terminal.say("/apply notes.txt")
    terminal.wait("applied   notes.txt", PROMPT)
    terminal.say("/discard")
    terminal.wait("discarded new.txt", PROMPT)
    terminal.say("/diff")
    terminal.wait("blocks have changed nothing there that is not applied", PROMPT)
    assert (machine.project / "notes.txt").read_text() == "one\ntwo\n"
    assert terminal.leave() == 0
