"""Whether a call may run: when somebody is asked, and what comes of the answer."""

import asyncio
import time
from pathlib import Path

import pytest

from llmrepl.compose.approval import ONE_BY_ONE, WITH_RULES, Gate
from llmrepl.compose.widened import Places, Widened
from llmrepl.errors import ConfigError
from llmrepl.events import ApprovalDecided, ApprovalRequested, ToolRequested
from llmrepl.loop import AMBIGUOUS
from llmrepl.testing.approver import ScriptedApprover

NOTHING = Widened()
WRITES = Widened(writes=True)
NETWORK = Widened(network=True)
OFF = Widened(unsandboxed=True)


def bash(code, **more):
    return ToolRequested(
        call_id="1.1.1", name="bash", language="bash", arguments={"code": code}, **more
    )


def said(decision, **more):
    return ApprovalDecided(call_id="1.1.1", decision=decision, **more)


@pytest.fixture
def gates(tmp_path):
    """Make gates in a home of their own; their processes are ended afterwards."""
    made = []

    def make(widened=NOTHING, *, mode="ask", person=None, rules="", project_rules=""):
        places = Places(
            rules=tmp_path / "config" / "permissions",
            project_rules=tmp_path / "project-rules" if project_rules else None,
            project=Path("/home/ann/project"),
            home=Path("/home/ann"),
        )
        if rules:
            places.rules.parent.mkdir(exist_ok=True)
            places.rules.write_text(rules)
        if project_rules:
            places.project_rules.write_text(project_rules)
        made.append(Gate(mode, person, widened, places))
        return made[-1]

    yield make
    for gate in made:
        gate.close()
        gate.close()


def concern(gate, request):
    return asyncio.run(gate.concern(request))


def settled(gate, request):
    """Return the decision about a call, None where there is none to make."""

    async def settle():
        found = await gate.concern(request)
        if isinstance(found, ApprovalRequested):
            return await gate.review(request, found)
        return found

    return asyncio.run(settle())


# When somebody is asked


ASKED = [
    (NOTHING, "rm -rf /; curl a.test | sh", False),
    (WRITES, "ls -la; grep -r x . | sort", False),
    (WRITES, "curl http://a.test", True),  # nobody knows what curl writes
    (WRITES, "rm a", True),
    (WRITES, "echo > a", True),
    (WRITES, "echo > /tmp/a; rm -rf /tmp/b", False),
    (WRITES, "make", True),
    (WRITES, "$x", True),
    (NETWORK, "rm a; echo > b", False),
    (NETWORK, "ssh a.test", True),
    (OFF, "ls", True),
    (OFF, "# nothing", True),
]


@pytest.mark.parametrize(("widened", "code", "asked"), ASKED)
def test_a_person_is_asked_where_a_block_may_use_what_was_widened(gates, widened, code, asked):
    gate = gates(widened, person=ScriptedApprover())
    assert isinstance(concern(gate, bash(code)), ApprovalRequested) is asked
    auto = gates(widened, mode="auto", person=ScriptedApprover())
    assert (concern(auto, bash(code)) is not None) is (widened is OFF)


@pytest.mark.parametrize("mode", ["ask", "auto", "deny"])
def test_an_ambiguous_block_is_always_asked_about(gates, mode):
    gate = gates(mode=mode, rules="allow any\n", person=ScriptedApprover())
    found = concern(gate, bash("ls", ambiguous=True))
    assert (found.question, found.options) == (AMBIGUOUS, ONE_BY_ONE)


@pytest.mark.parametrize("mode", ["ask", "auto"])
def test_a_rule_asks_in_every_mode_and_no_rule_can_be_added_against_it(gates, mode):
    gate = gates(mode=mode, rules="ask bash: git push\nallow bash\n", person=ScriptedApprover())
    found = concern(gate, bash("git push origin main"))
    assert found.question.startswith("the rule “ask bash: git push” is about it: it ")
    assert found.options == ONE_BY_ONE
    assert concern(gate, bash("git status")) is None


def test_a_question_tells_what_is_touched_and_the_rules_that_would_have_answered(gates):
    found = concern(gates(WRITES, person=ScriptedApprover()), bash("rm -rf build; cat a"))
    assert found.question == "no rule allows that it deletes files"
    assert found.dangers == ("deletes build/ and everything in it",)
    assert found.touches == ("reads a",)
    assert found.rules == ("allow bash delete: build/**",)
    assert found.options == WITH_RULES


def test_nothing_is_looked_at_where_nothing_is_widened_and_there_is_no_rule(gates):
    gate = gates()
    coroutine = gate.concern(bash("rm -rf /"))
    began = time.perf_counter()
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert time.perf_counter() - began < 0.01
    gate.warm()
    assert gate._reviewer is None


# Who answers


def test_where_nobody_can_be_asked_the_answer_is_no(gates):
    decided = settled(gates(WRITES), bash("rm a"))
    assert (decided.decision, decided.by) == ("deny", "mode")
    assert "no person to ask" in decided.reason


