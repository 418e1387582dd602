"""What a chat begins with: its first line at once, and below it what its display shows."""

import io

from llmrepl.displays.plain import PlainDisplay
from llmrepl.events import CheckFinished, Custom
from llmrepl.ports import Surface
from llmrepl.record import Record
from tests.cli.machine import WITHOUT_BUBBLEWRAP
from tests.repl.terminal import PROMPT


def test_a_welcome_stands_above_the_first_prompt_and_is_not_logged(machine, chat):
    model = machine.script("Hello.")
    terminal = chat("--model", model, "--session", "s")
    rows = ("model    scripted/", "sandbox  full sandbox: writes a copy of", "session  s\n")
    terminal.appear(*rows)
    at = [terminal.text.index(row) for row in ("llmrepl 0.", *rows)]
    assert at == sorted(at)
    terminal.type("half a")
    terminal.wait("❯ half a")
    terminal.turn(" thought", "Hello.")
    assert terminal.leave() == 0
    assert [record["type"] for record in machine.log("s")[1:3]] == ["turn.started", "system.set"]

    again = chat("--model", model, "--resume", "s")
    again.settle()
    assert "session  s" not in again.text
    assert again.leave() == 0


def test_a_command_that_is_typed_at_once_stands_below_the_welcome(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--no-save")
    terminal.say("/cost")
    terminal.wait("session  not saved", "❯ /cost", "last turn", PROMPT)
    assert terminal.leave() == 0


def test_a_sandbox_that_cannot_start_is_told_with_what_mends_it(machine, terminals):
    for display, mark in (("auto", "✗ sandbox: "), ("plain", "✗ sandbox: ")):
        command = (*WITHOUT_BUBBLEWRAP, "--model", machine.script("Hello."), "--display", display)
        terminal = terminals(command=command)
        terminal.wait("Ctrl-D to leave", mark, "bubblewrap", PROMPT)
        assert terminal.leave() == 0


def test_the_plain_display_tells_what_is_known():
    stream = io.StringIO()
    display = PlainDisplay(Surface(stream=stream))
    welcome = Custom(name="welcome", data={"model": "a/b\x1b[2J", "session": "s"})
    check = CheckFinished(name="sandbox", status="warning", message="slow", fix="mend it")
    for event in (welcome, check, Custom(name="other", data={})):
        display.show(Record(0, 0, 0, 0, event))
    assert stream.getvalue() == "model: a/b\nsession: s\n! sandbox: slow\n    mend it\n"
