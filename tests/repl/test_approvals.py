"""What a person is asked before a block runs, and what their keys do."""

import stat

import pytest

from llmrepl.conversing.guard import GRACE as GRACE_SECONDS
from llmrepl.conversing.guard import Guard
from llmrepl.testing import Wire
from tests.repl.terminal import ALT_ENTER, CTRL_C, ENTER, NEW_LINE, PROMPT

QUESTION = "no, and say why"
"""The end of the line with the keys."""

GRACE = 0.5
"""Seconds after which a key counts."""

PASTED_YES = "\x1b[200~y\x1b[201~"

LINES = "print('it has ' + 'run')\ndef f(:"
BLOCK = f"Hm.\n\n<helpers>\n{LINES}\n</helpers>\nx = (\n</helpers>\n"
"""No reading of it compiles, so nobody can say where it ends."""

OPEN = 'Look.\n\n<helpers lang="bash">\ngetent passwd root; echo it has run\n</helpers>\n'
"""It starts a program of which nothing is known."""

WIDENED = ("--net", "example.org")
NETWORK = "no rule allows that it starts programs that may do anything"


def answer(terminal, keys, *texts):
    """Wait until keys count, and press some."""
    terminal.wait(QUESTION)
    terminal.settle(GRACE)
    terminal.type(keys)
    terminal.wait(*texts)


@pytest.fixture
def asked(serve, chat):
    """Start a chat in which the model sends a block that needs an answer, and goes on behind it."""

    def start(*more, first=BLOCK, args=(), **env):
        serve(first, *more, wire=Wire(obeys_stop=False))
        terminal = chat("--model", "openai/x", "--session", "s", *args, **env)
        terminal.say("go")
        return terminal

    return start


@pytest.fixture
def widened(machine, chat):
    """Start a chat in which the network is open and the model sends such blocks."""

    def start(*replies, **env):
        script = machine.script(*(replies or (OPEN, "Done.", OPEN, "Done again.")))
        terminal = chat("--model", script, "--session", "s", *WIDENED, **env)
        terminal.say("go")
        return terminal

    return start


def events(machine, kind):
    return [record["data"] for record in machine.log("s")[1:] if record["type"] == kind]


def rules_file(machine):
    return machine.user_file.with_name("permissions")


# Ambiguous blocks


def test_an_ambiguous_block_runs_when_the_person_says_yes(machine, asked):
    terminal = asked("Done.")
    terminal.wait("may have cut this block short")
    answer(terminal, "y", "allowed (once) by person", "SyntaxError", "Done.", PROMPT)
    assert terminal.leave() == 0
    types = [record.get("type") for record in machine.log("s")]
    assert types.index("approval.decided") < types.index("tool.started")


def test_no_rule_is_offered_for_an_ambiguous_block(asked):
    terminal = asked("Done.")
    line = terminal.wait(QUESTION)
    assert "always" not in line
    assert "this session" not in line
    answer_without_waiting(terminal, "n")
    terminal.wait("refused by person", "a person said no", "Done.", PROMPT)
    assert terminal.leave() == 0


def answer_without_waiting(terminal, keys):
    terminal.settle(GRACE)
    terminal.type(keys)


def test_keys_that_mean_nothing_answer_nothing(machine, asked):
    terminal = asked("Done.")
    terminal.wait(QUESTION)
    for key in (ENTER, "x", "a"):  # no rule can be added, so `a` is no answer here
        answer_without_waiting(terminal, key)
    answer_without_waiting(terminal, "n")
    terminal.wait("refused by person", "Done.", PROMPT)
    assert terminal.leave() == 0
    assert "tool.started" not in [record.get("type") for record in machine.log("s")]


def test_a_reason_goes_to_the_model(machine, asked):
    terminal = asked("Done.")
    answer(terminal, "r", "why not:")
    terminal.say("not on a Friday")
    terminal.wait("refused by person: not on a Friday", "✗ denied", "Done.", PROMPT)
    assert terminal.leave() == 0
    (finished,) = events(machine, "tool.finished")
    assert "not on a Friday" in finished["reason"]


