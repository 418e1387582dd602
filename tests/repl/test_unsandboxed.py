"""Without a sandbox: by a person's own word, in the chat, each block shown and asked about."""

import pytest

from llmrepl.cli.weaker import PHRASE
from tests.repl.terminal import PROMPT

BLOCK = 'Look.\n\n<helpers lang="bash">\necho made > {}; echo out\n</helpers>\n'
OFF = ("--sandbox", "off")


@pytest.fixture
def asked(machine, terminals):
    """Start chats without a sandbox, each at the question whether that is meant."""

    def start(*replies):
        model = machine.script(BLOCK.format(machine.project / "made"), *replies)
        terminal = terminals(*OFF, "--model", model)
        terminal.wait("NO SANDBOX (--sandbox off)", "can do whatever you can", "to go on: ")
        return terminal

    return start


def test_a_block_runs_after_the_phrase_and_a_yes(machine, asked):
    terminal = asked("It is done.")
    terminal.say(PHRASE)
    terminal.wait("Ctrl-D to leave", PROMPT)
    terminal.say("go")
    terminal.wait("echo made", "sandbox")
    terminal.settle(1.0)
    assert not (machine.project / "made").exists()
    terminal.type("y")
    terminal.wait("out", "It is done.", PROMPT)
    assert (machine.project / "made").read_text() == "made\n"
    terminal.appear("NO SANDBOX: blocks can do whatever you can")
    assert b"\x1b[0;97;41m" in terminal.raw
    terminal.say("/sandbox")
    terminal.wait("unsandboxed: NO SANDBOX", "Blocks can do whatever you can", PROMPT)
    assert terminal.leave() == 0


def test_a_block_that_is_refused_does_not_run(machine, asked):
    terminal = asked("I could not.")
    terminal.say(PHRASE)
    terminal.wait("Ctrl-D to leave", PROMPT)
    terminal.say("go")
    terminal.wait("echo made", "sandbox")
    terminal.settle(1.0)
    terminal.type("n")
    terminal.wait("I could not.", PROMPT)
    assert not (machine.project / "made").exists()
    assert terminal.leave() == 0


@pytest.mark.parametrize("answer", ["", "yes", "y", PHRASE.upper(), f"{PHRASE}!"])
def test_anything_but_the_phrase_starts_nothing(machine, asked, answer):
    terminal = asked()
    terminal.say(answer)
    terminal.wait("not confirmed, so nothing was started")
    assert terminal.end() == 3
    assert not (machine.project / "made").exists()


def test_approval_mode_auto_asks_all_the_same(machine, terminals):
    model = machine.script(BLOCK.format(machine.project / "made"), "I could not.")
    terminal = terminals(*OFF, "--approval", "auto", "--model", model)
    terminal.wait("to go on: ")
    terminal.say(PHRASE)
    terminal.wait("Ctrl-D to leave", PROMPT)
    terminal.say("go")
    terminal.wait("echo made", "sandbox")
    terminal.settle(1.0)
    terminal.type("n")
    terminal.wait("I could not.", PROMPT)
    assert not (machine.project / "made").exists()


def test_nobody_else_can_do_without_a_sandbox(machine):
    for args in (("chat", *OFF), ("run", *OFF, "go"), ("exec", *OFF)):
        ran = machine.run(*args, stdin="open('made', 'w')")
        assert ran.code in (2, 4), ran
        assert not (machine.project / "made").exists()
    for args, code in ((("exec",), 4), (("run", "go"), 4), (("check", "sandbox"), 1)):
        ran = machine.run(*args, stdin="open('made', 'w')", LLMREPL_SANDBOX_TIER="off")
        assert ran.code == code
        assert "a variable cannot choose: a person's own word alone" in ran.out + ran.err
    (machine.project / ".llmrepl.toml").write_text('sandbox.tier = "reduced"\n')
    assert "a project file cannot choose" in machine.run("exec", stdin="1").err
    (machine.project / ".llmrepl.toml").unlink()
    machine.configure('sandbox.tier = "off"\n')
    ran = machine.run("exec", stdin="1")
    assert ran.code == 4
    assert "a user file cannot choose" in ran.err
    assert "--sandbox" in ran.err


def test_the_reduced_sandbox_is_announced_in_the_chat(machine, terminals):
    model = machine.script("Hello.")
    terminal = terminals("--sandbox", "reduced", "--model", model)
    terminal.wait("REDUCED sandbox", "chmod", "Ctrl-D to leave", PROMPT)
    terminal.wait("REDUCED sandbox, read-only")
    terminal.say("/sandbox")
    terminal.wait("landlock: REDUCED sandbox", "whether any file exists", PROMPT)
    assert terminal.leave() == 0
