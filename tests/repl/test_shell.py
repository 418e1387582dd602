"""What a person runs in the sandbox with `!` and `!!`, and what becomes of it."""

import pytest

from llmrepl.cli.weaker import PHRASE
from llmrepl.testing import ModelServer
from tests.cli.machine import until
from tests.repl.terminal import CTRL_C, NEW_LINE, PROMPT
from tests.repl.test_audited import audited


def bash(code):
    return f'Now.\n\n<helpers lang="bash">\n{code}\n</helpers>\n'


def events(machine, session, kind):
    return [r["data"] for r in machine.log(session)[1:] if r["type"] == kind]


def ran(terminal, command, *texts):
    """Run a command and wait for `texts`, its end and the next prompt."""
    terminal.say(command)
    terminal.wait("╭─ bash · typed", *texts, PROMPT)


@pytest.fixture
def server(machine):
    with ModelServer(["Hello."] * 9, models=("x",)) as server:
        machine.env["OPENAI_BASE_URL"] = f"{server.url}/v1"
        yield server


def sent(server):
    """Everything of the last request but the system prompt."""
    return [m["content"] for m in server.requests[-1].body["messages"] if m["role"] != "system"]


def test_a_command_is_shown_as_a_block_and_goes_to_the_model_with_the_next_prompt(
    machine, chat, server
):
    terminal = chat("--model", "openai/x", "--session", "mine")
    ran(terminal, "!echo seen; exit 3", "│ echo seen; exit 3", "  seen", "exit code 3")
    terminal.turn("what was that?", "Hello.")
    (message,) = sent(server)
    assert message.startswith("The person ran this themselves, in the same sandbox:\n<results>")
    assert 'status="error" exit_code="3"' in message
    assert "echo seen; exit 3" in message
    assert message.endswith("</results>\n\nwhat was that?")
    terminal.turn("and again", "Hello.")
    assert sent(server)[0] == message
    assert terminal.leave() == 0
    (asked,) = events(machine, "mine", "tool.requested")
    assert (asked["origin"], asked["arguments"]["code"]) == ("person", "echo seen; exit 3")