def test_ctrl_c_while_a_reason_is_typed_goes_back_to_the_question(asked):
    terminal = asked("Done.")
    answer(terminal, "r", "why not:")
    terminal.type("hm" + CTRL_C)
    answer(terminal, "n", "refused by person", "Done.", PROMPT)
    assert terminal.leave() == 0


def test_ctrl_c_at_the_question_ends_the_turn(asked):
    terminal = asked("Never.")
    terminal.wait(QUESTION)
    terminal.type(CTRL_C)
    terminal.wait("stopped: a person interrupted", PROMPT)
    assert "Never." not in terminal.text
    assert terminal.leave() == 0


def test_ctrl_c_still_works_after_an_approval(asked):
    block = BLOCK.replace("<helpers>", "<helpers lang=bash>").replace(
        LINES, "echo so far; sleep 25\nfi"
    )
    terminal = asked("The next answer.", first=block)
    answer(terminal, "y", "allowed (once) by person", "  so far")
    terminal.type(CTRL_C)
    terminal.wait("stopped: a person interrupted", PROMPT)
    terminal.turn("And now?", "The next answer.")
    assert terminal.leave() == 0


# Stray keys


def test_keys_pressed_before_the_question_are_no_answer(machine, serve, chat):
    server = serve(BLOCK, "Done.", "Done again.", wire=Wire(obeys_stop=False))
    server.held = True
    terminal = chat("--model", "openai/x", "--session", "s")
    terminal.say("go")
    terminal.wait("Waiting for")
    terminal.type("y" + NEW_LINE + "y" + ENTER + PASTED_YES + "y")
    terminal.wait("── 1 queued", "❯ yy")
    server.held = False
    terminal.wait(QUESTION)
    terminal.settle(GRACE)
    assert "by person" not in terminal.text
    terminal.type("n")
    terminal.wait("refused by person", "❯ yy", "Done.", "Done again.", "❯ yy")
    terminal.type(CTRL_C)
    assert terminal.leave() == 0
    assert [event["prompt"][0]["text"] for event in events(machine, "turn.started")] == [
        "go",
        "y\ny",
    ]


def test_keys_in_the_grace_time_are_swallowed_and_start_it_again(asked):
    terminal = asked("Done.")
    terminal.wait(QUESTION)
    for _ in range(12):  # longer than the grace time in all
        terminal.type("y")
        terminal.settle(0.1)
    assert "by person" not in terminal.text
    answer_without_waiting(terminal, "n")
    terminal.wait("refused by person", "Done.", PROMPT)
    assert terminal.leave() == 0


def test_what_is_pasted_at_the_question_is_no_answer(asked):
    terminal = asked("Done.")
    terminal.wait(QUESTION)
    for pasted in ("yes please" + ENTER, PASTED_YES, "yy"):
        answer_without_waiting(terminal, pasted)
    terminal.settle(GRACE)
    assert "by person" not in terminal.text
    terminal.type("n")
    terminal.wait("refused by person", "Done.", PROMPT)
    assert terminal.leave() == 0


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_key_counts_when_none_came_for_the_grace_time():
    clock = Clock()
    guard = Guard(clock)
    for _ in range(5):
        clock.now += GRACE_SECONDS - 0.01
        assert guard.swallows()
    clock.now += GRACE_SECONDS
    assert not guard.swallows()
    assert not guard.swallows()
    guard.restart()
    assert guard.swallows()
    assert 0.35 <= GRACE_SECONDS <= 0.5


def test_a_chat_that_died_at_a_question_asks_it_again(machine, widened, terminals):
    terminal = widened(OPEN, "Done.")
    terminal.wait(QUESTION)
    terminal.kill()
    terminal = terminals("--model", machine.script("Done."), "--resume", "s", *WIDENED)
    terminal.wait("│ getent passwd root", NETWORK)
    answer(terminal, "y", "allowed (once) by person", "  it has run", PROMPT)
    assert terminal.leave() == 0
    types = [record["type"] for record in machine.log("s")[1:]]
    assert types.count("approval.requested") == 2
    assert types.count("tool.started") == 1


