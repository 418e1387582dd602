"""The prompt is there while a turn runs: what is typed waits, steers, and is never lost."""

import json

import pytest

from llmrepl.testing import Reply
from tests.cli.machine import until
from tests.repl.terminal import (
    CTRL_C,
    CTRL_D,
    CTRL_S,
    CTRL_U,
    ENTER,
    ESC,
    PROMPT,
    UP,
)

STORY = "Once upon a time " + "and on and on " * 200
SLOW = f"rate: 40\n\n{STORY}"
SLEEPS = "Wait.\n\n<helpers lang=bash>\necho so far; sleep {}\n</helpers>\n"
WAITS = SLEEPS.format("0.02; until [ -s go ]; do sleep 0.02; done")
"""Runs until something is written into the file `go`, which a copy of the project shows."""


def events(machine, kind, session="s"):
    return [record["data"] for record in machine.log(session)[1:] if record["type"] == kind]


def prompts(machine, session="s"):
    return [event["prompt"][0]["text"] for event in events(machine, "turn.started", session)]


@pytest.fixture
def running(machine, chat):
    """Start a chat in the middle of a turn; the model answers with `replies` from then on."""

    def start(*replies, first=SLOW, seen="Once upon a time and on"):
        terminal = chat("--model", machine.script(first, *replies), "--session", "s")
        terminal.say("begin")
        terminal.wait(seen)
        return terminal

    return start


@pytest.fixture
def asked(machine, serve, chat):
    """Start a chat that waits for the model; the server that comes along answers once let go."""

    def start(*replies, flags=()):
        server = serve(*replies)
        server.held = True
        terminal = chat("--model", "openai/x", "--session", "s", *flags)
        terminal.say("begin")
        terminal.wait("Waiting for")
        return terminal, server

    return start


@pytest.fixture
def go(machine):
    """Let a block go on that `WAITS`."""
    file = machine.project / "go"
    file.touch()
    return lambda: file.write_text("on")


# The queue


def test_queued_messages_are_seen_and_sent_in_order(machine, asked):
    terminal, server = asked("First.", "Second.", "Third.")
    terminal.say("two")
    terminal.wait("── 1 queued", "  two", PROMPT)
    terminal.say("three")
    terminal.wait("── 2 queued", "  two", "  three", PROMPT)
    server.held = False
    terminal.wait("First.", "❯ two", "Second.", "❯ three", "Third.", PROMPT)
    terminal.settle()
    assert "──" not in terminal.news
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "two", "three"]


