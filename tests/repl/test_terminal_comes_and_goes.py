"""Suspending, hanging up, resizing and a full disk in the middle of a turn: nothing is lost."""

import re
import resource

import pytest

from llmrepl.testing import Reply
from tests.cli.machine import LLMREPL, until
from tests.repl.terminal import CTRL_D, CTRL_Z, PROMPT

WORDS = [f"word{number:03}" for number in range(200)]
PARAGRAPHS = "\n\n".join(" ".join(WORDS[at : at + 10]) for at in range(0, 200, 10))
SLOW = f"rate: 150\n\n{PARAGRAPHS}"


def reasons(machine):
    return [r["data"]["reason"] for r in machine.log("s")[1:] if r["type"] == "turn.finished"]


@pytest.fixture
def shell(machine, terminals):
    """Start an interactive shell, with a prompt that nothing else writes."""
    terminal = terminals(
        command=("bash", "--norc", "--noprofile", "-i"), PS1="shell> ", HISTFILE="/dev/null"
    )
    terminal.wait("shell> ")
    return terminal


def test_ctrl_z_suspends_a_turn_and_fg_brings_it_back(machine, shell):
    shell.say(f"{LLMREPL} --model {machine.script(SLOW, 'Second.')} --session s")
    shell.wait("Ctrl-D to leave", PROMPT)
    shell.say("begin")
    shell.wait("word000", "word020")
    shell.type("half a")
    shell.wait("half a")
    shell.type(CTRL_Z)
    shell.wait("Stopped", "shell> ")
    shell.say("echo in the $((40 + 2))")
    shell.wait("in the 42", "shell> ")
    shell.say("fg")
    shell.wait("❯ half a", "word199", " · session $", "❯ half a")
    shell.say(" thought")
    shell.wait("❯ half a thought", "Second.", PROMPT)
    shell.type(CTRL_D)
    shell.wait("llmrepl --resume s", "shell> ")
    assert reasons(machine) == ["end_turn", "end_turn"]
    assert inscribed(shell) == WORDS
    shell.say("stty -a")
    assert " echo " in shell.wait("shell> ")


def inscribed(terminal):
    """Return the words of the lines that were printed, and not those that were staged."""
    found = []
    for word in re.findall(r"word\d{3}", terminal.text):
        if word not in found:
            found.append(word)
    return found


@pytest.mark.covers("ctrl-z")
def test_ctrl_z_at_an_idle_prompt_suspends_too(machine, shell):
    shell.say(f"{LLMREPL} --model {machine.script('Hello.')} --session s")
    shell.wait("Ctrl-D to leave", PROMPT)
    shell.type("hello")
    shell.wait("hello")
    shell.type(CTRL_Z)
    shell.wait("Stopped", "shell> ")
    shell.say("fg")
    shell.wait("❯ hello")
    shell.say("")
    shell.wait("Hello.", PROMPT)
    shell.type(CTRL_D)
    shell.wait("shell> ")


def test_ctrl_z_at_a_question_suspends_and_fg_asks_on(machine, shell):
    block = "Look.\n\n<helpers lang=bash>\ngetent passwd root; echo it ran\n</helpers>\n"
    script = machine.script(block, "Done.")
    shell.say(f"{LLMREPL} --model {script} --net example.org --session s")
    shell.wait("Ctrl-D to leave", PROMPT)
    shell.say("go")
    shell.wait("no, and say why")
    shell.settle(0.5)
    shell.type(CTRL_Z)
    shell.wait("Stopped", "shell> ")
    shell.say("fg")
    shell.wait("no, and say why")
    shell.settle(0.5)
    shell.type("y")
    shell.wait("allowed (once) by person", "it ran", "Done.", PROMPT)
    shell.type(CTRL_D)
    shell.wait("shell> ")


def test_a_terminal_that_is_gone_ends_the_chat_in_order(machine, chat):
    sleep = f"25.{machine.mark}"
    block = f"Wait.\n\n<helpers lang=bash>\necho so far; sleep {sleep}\n</helpers>\n"
    model = machine.script(block, "Second.")
    terminal = chat("--model", model, "--session", "s")
    terminal.say("begin")
    terminal.wait("  so far")
    until(lambda: machine.processes(f"sleep\0{sleep}"))
    terminal.hang_up()
    assert machine.processes() == []
    assert reasons(machine) == ["cancelled"]
    again = chat("--model", model, "--resume", "s")
    assert "so far" in again.text
    again.turn("next", "Second.")
    assert again.leave() == 0


def test_a_terminal_that_is_gone_in_the_middle_of_an_answer_leaves_what_came(machine, chat):
    terminal = chat("--model", machine.script(SLOW, "Second."), "--session", "s")
    terminal.say("begin")
    terminal.wait("word000", "word010")
    terminal.hang_up()
    assert reasons(machine) == ["cancelled"]
    assert machine.processes() == []
    (said,) = [r["data"] for r in machine.log("s")[1:] if r["type"] == "message.finished"]
    assert said["parts"][0]["text"].startswith("word000 word001")


def test_an_idle_chat_ends_with_its_terminal(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--session", "s")
    terminal.turn("hello", "Hello.")
    terminal.hang_up()
    assert machine.processes() == []


@pytest.mark.parametrize("columns", [40, 200])
def test_a_resize_in_the_middle_of_an_answer_loses_nothing(machine, chat, columns):
    terminal = chat("--model", machine.script(SLOW), "--session", "s")
    terminal.resize(80)
    terminal.say("begin")
    terminal.wait("word000", "word030")
    terminal.resize(columns)
    terminal.wait("word199", "session $", PROMPT)
    assert inscribed(terminal) == WORDS
    assert terminal.leave() == 0


def test_a_disk_that_fills_up_in_a_turn_is_said_and_loses_nothing(machine, serve, chat):
    serve(Reply(PARAGRAPHS, rate=400), "Second.", "Third.", stateless=True)
    terminal = chat("--model", "openai/x", "--session", "s")
    terminal.say("begin")
    terminal.wait("word000", "word010")
    log = machine.sessions / "s.jsonl"
    limit = (log.stat().st_size + 100, resource.RLIM_INFINITY)
    resource.prlimit(terminal.pid, resource.RLIMIT_FSIZE, limit)
    terminal.say("two")
    terminal.wait("── 1 queued", "error: cannot write to", "free some space", "❯ two")
    assert inscribed(terminal) == WORDS
    resource.prlimit(terminal.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    terminal.say("")
    terminal.wait("the last turn was not finished", "word199", "❯ two", "Second.", PROMPT)
    assert terminal.leave() == 0
    assert reasons(machine) == ["end_turn", "end_turn"]


def test_a_message_that_a_full_disk_cannot_take_is_handed_back(machine, chat):
    terminal = chat("--model", machine.script("First.", "Second."), "--session", "s")
    terminal.turn("begin", "First.")
    size = (machine.sessions / "s.jsonl").stat().st_size
    resource.prlimit(terminal.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    terminal.say("more")
    terminal.wait("error: cannot write to", "❯ more")
    resource.prlimit(terminal.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    terminal.say("")
    terminal.wait("Second.", PROMPT)
    assert terminal.leave() == 0