# Rules


def test_a_question_says_what_the_block_touches_with_dangers_first(widened):
    block = OPEN.replace("echo it has run", "rm -rf /srv; cat ./notes")
    terminal = widened(block, "Done.")
    terminal.wait(NETWORK)
    terminal.wait("! deletes /srv/ and everything in it", "· starts getent", "· reads ./notes")
    answer(terminal, "n", "refused by person", "Done.", PROMPT)
    assert terminal.leave() == 0


def test_a_narrow_terminal_breaks_the_question_between_words(widened):
    terminal = widened(OPEN, "Done.")
    terminal.wait(QUESTION)
    terminal.resize(80)
    terminal.wait("v never", "e edit", "n no", QUESTION)
    terminal.resize(44)
    terminal.wait("s yes, this session", "v never", "e edit", "n no", QUESTION)
    terminal.settle(GRACE)
    terminal.type("n")
    terminal.wait("refused by person", "Done.", PROMPT)
    assert terminal.leave() == 0


def test_nothing_is_asked_where_the_policy_is_not_widened(machine, chat):
    terminal = chat("--model", machine.script(OPEN, "Done."))
    terminal.turn("go", "it has run", "Done.")
    assert "by person" not in terminal.text
    assert terminal.leave() == 0


def test_yes_for_the_session_is_not_asked_again_and_ends_with_it(machine, widened):
    terminal = widened()
    terminal.wait("rule: allow bash: getent")
    answer(terminal, "s", "allowed (session) by person", "  it has run", "Done.", PROMPT)
    terminal.turn("again", "allowed (once) by rule", "  it has run", "Done again.")
    terminal.say("/permissions")
    terminal.wait("1  allow bash: getent  (this session)", PROMPT)
    assert terminal.leave() == 0
    assert not rules_file(machine).exists()
    assert [d["by"] for d in map(with_by, events(machine, "approval.decided"))] == [
        "person",
        "rule",
    ]


def with_by(decided):
    return {"by": "person", **decided}


