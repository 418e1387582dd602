"""`llmrepl tui` in a terminal: what is there when it is gone, however it went."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from llmrepl.conversing.attention import RESTORE
from llmrepl.conversing.guard import GRACE
from tests.repl.conftest import terminals
from tests.repl.terminal import ALT_ENTER, CTRL_D, CTRL_S, CTRL_Z, ENTER

__all__ = ["terminals"]

CTRL_Q, F4, F9 = "\x11", "\x1bOS", "\x1b[20~"
ON, OFF = "\x1b[?1049h", "\x1b[?1049l"
"""What takes a terminal to its other screen, and back."""

CRASH = """if True:
    import sys
    from llmrepl_textual.app import FullScreen

    class Broken(FullScreen):
        def action_command_palette(self):
            secret = "in a variable"
            raise RuntimeError("it broke")

    import llmrepl_textual.app
    llmrepl_textual.app.FullScreen = Broken
    from llmrepl.__main__ import main

    sys.argv = ["llmrepl", *sys.argv[1:]]
    sys.exit(main())
"""
"""llmrepl with a bug behind F9."""


LONG = "rate: 20\n\n" + "word " * 500

BLOCK = """Look.

<helpers lang="bash">
getent passwd root
</helpers>"""
"""It starts a program of which nothing is known."""

EDITOR = """#!/bin/sh
name=$(basename "$1")
echo "$name" >> "$(dirname "$0")/seen"
printf '%s edited in %s\\n' "$(cat "$1")" "$name" > "$1.new" && mv "$1.new" "$1"
"""
"""An editor that adds some words, and notes what it was given."""

EDIT = "\x18\x05"
"""Ctrl-X Ctrl-E."""


def log(machine):
    """Return the records of the session."""
    return machine.log("s")[1:]


def until(terminal, true, seconds=60):
    """Wait until `true()` is; what is drawn meanwhile is read, so that more can be."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, terminal.news
        terminal.settle(0.1)


def rings(terminal):
    """Return how often the bell rang; one that ends a command to the terminal is none."""
    return re.sub(rb"\x1b\][^\x07\x1b]*\x07", b"", terminal.raw).count(b"\x07")