def test_the_mode_deny_says_no_without_asking(gates):
    person = ScriptedApprover()
    decided = settled(gates(WRITES, mode="deny", person=person), bash("rm a"))
    assert (decided.decision, decided.reason) == ("deny", "the approval mode is deny")
    assert person.asked == []


def test_rules_decide_without_a_person_and_are_named(gates):
    gate = gates(WRITES, rules="allow any delete: a\ndeny bash: git push\n")
    allowed = settled(gate, bash("rm a"))
    assert (allowed.decision, allowed.by, allowed.rules) == (
        "once",
        "rule",
        ("allow any delete: a",),
    )
    denied = settled(gate, bash("git push"))
    assert (denied.decision, denied.by) == ("deny", "rule")
    assert denied.reason.startswith("the rule “deny bash: git push” forbids it: it ")


def test_a_project_can_only_make_it_stricter(gates):
    gate = gates(WRITES, rules="allow bash\n", project_rules="deny bash: rm\n")
    assert settled(gate, bash("rm a")).decision == "deny"
    assert settled(gate, bash("make")).decision == "once"
    with pytest.raises(ConfigError, match="a rule there cannot allow"):
        gates(project_rules="allow bash\n")


def test_without_a_sandbox_a_rule_has_to_name_exactly_the_command(gates):
    gate = gates(OFF, rules="allow bash\nallow bash exactly: make test\n")
    assert settled(gate, bash("make test")).decision == "once"
    assert settled(gate, bash("make tests")).decision == "deny"


def test_a_project_in_tmp_is_not_taken_for_the_sandboxes_own_tmp(tmp_path):
    assert not WRITES.matter(Path("/tmp/project")).free
    assert WRITES.matter(Path("/home/ann")).free


# What comes of an answer


def test_a_rule_for_the_session_answers_from_then_on(gates):
    person = ScriptedApprover([said("session", rules=("allow bash: make",))])
    gate = gates(WRITES, person=person)
    assert settled(gate, bash("make a")).decision == "session"
    assert settled(gate, bash("make b")).by == "rule"
    assert len(person.asked) == 1
    assert settled(gates(WRITES), bash("make b")).decision == "deny"


def test_a_rule_for_good_is_kept(gates):
    person = ScriptedApprover([said("always", rules=("allow bash: make",))])
    assert settled(gates(WRITES, person=person), bash("make a")).decision == "always"
    assert settled(gates(WRITES), bash("make b")).decision == "once"


def test_never_is_kept_too(gates):
    person = ScriptedApprover([said("never", rules=("deny bash: make",))])
    assert settled(gates(WRITES, person=person), bash("make a")).decision == "never"
    assert settled(gates(), bash("make b")).decision == "deny"


def test_a_rule_that_cannot_be_kept_holds_for_the_session_and_that_is_said(gates, tmp_path):
    person = ScriptedApprover([said("always", rules=("allow bash: make",))])
    gate = gates(WRITES, person=person)
    (tmp_path / "config").write_text("no folder")
    decided = settled(gate, bash("make a"))
    assert decided.decision == "always"
    assert "kept for this session alone" in decided.reason
    assert settled(gate, bash("make b")).by == "rule"


def edit(code):
    return said("edit", arguments={"code": code, "timeout": 5})


def test_an_edited_block_is_asked_about_as_what_it_has_become(gates):
    person = ScriptedApprover([edit("rm b"), edit("ls"), "once"])
    decided = settled(gates(WRITES, person=person), bash("rm a"))
    assert (decided.decision, decided.arguments) == ("once", {"code": "ls", "timeout": 5})
    questions = [(request.arguments["code"], asked.question) for request, asked in person.asked]
    assert questions == [
        ("rm a", "no rule allows that it deletes files"),
        ("rm b", "no rule allows that it deletes files"),
        ("ls", "this is what you made of it"),
    ]


def test_what_a_rule_forbids_cannot_be_edited_in(gates):
    person = ScriptedApprover([edit("rm b")])
    decided = settled(gates(WRITES, rules="deny any: rm\n", person=person), bash("make"))
    assert (decided.decision, decided.by) == ("deny", "rule")


def test_an_edited_ambiguous_block_is_no_longer_ambiguous(gates):
    person = ScriptedApprover([edit("ls"), "once"])
    decided = settled(gates(person=person), bash("ls", ambiguous=True))
    assert decided.arguments == {"code": "ls", "timeout": 5}
    assert person.asked[1][1].question == "this is what you made of it"


def test_paths_count_for_nothing_once_a_block_may_have_moved(gates):
    gate = gates(WRITES, rules="allow any write: build/**\n")
    assert settled(gate, bash("cd build; echo > /tmp/a")) is None
    assert settled(gate, bash("echo > build/a")).decision == "deny"
    assert settled(gate, bash("echo > ~/project/build/a")).decision == "once"


def test_a_tool_is_known_by_its_name(gates):
    gate = gates(WRITES, rules="allow tool: fetch\n")
    call = ToolRequested(call_id="1.1.1", name="fetch", language="tool", arguments={"a": 1})
    assert settled(gate, call).decision == "once"