def test_always_is_kept_in_a_file_of_ones_own(machine, widened):
    terminal = widened()
    answer(terminal, "a", "rule: allow bash: getent")
    terminal.say(" passwd")
    terminal.wait("allowed (always) by person", "  it has run", "Done.", PROMPT)
    assert terminal.leave() == 0
    path = rules_file(machine)
    assert path.read_text().splitlines()[1:] == ["allow bash: getent passwd"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (decided,) = events(machine, "approval.decided")
    assert decided["rules"] == ["allow bash: getent passwd"]


def test_a_rule_that_cannot_be_read_is_asked_for_again(widened):
    terminal = widened()
    answer(terminal, "a", "rule: allow bash: getent")
    terminal.type("\x15")
    terminal.say("please")
    terminal.wait("this is no rule", "rule:")
    terminal.say("\x15")
    terminal.wait("allowed (once) by person", "Done.", PROMPT)
    assert terminal.leave() == 0


def test_never_is_a_rule_that_says_no_from_then_on(machine, widened):
    terminal = widened()
    answer(terminal, "v", "rule: deny bash: getent")
    terminal.say("")
    terminal.wait("refused by person", "✗ denied", "Done.", PROMPT)
    terminal.turn("again", "refused by rule: the rule “deny bash: getent” forbids it")
    assert terminal.leave() == 0
    assert rules_file(machine).read_text().splitlines()[1:] == ["deny bash: getent"]


# Editing


def test_a_block_is_edited_in_place_and_the_model_is_told(machine, widened):
    terminal = widened(OPEN, "Done.")
    answer(terminal, "e", "getent passwd root", "Alt-Enter takes the change")
    terminal.type("; echo edited" + ALT_ENTER)
    terminal.wait("│ getent passwd root; echo it has run; echo edited", NETWORK)
    answer(terminal, "y", "allowed (once) by person", "  edited", "Done.", PROMPT)
    assert terminal.leave() == 0
    (decided,) = events(machine, "approval.decided")
    assert decided["arguments"]["code"].rstrip().endswith("; echo edited")


def test_a_block_is_edited_in_the_editor(machine, widened):
    editor = machine.root / "editor"
    editor.write_text('#!/bin/sh\necho "echo edited" > "$1"\n')
    editor.chmod(0o755)
    terminal = widened(OPEN, "Done.", EDITOR=str(editor))
    answer(terminal, "e", "│ echo edited", "this is what you made of it")
    answer(terminal, "y", "  edited", "Done.", PROMPT)
    assert terminal.leave() == 0
    assert "  it has run" not in terminal.text


@pytest.mark.parametrize("editor", ["true", "no-such-editor"])
def test_an_editor_that_changes_nothing_leads_back_to_the_question(widened, editor):
    terminal = widened(OPEN, "Done.", EDITOR=editor)
    answer(terminal, "e")
    answer(terminal, "n", "refused by person", "Done.", PROMPT)
    assert terminal.leave() == 0


def test_what_a_rule_forbids_cannot_be_edited_in(machine, widened):
    rules_file(machine).parent.mkdir(parents=True)
    rules_file(machine).write_text("deny bash: uname\n")
    terminal = widened(OPEN, "Done.")
    answer(terminal, "e", "getent passwd root")
    terminal.type("; uname" + ALT_ENTER)
    terminal.wait("refused by rule: the rule “deny bash: uname” forbids it", "Done.", PROMPT)
    assert terminal.leave() == 0


# /permissions


def test_permissions_lists_adds_and_revokes(machine, chat):
    (machine.project / ".llmrepl.permissions").write_text("ask bash: git push\n")
    terminal = chat("--model", machine.script("Hello."), "--session", "s")
    for line, *told in (
        ("/permissions", "1  ask bash: git push  (of this project)"),
        ("/permissions add allow any write: build/**", "added: allow any write: build/**"),
        ("/permissions", "2  allow any write: build/**  (always)"),
        ("/permissions revoke 1", "is a rule of the project"),
        ("/permissions revoke 2", "revoked: allow any write: build/**"),
        ("/permissions revoke 7", "there is no rule number 7", "accepted: 1 to 1"),
        ("/permissions add nonsense", "this is no rule"),
        ("/permissions drop", "this is no use of /permissions", "revoke NUMBER"),
    ):
        terminal.say(line)
        terminal.wait(*told, PROMPT)
    assert terminal.leave() == 0
    assert [line for line in rules_file(machine).read_text().splitlines() if line[0] != "#"] == []
    rule = "allow any write: build/**"
    assert events(machine, "config.changed") == [
        {"key": "permissions.added", "value": rule},
        {"key": "permissions.revoked", "value": rule},
    ]


def test_without_rules_permissions_says_how_to_add_one(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    terminal.say("/permissions")
    terminal.wait("There are no rules. /permissions add RULE", PROMPT)
    assert terminal.leave() == 0


def test_a_rule_of_the_project_asks_about_blocks_that_would_run(machine, chat):
    (machine.project / ".llmrepl.permissions").write_text("ask bash: getent\n")
    terminal = chat("--model", machine.script(OPEN, "Done."))
    terminal.say("go")
    terminal.wait("the rule “ask bash: getent” is about it")
    answer(terminal, "y", "  it has run", "Done.", PROMPT)
    assert terminal.leave() == 0


def test_a_file_of_rules_that_cannot_be_read_is_said_before_anything_runs(machine, chat):
    rules_file(machine).parent.mkdir(parents=True)
    rules_file(machine).write_text("allow bash: git status\nallow nothing\n")
    terminal = chat("--model", machine.script("Hello."))
    terminal.say("hello")
    terminal.wait("permissions:2: 'nothing' is not known to rules", "❯ hello")
    terminal.type(CTRL_C)
    assert terminal.leave() == 0
