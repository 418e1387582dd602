"""Several ways on from one beginning: /fork at a place, /tree and /compare."""

from llmrepl.audit.reading import verify
from tests.repl.terminal import PROMPT
from tests.repl.test_rewinding import bash, notes, prompts, records
from tests.repl.test_rewinding import server as server  # noqa: PLC0414 - a fixture of this module, too


def test_fork_goes_on_from_an_earlier_turn(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.turn("one", "Answer 1.")
    terminal.turn("two", "Answer 2.")
    terminal.say("/fork other turn 1")
    terminal.wait("Going on in session other; mine stays as it is.", PROMPT)
    terminal.turn("three", "Answer 3.")
    sent = [m["content"] for m in server.requests[-1].body["messages"] if m["role"] != "system"]
    assert sent == ["one", "Answer 1.", "three"]
    for wrong, said in (
        ("turn 7", "there is no turn 7"),
        ("at 99", "and no record 99"),
        ("a b", "this is no use of /fork: a b"),
        ("turn x", "this is no use of /fork: turn x"),
    ):
        terminal.say(f"/fork {wrong}")
        terminal.wait("error: ", said, PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine.sessions / "other.jsonl") == ["one", "three"]
    assert prompts(machine.sessions / "mine.jsonl") == ["one", "two"]
    assert notes(machine.sessions / "other.jsonl") == []  # nothing ran that was left


def test_fork_in_the_middle_of_a_call_goes_on_with_its_turn(machine, chat):
    model = machine.script(bash("echo begun"), "Well.", "The next.")
    terminal = chat("--model", model, "--session", "mine", "--approval", "auto")
    terminal.turn("go", "Well.")
    (begun,) = [r.seq for r in records(machine.sessions / "mine.jsonl")[1]
                if r.event.type == "tool.started"]  # fmt: skip
    terminal.say(f"/fork other at {begun}")
    terminal.wait("Going on in session other", "had started: it ends as unknown", "? unknown")
    terminal.wait("Well.", PROMPT)
    terminal.turn("next", "The next.")
    assert terminal.leave() == 0
    found = [r.event for r in records(machine.sessions / "other.jsonl")[1]]
    assert [e.status for e in found if e.type == "tool.finished"] == ["unknown"]
    assert [e.call_id for e in found if e.type == "tool.started"] == ["1.1.1"]
    assert verify(machine.sessions.parent / "audit").damage is None


def test_the_tree_is_drawn_and_its_branches_are_gone_to_by_number_and_by_id(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.say("/tree")
    terminal.wait("error: there is nothing to draw yet", PROMPT)
    terminal.turn("one", "Answer 1.")
    terminal.turn("two", "Answer 2.")
    terminal.say("/fork other turn 1")
    terminal.wait("Going on in session other", PROMPT)
    terminal.turn("three", "Answer 3.")
    terminal.say("/tree")
    terminal.wait("# session", "1 ○ mine", "one", "2 └─ ● other", "turn 1", "+1", "three")
    terminal.wait("/tree N goes on with branch N", PROMPT)
    terminal.say("/tree 1")
    terminal.wait("Answer 2.", "resumed session mine", "left session other", PROMPT)
    terminal.say("/tree")
    terminal.wait("1 ● mine", "2 └─ ○ other", PROMPT)
    for wrong, said in (
        ("1", "this is session mine already"),
        ("7", "there is no branch 7"),
        ("nobody", "there is no session 'nobody'"),
    ):
        terminal.say(f"/tree {wrong}")
        terminal.wait("error: ", said, PROMPT)
    terminal.say("/tree oth")
    terminal.wait("resumed session other", "left session mine", PROMPT)
    assert terminal.leave() == 0


def test_what_is_not_saved_has_no_tree(chat):
    terminal = chat("--no-save")
    terminal.say("/tree")
    terminal.wait("error: this chat is not saved, so it has no branches", PROMPT)
    assert terminal.leave() == 0


def test_another_branch_is_shown_beside_this_one(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.turn("one", "Answer 1.")
    terminal.turn("two", "Answer 2.")
    terminal.say("/fork other turn 1")
    terminal.wait("Going on in session other", PROMPT)
    terminal.turn("three", "Answer 3.")
    terminal.say("/compare min")
    terminal.wait("up to turn 1", "other", "│ mine", "❯ three", "│ ❯ two", "calls", PROMPT)
    for wrong, said in (("", "takes a session's ID"), (" oth", "this is session other")):
        terminal.say(f"/compare{wrong}")
        terminal.wait("error: ", said, PROMPT)
    terminal.resize(60)
    terminal.settle()
    terminal.say("/compare mine")
    terminal.wait("── other ──", "❯ three", "Answer 3.", "── mine ──", "❯ two", "Answer 2.", PROMPT)
    assert terminal.leave() == 0
