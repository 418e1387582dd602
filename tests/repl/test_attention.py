"""The window's title and the bell, as bytes that the terminal is sent."""

import io
import re

import pytest

from llmrepl.conversing.attention import RESTORE, SAVE, Attention
from llmrepl.events import ApprovalDecided, ApprovalRequested, TurnFinished, TurnStarted
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.testing import FakeClock
from tests.repl.terminal import PROMPT
from tests.repl.test_hostile import HOSTILE

LATER = 30.0
ASKED = ApprovalRequested(call_id="1", question="May it?")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def written(*events, stream=None, seconds=LATER, bell=20.0, title=True, **environ):
    stream = Terminal() if stream is None else stream
    clock = FakeClock()
    environ = {"TERM": "xterm-256color", **environ}
    attention = Attention(stream, environ, bell=bell, title=title, clock=clock.monotonic)
    for event in events:
        attention.show(Record(1, 0, 1, 1, event))
        if event is ASKED:
            attention.asks()
        clock.advance(seconds)
    attention.close()
    return stream.getvalue()


def turn(prompt="What is in data.csv?"):
    return TurnStarted(prompt=(Text(prompt),)), TurnFinished(reason="end_turn")


def test_the_title_tells_the_first_words_and_the_state_and_goes_in_the_end():
    titles = "".join(
        f"\x1b]2;llmrepl: What is in data.csv? · {state}\x1b\\" for state in ("working", "done")
    )
    assert written(*turn(), *turn("and then"), bell=0) == SAVE + titles * 2 + RESTORE


def test_a_title_is_safe_and_short():
    shown = written(turn(HOSTILE * 20)[0])
    (title,) = re.findall("\x1b]2;llmrepl: (.*) · working\x1b\\\\", shown)
    assert title.isprintable()
    assert len(title) <= 40
    assert shown == f"{SAVE}\x1b]2;llmrepl: {title} · working\x1b\\{RESTORE}"


@pytest.mark.parametrize(
    ("seconds", "bell", "rings"), [(30.0, 20.0, 1), (10.0, 20.0, 0), (30.0, 0.0, 0)]
)
def test_the_end_of_a_long_turn_rings(seconds, bell, rings):
    assert written(*turn(), seconds=seconds, bell=bell, title=False).count("\x07") == rings


def test_a_question_rings_and_an_answer_begins_the_waiting_anew():
    began, ended = turn()
    decided = ApprovalDecided(call_id="1", decision="once")
    assert written(began, ASKED, decided, ended, seconds=15.0, title=False) == "\x07"
    assert written(began, ASKED, decided, ended, bell=0, title=False) == ""


@pytest.mark.parametrize(
    ("program", "note"), [("iTerm.app", "\x1b]9;"), ("WezTerm", "\x1b]777;notify;llmrepl;")]
)
def test_a_terminal_that_can_shows_a_message_on_the_desktop(program, note):
    shown = written(*turn("a;b"), title=False, TERM_PROGRAM=program)
    assert shown == f"\x07{note}a,b · done\x1b\\"
    assert written(*turn(), title=False, TERM_PROGRAM=program, TMUX="x") == "\x07"


@pytest.mark.parametrize("term", ["dumb", "linux"])
def test_other_terminals_and_pipes_get_nothing(term):
    assert written(*turn(), ASKED, TERM=term) == ""
    assert written(*turn(), ASKED, stream=io.StringIO()) == ""


def test_a_terminal_that_is_gone_ends_no_turn():
    class Gone(Terminal):
        def flush(self):
            raise OSError

    written(*turn(), ASKED, stream=Gone())


def test_a_chat_gives_the_window_its_title_back(machine, chat):
    terminal = chat("--model", machine.script("Hello."), TERM="xterm-256color")
    terminal.turn("good day", "Hello.")
    assert terminal.leave() == 0
    states = [f"\x1b]2;llmrepl: good day · {state}\x1b\\" for state in ("working", "done")]
    at = [terminal.raw.index(text.encode()) for text in (SAVE, *states, RESTORE)]
    assert at == sorted(at)


def test_a_chat_without_titles_sends_none(machine, chat):
    machine.configure("[ui]\ntitle = false\n")
    terminal = chat("--model", machine.script("Hello."))
    terminal.turn("good day", "Hello.")
    assert terminal.leave() == 0
    assert b"\x1b]2;" not in terminal.raw


BLOCK = "Let me **see**.\n\n<helpers>\nprint(6 * 7)\n</helpers>\n"


@pytest.mark.parametrize("how", ["setting", "variable"])
def test_a_screen_reader_gets_words_and_no_line_twice(machine, chat, how):
    if how == "setting":
        machine.configure("[ui]\nscreen_reader = true\n")
    environ = {"ACCESSIBLE": "1"} if how == "variable" else {}
    terminal = chat("--model", machine.script(BLOCK, "It is 42."), **environ)
    terminal.say("go")
    shown = terminal.wait("Let me see.", "Block: python", "Result: ok, ", "It is 42.", "session $0")
    assert not set("╭│├╰✓↑↓") & set(shown)
    assert "Composing" not in terminal.text
    terminal.wait(PROMPT)
    assert terminal.leave() == 0
