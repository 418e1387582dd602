"""What a person decides in the chat is in the audit log."""

from llmrepl.audit.reading import entries, verify
from tests.repl.terminal import PROMPT
from tests.repl.test_approvals import answer

AMBIGUOUS = '<helpers lang="bash">\ncat <<END\n</helpers>\nEND\n</helpers>\n'  # two ways to read it
EDITS = '<helpers lang="bash">\necho new > new.txt\n</helpers>\n'


def audited(machine, kind):
    log = machine.home / ".local" / "share" / "llmrepl" / "audit"
    assert verify(log).damage is None
    return [data for _, data in entries(log) if data["type"] == kind]


def test_a_question_and_the_answer_to_it_are_audited(machine, chat):
    terminal = chat("--model", machine.script(AMBIGUOUS, "I see."), "--session", "mine")
    terminal.say("go")
    answer(terminal, "r", "why not:")
    terminal.say("rather not")
    terminal.wait("I see.", " tokens · ", PROMPT)
    assert terminal.leave() == 0
    (asked,) = audited(machine, "approval.requested")
    (answered,) = audited(machine, "approval.decided")
    (refused,) = audited(machine, "tool.refused")
    assert asked["sha256"] == answered["sha256"] == refused["sha256"]
    assert (answered["decision"], answered["by"]) == ("deny", "person")
    assert answered["reason"] == "rather not"
    assert refused["status"] == "denied"
    assert {entry["session"] for entry in (asked, answered, refused)} == {"mine"}


def test_another_model_is_audited(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    terminal.say("/model demo/assistant")
    terminal.wait("model: demo/assistant", PROMPT)
    assert terminal.leave() == 0
    (changed,) = audited(machine, "config.changed")
    assert (changed["key"], changed["value"]) == ("model", "demo/assistant")


def test_what_is_applied_to_the_project_is_audited(machine, chat):
    terminal = chat("--model", machine.script(EDITS, "Done."))
    terminal.turn("go", "Done.")
    assert audited(machine, "changes.applied") == []
    terminal.say("/apply")
    terminal.wait("applied   new.txt", PROMPT)
    assert terminal.leave() == 0
    (applied,) = audited(machine, "changes.applied")
    assert (applied["count"], applied["paths"]) == (1, ["new.txt"])
