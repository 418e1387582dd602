"""Health in a chat: `/check`, and the line about it that a chat begins with."""

import re

from tests.cli.machine import WITHOUT_BUBBLEWRAP
from tests.health import faults
from tests.health.faults import package
from tests.repl.conftest import chat, terminals
from tests.repl.terminal import PROMPT

__all__ = ["chat", "terminals"]

NEVER = """
import asyncio
from llmrepl.compose.checks import machine
from llmrepl.repl import looking

async def never(site):
    await asyncio.Event().wait()

machine.disk, looking.PATIENCE = never, 3600
"""


def test_checks_can_be_named(machine, chat):
    terminal = chat("--model", "demo/assistant")
    terminal.say("/check python sessions")
    terminal.wait("✓ python: ", "✓ sessions: ", PROMPT)
    terminal.say("/check pyhton")
    terminal.wait("no check is called pyhton", "there are: configuration, python", PROMPT)
    assert terminal.leave() == 0


def test_a_chat_says_in_one_line_what_is_wrong(machine, serve, chat):
    faults.a_usage_database_that_is_damaged(machine, serve)
    terminal = chat("--model", "demo/assistant")
    terminal.appear("usage: the usage database")
    terminal.appear("/check tells all of it")
    assert terminal.leave() == 0


def test_a_chat_on_a_sound_machine_says_so_in_one_dim_line(machine, serve, chat):
    server = serve("Hello.")
    terminal = chat("--model", "openai/x")
    terminal.appear("check: all well (")
    terminal.settle()
    assert re.search(r"✓ check: all well \(\d+\.\d s\)\s", terminal.text)
    assert terminal.text.count("check: ") == 1
    assert re.search(rb"\x1b\[2m[^\x1b]*check: all well", terminal.raw)
    assert not server.requests  # no heartbeat: no money goes unasked
    assert terminal.leave() == 0


def test_where_there_is_no_sandbox_all_else_is_well(machine, terminals):
    demo = ("--model", "demo/assistant")
    terminal = terminals(*demo, command=WITHOUT_BUBBLEWRAP)
    terminal.appear("✗ sandbox: ", "✓ check: all else is well (", PROMPT)
    assert terminal.leave() == 0


def test_the_prompt_waits_for_no_check(machine, chat):
    """A check that never ends: there is a turn before it is given up."""
    folder = package(machine, "slow")
    (folder / "sitecustomize.py").write_text(NEVER)
    terminal = chat("--model", machine.script("Hello."))
    terminal.turn("hello", "Hello.")
    assert "check: " not in terminal.text
    assert terminal.leave() == 0


def test_a_program_is_told_nothing_of_it(machine):
    ran = machine.run("run", "--model", machine.script("Hello."), "hello")
    assert (ran.out, "check" in ran.err) == ("Hello.\n", False)