def test_the_up_key_takes_the_last_queued_message_back_for_editing(machine, asked):
    terminal, server = asked("First.", "Second.", "Third.")
    terminal.say("two")
    terminal.say("thre")
    terminal.wait("── 2 queued")
    terminal.type(UP)
    terminal.wait("── 1 queued", "❯ thre")
    terminal.say("e")
    terminal.wait("── 2 queued", "three")
    server.held = False
    terminal.wait("First.", "❯ two", "Second.", "❯ three", "Third.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "two", "three"]


def test_commands_wait_for_their_turn_too(machine, asked):
    terminal, server = asked("First.", "Second.")
    terminal.say("/cost")
    terminal.wait("── 1 queued", "  /cost")
    terminal.say("two")
    terminal.wait("── 2 queued", "  two")
    server.held = False
    terminal.wait("First.", "❯ /cost", "last turn", "session", "❯ two", "Second.", PROMPT)
    assert terminal.leave() == 0


# Interrupting


@pytest.mark.covers("escape", "ctrl-c")
@pytest.mark.parametrize("key", [ESC, CTRL_C])
def test_an_interrupted_turn_keeps_its_text_and_hands_back_what_waits(machine, running, key):
    terminal = running("Second.")
    terminal.say("two")
    terminal.say("three")
    terminal.wait("── 2 queued")
    terminal.type("half a")
    terminal.wait("half a")
    terminal.type(key)
    terminal.wait("stopped: a person interrupted", "❯ two", "three", "half a")
    terminal.say(" thought")
    terminal.wait("Second.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "two\nthree\nhalf a thought"]
    (said, _) = events(machine, "message.finished")
    assert said["stop"] == "cancelled"
    assert said["parts"][0]["text"].startswith("Once upon a time")


def test_esc_ends_a_running_block_and_keeps_its_output(machine, running):
    sleep = f"25.{machine.mark}"
    terminal = running("Next.", first=SLEEPS.format(sleep), seen="  so far")
    until(lambda: machine.processes(f"sleep\0{sleep}"))
    terminal.type(ESC)
    terminal.wait("✗ cancelled", "stopped: a person interrupted", PROMPT)
    assert machine.processes(f"sleep\0{sleep}") == []
    (result,) = events(machine, "tool.finished")
    assert result["parts"][0]["text"] == "so far\n"
    terminal.turn("next", "Next.")
    assert terminal.leave() == 0


def test_esc_of_vi_leaves_insert_mode_first_and_interrupts_then(machine, chat):
    env = {"LLMREPL_UI_EDITING_MODE": "vi"}
    terminal = chat("--model", machine.script(SLOW), "--session", "s", **env)
    terminal.say("begin")
    terminal.wait("Once upon a time and on")
    terminal.type("x" + ESC)
    terminal.wait("and on", "and on")
    assert "stopped" not in terminal.text
    terminal.type(ESC)
    terminal.wait("stopped: a person interrupted")
    terminal.type(CTRL_C)
    assert terminal.leave() == 0


def test_a_new_line_with_alt_enter_does_not_interrupt(machine, asked):
    terminal, server = asked("First.", "Second.")
    terminal.type("one" + ESC + ENTER + "two" + ENTER)
    terminal.wait("── 1 queued", "  one two")
    server.held = False
    terminal.wait("First.", "Second.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "one\ntwo"]


def test_a_turn_that_fails_hands_back_what_waits(machine, asked):
    terminal, server = asked(Reply("Half an answer. ", error="broken"), "The next answer.")
    terminal.say("two")
    terminal.wait("── 1 queued")
    server.held = False
    terminal.wait("stopped: the model's service failed", "❯ two")
    terminal.say("")
    terminal.wait("The next answer.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "two"]


def test_ctrl_d_in_the_middle_of_a_turn_winds_it_down_first(machine, running):
    terminal = running()
    terminal.say("two")
    terminal.wait("── 1 queued")
    assert terminal.leave() == 0
    terminal.wait("stopped: a person interrupted", "not sent: two", "llmrepl --resume s")
    assert [event["reason"] for event in events(machine, "turn.finished")] == ["cancelled"]
    assert machine.processes() == []


@pytest.mark.covers("ctrl-d")
def test_ctrl_d_leaves_only_where_the_prompt_is_empty(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    terminal.type("hm" + CTRL_D)
    terminal.turn("", "Hello.")
    assert terminal.leave() == 0


@pytest.mark.covers("escape escape")
def test_esc_twice_at_an_empty_prompt_edits_the_last_message(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    terminal.turn("hello", "Hello.")
    terminal.type(ESC)
    terminal.settle(0.1)
    terminal.type(ESC)
    terminal.wait("❯ /edit")
    terminal.type(CTRL_U + "again")
    terminal.say("")
    terminal.wait("❯ again", "Hello.", PROMPT)  # it stands where the first turn stood


# Steering


@pytest.mark.covers("ctrl-s")
def test_typed_text_steers_the_turn_with_the_next_results(machine, serve, chat, go):
    server = serve(WAITS, "In Celsius, then.", "Well.")
    terminal = chat("--model", "openai/x", "--session", "s")
    terminal.say("begin")
    terminal.wait("  so far")
    terminal.type("use Celsius" + CTRL_S)
    terminal.wait("── steering", "  use Celsius")
    go()
    terminal.wait("╰─ ✓ ok")
    terminal.wait("note: The person says, while you work: use Celsius", "In Celsius, then.", PROMPT)
    terminal.settle()
    assert "──" not in terminal.news
    sent = server.requests[-1].body["messages"][-1]["content"]
    assert sent.index("so far") < sent.index("The person says, while you work: use Celsius")
    assert terminal.leave() == 0
    kinds = [record["type"] for record in machine.log("s")[1:]]
    assert kinds[kinds.index("note.added") + 1] == "step.finished"

    again = chat("--model", "openai/x", "--resume", "s")
    assert "while you work: use Celsius" in again.text
    again.turn("next", "Well.")
    assert "use Celsius" in str(server.requests[-1].body["messages"])
    assert again.leave() == 0


def test_what_steers_is_text_and_what_it_mentions_is_not_attached(machine, running, go):
    (machine.project / "data.csv").write_text("a,b\n")
    terminal = running("Fine.", first=WAITS, seen="  so far")
    terminal.type("look at @data.csv")
    terminal.wait("data.csv")
    terminal.type(CTRL_S)
    terminal.wait("not attached: data.csv: Ctrl-S sends text, Enter files with it")
    go()
    terminal.wait("while you work: look at @data.csv", "Fine.", PROMPT)
    assert terminal.leave() == 0


def test_the_first_queued_message_steers_where_nothing_is_typed(machine, running, go):
    terminal = running("Fine.", "Next.", first=WAITS, seen="  so far")
    terminal.say("use Celsius")
    terminal.say("and then?")
    terminal.wait("── 2 queued")
    terminal.type(CTRL_S)
    terminal.wait("── steering", "  use Celsius", "── 1 queued", "  and then?")
    go()
    terminal.wait("while you work: use Celsius", "Fine.", "❯ and then?", "Next.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "and then?"]


def test_what_found_no_safe_point_is_the_next_message(machine, asked):
    terminal, server = asked("First.", "Second.")
    terminal.type("too late" + CTRL_S)
    terminal.wait("── steering", "  too late")
    server.held = False
    terminal.wait("First.", "❯ too late", "Second.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "too late"]
    assert events(machine, "note.added") == []


def test_what_should_have_steered_an_interrupted_turn_is_handed_back(machine, running):
    terminal = running("Second.")
    terminal.type("use Celsius" + CTRL_S)
    terminal.wait("── steering")
    terminal.type(ESC)
    terminal.wait("stopped: a person interrupted", "❯ use Celsius")
    terminal.say("")
    terminal.wait("Second.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "use Celsius"]


# Questions and output


def test_of_a_line_that_is_not_finished_the_end_is_seen(machine, chat):
    words = " ".join(f"word{number}" for number in range(400))
    model = machine.script(f"rate: 300\n\n{words}")
    terminal = chat("--model", model, "--display", "plain")
    terminal.resize(80, 12)
    terminal.say("begin")
    terminal.wait("word20 ", "word150 ", "session $", PROMPT)
    terminal.settle()
    printed = terminal.text[terminal.text.rindex("word0") :]
    assert words in printed.replace("\n", "")
    assert terminal.leave() == 0


def test_the_json_display_prints_whole_records(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--display", "json")
    terminal.say("begin")
    terminal.wait('"type": "turn.started"', '"type": "turn.finished"', PROMPT)
    terminal.settle()
    lines = [line for line in terminal.text.split("\n") if line.startswith("{")]
    assert [json.loads(line)["type"] for line in lines if "seq" in line][-1] == "turn.finished"
    assert terminal.leave() == 0


def test_the_prompt_steps_aside_for_a_question_with_its_text_kept(machine, asked):
    block = "Look.\n\n<helpers lang=bash>\ngetent passwd root\n</helpers>\n"
    terminal, server = asked(block, "Done.", "Second.", flags=("--net", "example.org"))
    terminal.type("half a")
    terminal.wait("half a")
    server.held = False
    terminal.wait("no, and say why")
    terminal.settle(0.6)
    assert "by person" not in terminal.text
    terminal.type("y")
    terminal.wait("allowed (once) by person", "❯ half a", "Done.", PROMPT)
    terminal.say(" thought")
    terminal.wait("❯ half a thought", "Second.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine) == ["begin", "half a thought"]


def test_what_is_inscribed_reads_in_order(machine, chat):
    block = "Look.\n\n<helpers>\nprint('one\\ntwo')\n</helpers>\n"
    terminal = chat("--model", machine.script(block, "It is *done*."))
    terminal.turn("go", "It is done.")
    terminal.say("/cost")
    terminal.wait("last turn", "session", PROMPT)
    terminal.settle()
    order = (
        *("❯ go", "Look.", "╭─ python", "│ print(", "  one", "  two", "╰─ ✓ ok"),
        *("It is done.", " · session $", "❯ /cost", "  last turn", "  session"),
    )
    places = [terminal.text.rindex(text) for text in order]
    assert places == sorted(places), terminal.text
    assert terminal.leave() == 0


def test_without_redrawing_turns_and_prompts_take_turns(machine, chat):
    terminal = chat("--model", machine.script("First.", "Second."), "--session", "s", TERM="dumb")
    terminal.turn("one", "First.")
    terminal.turn("two", "Second.")
    assert terminal.leave() == 0
    assert prompts(machine) == ["one", "two"]
