"""`--display` and `ui.display`: in the chat, in a run, and for a saved session."""

import json

import pytest

from llmrepl.testing import Reply
from tests.repl.terminal import PROMPT

BLOCK = "Let me **see**.\n\n<helpers>\nprint(6 * 7)\n</helpers>\n"


def test_a_chat_is_shown_by_the_timeline(machine, chat):
    terminal = chat("--model", machine.script(BLOCK, "It is **42**."))
    terminal.say("What is 6 * 7?")
    terminal.wait("Let me see.", "╭─ python", "├─ ↑", "  42", "╰─ ✓ ok", "It is 42.", PROMPT)
    assert terminal.leave() == 0


def test_an_answer_is_on_the_screen_while_it_is_written(serve, chat):
    serve(Reply("word " * 40, rate=10))
    terminal = chat("--model", "ollama/x")
    terminal.say("hello")
    terminal.wait("Composing", "tok/s")
    terminal.wait("word word", " tokens · ", PROMPT)
    assert terminal.leave() == 0


@pytest.mark.parametrize("how", ["flag", "setting", "dumb"])
def test_a_chat_is_plain_where_that_is_asked_for(machine, chat, how):
    model = ("--model", machine.script(BLOCK, "It is **42**."))
    if how == "setting":
        machine.configure('[ui]\ndisplay = "plain"\n')
    given = ("--display", "plain") if how == "flag" else ()
    terminal = chat(*model, *given, **({"TERM": "dumb"} if how == "dumb" else {}))
    terminal.turn("What is 6 * 7?", "Let me **see**.", "  42", "It is **42**.")
    assert "Composing" not in terminal.text
    assert terminal.leave() == 0


def test_a_saved_session_is_shown_by_the_display_that_is_asked_for(machine):
    model = machine.script(BLOCK, "It is **42**.")
    machine.run("run", "--model", model, "--session", "mine", "What is 6 * 7?")
    shown = {
        name: machine.run("sessions", "show", "mine", *given).out
        for name, given in {
            "": (),
            **{name: ("--display", name) for name in ("plain", "timeline", "json")},
        }.items()
    }
    assert shown[""] == shown["plain"]
    assert "It is **42**." in shown["plain"]
    assert "\nIt is 42.\n" in shown["timeline"]
    logged = machine.run("sessions", "show", "mine", "--json").out.splitlines()
    for line, record in zip(shown["json"].splitlines(), map(json.loads, logged), strict=True):
        assert record | json.loads(line) == record


def test_a_run_tells_what_happens_where_a_display_is_named(machine):
    ran = machine.run("run", "--model", machine.script(BLOCK, "42"), "--display", "timeline", "x")
    assert ran.out == "42\n"
    assert "╭─ python\n│ print(6 * 7)\n" in ran.err
    assert "42\n" in ran.err


def test_a_display_that_there_is_not_is_answered_with_those_there_are(machine):
    ran = machine.run("run", "--model", machine.script("x"), "--display", "fancy", "hello")
    assert ran.code == 4
    assert ran.err.splitlines() == [
        "llmrepl: there is no display 'fancy'",
        "  there are: auto, json, plain, timeline",
    ]


@pytest.mark.parametrize(("columns", "lines"), [(20, 12), (40, 24)])
def test_a_narrow_terminal_gets_no_line_that_is_wider(machine, chat, columns, lines):
    words = "some words that go on and on and fill more than a line of this terminal. "
    terminal = chat("--model", machine.script(words * 3), COLUMNS=str(columns), LINES=str(lines))
    before = len(terminal.text)
    terminal.say("hello")
    terminal.wait("some words", "↑", PROMPT)
    shown = terminal.text[before:].split("↑")[0].splitlines()
    assert max(len(line) for line in shown if line.startswith(("some", "words"))) < columns
    assert terminal.leave() == 0