def state(pid):
    """Return the letter of a process's state: T where it is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def answered(terminal, key, true):
    """Answer a question; a key that came too soon was for nobody, and is pressed again."""
    while not true():
        terminal.settle()
        time.sleep(2 * GRACE)
        terminal.type(key)
        terminal.settle()


def after(terminal):
    """Return what the terminal was sent when the full screen was gone."""
    raw = terminal.raw.decode("utf-8", "ignore")
    assert ON in raw
    return raw[raw.rindex(OFF) :]


@pytest.fixture
def tui(terminals):
    """Start the full screen, ready to take keys."""

    def start(*args, **env):
        terminal = terminals("tui", *args, **env)
        terminal.appear("approval a")  # ask or auto
        return terminal

    return start


def test_leaving_prints_the_last_turn_and_how_to_resume(machine, tui):
    terminal = tui("--model", machine.script("One.", "The **last** answer."), "--session", "s")
    terminal.say("first")
    terminal.appear("One.")
    terminal.say("second")
    terminal.appear("answer")
    terminal.settle()
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    left = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", after(terminal))
    assert "❯ second" in left
    assert "The last answer." in left
    assert "first" not in left
    assert "To resume this session: llmrepl tui s" in left
    assert [line["type"] for line in machine.log("s")[1:]].count("turn.finished") == 2


def test_a_long_turn_rings_and_the_title_tells_how_it_stands(machine, tui):
    machine.configure("[ui]\nbell = 0.01\n")
    terminal = tui("--model", machine.script("delay: 0.1\n\nYes."), "--session", "s")
    terminal.say("first")
    terminal.appear("Yes.")
    until(terminal, lambda: rings(terminal) == 1)
    assert terminal.raw.count(b"\x1b]2;llmrepl: first \xc2\xb7 done\x1b\\") == 1
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    assert after(terminal).count(RESTORE) == 1


def test_nothing_rings_where_no_bell_is_wanted(machine, tui):
    machine.configure("[ui]\nbell = 0\ntitle = false\n")
    terminal = tui("--model", machine.script(BLOCK, "Done."), "--net", "example.org")
    terminal.say("look")
    terminal.appear("Run this bash block")
    answered(terminal, "n", lambda: "Done." in terminal.text)
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    assert rings(terminal) == 0
    assert b"\x1b]2;" not in terminal.raw


def test_leaving_prunes_where_the_setting_says_so(machine, tui):
    model = machine.script("Yes.")
    machine.run("run", "--model", model, "--session", "old", "Something.")
    os.utime(machine.sessions / "old.jsonl", (0, 0))
    machine.configure("[sessions]\nkeep_days = 30\nprune = true\n")
    terminal = tui("--model", model, "--session", "s")
    terminal.say("first")
    terminal.appear("Yes.")
    terminal.settle()
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    assert "llmrepl: pruned 1 session: old" in after(terminal)
    assert [path.name for path in machine.sessions.glob("*.jsonl")] == ["s.jsonl"]


def test_a_crash_loses_no_record_restores_the_terminal_and_shows_no_variables(machine, tui):
    script = machine.script("It is kept.")
    command = (sys.executable, "-c", CRASH)
    terminal = tui("--model", script, "--session", "s", command=command)
    terminal.say("first")
    terminal.appear("kept.")
    terminal.settle()
    terminal.type(F9)
    assert terminal.end() == 1
    left = after(terminal)
    assert "it broke" in left
    assert "in a variable" not in left.replace('secret = "in a variable"', "")
    assert "To resume this session: llmrepl tui s" in left
    assert machine.log("s")[-1]["type"] == "turn.finished"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_it_ends_in_order_when_it_is_told_to(machine, tui, ending):
    terminal = tui("--model", machine.script(LONG), "--session", "s")
    terminal.say("go")
    terminal.appear("word word")
    os.kill(terminal.pid, ending)
    assert terminal.end() == 0
    assert "To resume this session: llmrepl tui s" in after(terminal)
    (finished,) = [line for line in machine.log("s")[1:] if line["type"] == "turn.finished"]
    assert finished["data"]["reason"] == "cancelled"


def test_a_terminal_that_is_gone_ends_it_and_the_records_are_there(machine, tui):
    terminal = tui("--model", machine.script(LONG), "--session", "s")
    terminal.say("go")
    terminal.appear("word word")
    terminal.hang_up()
    (finished,) = [line for line in log(machine) if line["type"] == "turn.finished"]
    assert finished["data"]["reason"] == "cancelled"
    assert machine.run("sessions", "show", "s", "--json").code == 0


def test_killed_at_once_it_has_lost_nothing_and_goes_on_with_the_turn(machine, tui):
    block = '<helpers lang="bash">\necho it $((40+2)) began; sleep 60\n</helpers>'
    script = machine.script(block, "Done.")
    terminal = tui("--model", script, "--session", "s", "--approval", "auto")
    terminal.say("go")
    terminal.appear("it 42 began")
    before = log(machine)
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.end() != 0
    assert log(machine)[: len(before)] == before
    assert before[-1]["type"] == "tool.started"
    again = tui("s", "--model", script, "--approval", "auto")
    until(again, lambda: [line for line in log(machine) if line["type"] == "turn.finished"])
    again.settle()
    again.type(CTRL_Q)
    assert again.end() == 0
    (result,) = [line for line in log(machine) if line["type"] == "tool.finished"]
    assert result["data"]["status"] == "unknown"


def test_an_editor_has_the_terminal_for_the_prompt_for_a_block_and_to_look(machine, tui):
    editor = machine.root / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    script = machine.script(BLOCK, "Done.")
    wide = ("--net", "example.org")  # so that what is not known is asked about
    terminal = tui("--model", script, "--session", "s", *wide, EDITOR=str(editor))
    terminal.type("first")
    terminal.appear("first")
    terminal.type(EDIT)
    terminal.appear("first edited in prompt.md")
    terminal.type(ENTER)
    terminal.appear("Run this bash block?")
    answered(terminal, "e", lambda: "opens your editor" in terminal.text)
    terminal.type(EDIT)
    terminal.appear("edited in block.sh")
    terminal.type(CTRL_S)
    answered(terminal, "y", lambda: "approval.decided" in [each["type"] for each in log(machine)])
    terminal.appear("Done.")
    terminal.settle()
    terminal.type(F4)
    terminal.appear("Block before")
    terminal.settle()
    terminal.type("o")
    seen = machine.root / "seen"
    until(terminal, lambda: seen.exists() and seen.read_text().count("\n") == 3)
    terminal.settle()
    terminal.type(CTRL_Q)
    assert terminal.end() == 0
    assert seen.read_text().split()[:2] == ["prompt.md", "block.sh"]
    (started,) = [line for line in log(machine) if line["type"] == "turn.started"]
    assert started["data"]["prompt"][0]["text"] == "first edited in prompt.md"
    (decided,) = [line for line in log(machine) if line["type"] == "approval.decided"]
    assert decided["data"]["arguments"]["code"].endswith("edited in block.sh\n")


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(machine, tui):
    terminal = tui("--model", machine.script("Hello."), "--session", "s")
    terminal.type(CTRL_Z)
    until(terminal, lambda: state(terminal.pid) == "T")
    assert ON not in after(terminal)
    os.kill(terminal.pid, signal.SIGCONT)
    until(terminal, lambda: ON in after(terminal))
    until(terminal, lambda: "approval ask" in after(terminal).rpartition(ON)[2])
    terminal.say("hi")
    terminal.appear("Hello.")
    terminal.type(CTRL_Q)
    assert terminal.end() == 0


def test_without_a_terminal_it_says_what_to_use(machine):
    ran = machine.run("tui")
    assert (ran.code, ran.out) == (2, "")
    assert "the full screen needs a terminal" in ran.err


def test_alt_enter_begins_a_line_and_enter_sends(machine, tui):
    terminal = tui("--model", machine.script("Hello."), "--session", "s")
    terminal.type("one")
    terminal.settle()
    terminal.type(ALT_ENTER)
    terminal.settle()
    terminal.say("two")
    terminal.appear("Hello.")
    terminal.settle()
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    (started,) = [line for line in machine.log("s")[1:] if line["type"] == "turn.started"]
    assert started["data"]["prompt"][0]["text"] == "one\ntwo"


def test_what_was_typed_and_not_sent_is_not_lost(machine, tui):
    terminal = tui("--model", machine.script("Hello."))
    terminal.type("half a line")
    terminal.appear("half a line")
    terminal.type(CTRL_Q)
    assert terminal.end() == 0
    assert "not sent: half a line" in after(terminal)


def test_a_paste_with_control_sequences_sends_nothing_and_reaches_no_terminal(machine, tui):
    terminal = tui("--model", machine.script("Hello."), "--session", "s")
    terminal.type("\x1b[200~one\r\x1b]0;owned\x07\x1b[31mtwo\x1b[0m\rthree\x1b[201~")
    terminal.appear("three")
    terminal.settle()
    assert b"\x1b]0;" not in terminal.raw
    with pytest.raises(FileNotFoundError):  # nothing has been recorded
        log(machine)
    terminal.type(ENTER)
    terminal.appear("Hello.")
    terminal.settle()
    terminal.type(CTRL_Q)
    assert terminal.end() == 0
    (started,) = [line for line in log(machine) if line["type"] == "turn.started"]
    text = started["data"]["prompt"][0]["text"]
    assert text == "one\n\x1b]0;owned\x07\x1b[31mtwo\x1b[0m\nthree"


def test_a_large_paste_that_was_not_sent_is_printed_and_obeyed_by_no_terminal(machine, tui):
    terminal = tui("--model", machine.script("Hello."))
    pasted = "\r".join(f"line {number} \x1b]0;owned\x07" for number in range(40))
    terminal.type(f"\x1b[200~{pasted}\x1b[201~")
    terminal.appear("Pasted text #1")
    terminal.settle()
    terminal.type(CTRL_Q)
    assert terminal.end() == 0
    assert "not sent: line 0" in after(terminal)
    assert "line 39" in after(terminal)
    assert "\x1b]0;" not in after(terminal)


def test_without_colours_all_is_to_be_read(machine, tui):
    terminal = tui("--model", machine.script("Hello."), NO_COLOR="1", COLORTERM="truecolor")
    terminal.say("hi")
    terminal.appear("Hello.")
    terminal.settle()
    terminal.type(CTRL_Q)
    assert terminal.end() == 0
    codes = b";".join(re.findall(rb"\x1b\[([0-9;]*)m", terminal.raw)).split(b";")
    assert not {*map(int, filter(None, codes))} - {0, 1, 2, 3, 4, 7, 9, 22, 39, 49}


def test_a_session_that_cannot_be_opened_is_said_when_the_screen_is_gone(machine, terminals):
    terminal = terminals("tui", "nosuch")
    terminal.appear("no session is open")
    terminal.settle()
    terminal.type(CTRL_Q)
    assert terminal.end() == 1
    assert "there is no session 'nosuch'" in after(terminal)