def test_a_command_with_two_marks_is_kept_in_the_log_and_from_the_model(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    ran(terminal, "!!echo unseen", "not for the model", "  unseen", "✓ ok")
    terminal.turn("hello", "Hello.")
    assert sent(server) == ["hello"]
    assert terminal.leave() == 0
    (ended,) = events(machine, "mine", "tool.finished")
    assert ended["parts"][0]["text"] == "unseen\n"

    again = chat("--resume", "mine")
    assert "╭─ bash · typed, not for the model" in again.text
    again.turn("hello again", "Hello.")
    assert sent(server)[0] == "hello"
    assert again.leave() == 0


def test_commands_and_blocks_share_directory_and_variables(machine, chat):
    code = "echo $PLANET; pwd; mkdir -p /tmp/b; cd /tmp/b; export MOON=luna"
    model = machine.script(bash(code), "There.")
    terminal = chat("--model", model, "--session", "mine")
    ran(terminal, "!mkdir /tmp/a; cd /tmp/a; export PLANET=mars", "✓ ok")
    terminal.turn("go", "mars", "/tmp/a", "✓ ok", "There.")
    ran(terminal, "!echo $MOON; pwd", "luna", "/tmp/b", "✓ ok")
    assert terminal.leave() == 0


def test_a_command_of_several_lines_is_one_command(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    ran(
        terminal,
        f"!for n in 1 2 3; do{NEW_LINE}echo line $n{NEW_LINE}done",
        "│ echo line $n",
        "  line 1",
        "  line 3",
        "✓ ok",
    )
    assert terminal.leave() == 0


def test_the_mark_alone_says_how_it_is_used(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    for alone in ("!", "!!", " ! "):
        terminal.say(alone)
        terminal.wait("there is no command behind the !", "!!COMMAND does not tell it", PROMPT)
    assert terminal.leave() == 0
    assert not machine.sessions.exists()


def test_ctrl_c_ends_a_command_and_keeps_its_output(machine, chat):
    sleep = f"25.{machine.mark}"
    terminal = chat("--model", machine.script("Hello."), "--session", "mine")
    terminal.say(f"!echo so far; sleep {sleep}")
    terminal.wait("  so far")
    terminal.type(CTRL_C)
    terminal.wait("✗ cancelled", PROMPT)
    assert machine.processes(f"sleep\0{sleep}") == []
    terminal.turn("hello", "Hello.")
    assert terminal.leave() == 0
    (ended,) = events(machine, "mine", "tool.finished")
    assert (ended["status"], ended["parts"][0]["text"]) == ("cancelled", "so far\n")


def test_commands_are_audited_and_secrets_in_them_are_not_written_down(machine, chat):
    terminal = chat(
        "--model", machine.script("Hello."), "--session", "mine", API_TOKEN="hunter2xyz"
    )
    ran(terminal, "!echo [hunter2xyz]; printf %s hunter2xyz | wc -c", "  10", "✓ ok")
    assert terminal.leave() == 0
    assert "hunter2xyz" not in (machine.sessions / "mine.jsonl").read_text()
    (started,) = audited(machine, "tool.started")
    (finished,) = audited(machine, "tool.finished")
    assert started["first_line"].startswith("echo [[redacted:API_TOKEN]]")
    assert started["sha256"] == finished["sha256"]
    assert started["session"] == "mine"


def test_a_rule_that_denies_holds_for_what_the_person_types_and_is_named(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--session", "mine")
    terminal.say("/permissions add deny bash: rm")
    terminal.wait("added", PROMPT)
    ran(terminal, "!rm script.txt", "✗ denied", "rule “deny bash: rm” forbids it")
    assert terminal.leave() == 0
    assert audited(machine, "tool.started") == []


def test_what_would_be_asked_about_is_allowed_by_having_been_typed(machine, chat):
    model = machine.script("Hello.")
    terminal = chat("--model", model, "--write", ".", "--session", "mine")
    ran(terminal, "!echo typed > new", "allowed (once) by person", "A new +1", "✓ ok")
    assert (machine.project / "new").read_text() == "typed\n"
    terminal.say("/undo files")
    terminal.wait("undone    new", PROMPT)
    assert not (machine.project / "new").exists()
    assert terminal.leave() == 0
    (decided,) = audited(machine, "approval.decided")
    assert (decided["decision"], decided["by"]) == ("once", "person")


def test_without_a_sandbox_a_command_needs_no_second_yes(machine, terminals):
    terminal = terminals("--sandbox", "off", "--model", machine.script("Hello."))
    terminal.wait("to go on: ")
    terminal.say(PHRASE)
    terminal.wait("Ctrl-D to leave", PROMPT)
    made = machine.project / "made"
    terminal.say(f"!echo x > {made}")
    terminal.wait("✓ ok", PROMPT)
    assert made.read_text() == "x\n"
    assert terminal.leave() == 0


def test_a_command_that_a_crash_cut_off_is_closed_and_not_run_again(machine, chat):
    model = machine.script("Hello.")
    terminal = chat("--model", model, "--session", "mine")
    terminal.say("!echo begun; sleep 25")
    terminal.wait("  begun")
    terminal.kill()
    again = chat("--model", model, "--resume", "mine")
    until(lambda: again.settle(0.1) or "? unknown" in again.text)
    again.turn("hello", "Hello.")
    assert again.leave() == 0
    assert len(events(machine, "mine", "tool.started")) == 1


def test_the_demonstration_is_not_confused_by_commands(machine, chat):
    terminal = chat()
    ran(terminal, "!echo one", "✓ ok")
    ran(terminal, "!echo two", "✓ ok")
    terminal.turn("what is 17 * 23?", "391")
    assert terminal.leave() == 0
