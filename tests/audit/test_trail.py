"""What of a conversation is in the audit log, and that nothing runs which is not."""

import asyncio
import hashlib
from contextlib import aclosing

import pytest

from llmrepl.audit.log import AuditLog
from llmrepl.audit.reading import entries
from llmrepl.audit.trail import Audited, Trail
from llmrepl.conversation import Call, Progress
from llmrepl.errors import ExecutorError, SandboxUnavailable, SessionError
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ConfigChanged,
    ErrorRaised,
    MessageFinished,
    NetworkRequested,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnStarted,
)
from llmrepl.parts import Output, Text
from llmrepl.record import Record
from llmrepl.redaction import Redactor
from llmrepl.testing.executor import Canned, FakeExecutor
from llmrepl.testing.store import MemoryStore

CODE = "\nimport os\nos.listdir()\n"
SHA = hashlib.sha256(CODE.encode()).hexdigest()
ASKED = ToolRequested(call_id="1", name="bash", language="bash", arguments={"code": CODE})
QUESTION = ApprovalRequested(call_id="1", question="It writes outside")
BEGAN = ToolStarted(call_id="1", executor="bubblewrap", policy="no network")
NAMED = {"call_id": "1", "language": "bash", "sha256": SHA}


def trail(directory, **given):
    return Trail(AuditLog(directory), lambda: "s-1", limits={"seconds": 10}, **given)


def written(directory):
    """Return (type, details) of every entry."""
    places = ("prev", "seq", "at", "pid", "type", "session")
    return [
        (data["type"], {name: data[name] for name in data if name not in places})
        for _, data in entries(directory)
    ]


def taken(directory, *events):
    """Return what is written for `events`."""
    made = trail(directory)
    for event in events:
        made.take(event)
    made.close()
    return written(directory)


def test_an_execution_is_written_down_when_it_begins_and_when_it_ends(tmp_path):
    ended = ToolFinished(
        call_id="1",
        status="error",
        parts=(Output("stdout", "much"),),
        exit_code=3,
        ms=1.5,
        reason="exit code 3",
        artifacts=("/tmp/x/plot.png",),
    )
    assert taken(tmp_path, ASKED, BEGAN, ended) == [
        (
            "tool.started",
            {
                **NAMED,
                "first_line": "import os",
                "executor": "bubblewrap",
                "policy": "no network",
                "limits": {"seconds": 10},
            },
        ),
        (
            "tool.finished",
            {
                **NAMED,
                "status": "error",
                "exit_code": 3,
                "ms": 1.5,
                "reason": "exit code 3",
                "artifacts": ["/tmp/x/plot.png"],
            },
        ),
    ]


def test_every_entry_names_its_session_and_has_the_time_of_its_record(tmp_path):
    store = MemoryStore()
    audited = Audited(store, trail(tmp_path))
    audited.append(Record(1, 1234, 1, 0, ASKED))
    audited.append(Record(2, 5678, 1, 0, BEGAN), sync=True)
    (entry,) = [data for _, data in entries(tmp_path)]
    assert (entry["session"], entry["at"]) == ("s-1", 5678)
    assert [record.seq for record in store.records] == [1, 2]


def test_a_call_that_asks_for_time_says_so(tmp_path):
    asked = ToolRequested(
        call_id="1", name="python", language="python", arguments={"code": "1", "timeout": 20}
    )
    assert taken(tmp_path, asked, BEGAN)[0][1]["timeout"] == 20


def test_a_tool_is_named_and_its_arguments_are_hashed(tmp_path):
    asked = ToolRequested(call_id="1", name="fetch", language="tool", arguments={"url": "x"})
    started = taken(tmp_path, asked, BEGAN)[0][1]
    assert started["tool"] == "fetch"
    assert started["sha256"] == hashlib.sha256(b'{"url":"x"}').hexdigest()
    assert "first_line" not in started


def test_a_question_and_its_answer_are_written_down(tmp_path):
    answer = ApprovalDecided(call_id="1", decision="deny", reason="not now")
    by_rule = ApprovalDecided(call_id="1", decision="once", by="rule", rules=("git *",))
    assert taken(tmp_path, ASKED, QUESTION, answer, by_rule) == [
        (
            "approval.requested",
            {**NAMED, "question": "It writes outside", "options": ["once", "deny"]},
        ),
        ("approval.decided", {**NAMED, "decision": "deny", "by": "person", "reason": "not now"}),
        ("approval.decided", {**NAMED, "decision": "once", "by": "rule", "rules": ["git *"]}),
    ]


def test_a_call_that_a_person_edited_is_written_down_as_what_it_became(tmp_path):
    edit = ApprovalDecided(call_id="1", decision="once", arguments={"code": "2 + 2\n3"})
    asked, decided, began = taken(tmp_path, ASKED, QUESTION, edit, BEGAN)
    became = hashlib.sha256(b"2 + 2\n3").hexdigest()
    assert asked[1]["sha256"] == NAMED["sha256"] != became
    assert decided[1]["sha256"] == began[1]["sha256"] == became
    assert (decided[1]["arguments"], decided[1]["first_line"]) == ("edited", "2 + 2")
    assert began[1]["first_line"] == "2 + 2"


def test_what_never_began_was_refused(tmp_path):
    ended = ToolFinished(call_id="1", status="denied", reason="a person said no")
    assert taken(tmp_path, ASKED, ended) == [
        (
            "tool.refused",
            {
                **NAMED,
                "first_line": "import os",
                "status": "denied",
                "ms": 0.0,
                "reason": "a person said no",
            },
        )
    ]


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_a_request_to_the_network_is_written_down_with_its_call(tmp_path, decision):
    request = NetworkRequested(
        call_id="1", method="GET", host="example.org", port=443, decision=decision, reason="so"
    )
    told = {"method": "GET", "host": "example.org", "port": 443, "decision": decision}
    assert taken(tmp_path, ASKED, request) == [
        ("network.requested", {**NAMED, **told, "reason": "so"})
    ]


def test_what_else_leaves_the_machine_or_changes_the_rules_is_written_down(tmp_path):
    assert taken(
        tmp_path,
        StepStarted(provider="groq", model="x", estimated_tokens=7),
        ConfigChanged(key="sandbox.net", value=["example.org"]),
        ErrorRaised(kind="SandboxUnavailable", message="there is no bwrap"),
    ) == [
        ("step.started", {"provider": "groq", "model": "x", "estimated_tokens": 7}),
        ("config.changed", {"key": "sandbox.net", "value": ["example.org"]}),
        ("sandbox.failed", {"kind": "SandboxUnavailable", "reason": "there is no bwrap"}),
    ]


def test_what_is_only_said_is_not_written_down(tmp_path):
    said = (
        TurnStarted(prompt=(Text("hello"),)),
        TextDelta(text="hi"),
        MessageFinished(parts=(Text("hi"),), stop="end_turn"),
        ErrorRaised(kind="ProviderBusy", message="later"),
        StepFinished(),
        ASKED,
    )
    assert taken(tmp_path, *said) == []
    assert not (tmp_path / "head").exists()


def test_a_call_whose_end_comes_again_is_still_known(tmp_path):
    ended = ToolFinished(call_id="1", status="ok")
    again = ToolFinished(call_id="1", status="unknown")
    found = taken(tmp_path, ASKED, BEGAN, ended, again, StepFinished(), again)
    assert [kind for kind, _ in found[1:]] == ["tool.finished", "tool.finished", "tool.refused"]
    assert found[2][1]["sha256"] == SHA


def test_a_call_that_an_earlier_process_began_is_known(tmp_path):
    made = trail(tmp_path, calls=[Call(ASKED, Progress.STARTED)])
    made.take(ToolFinished(call_id="1", status="unknown", reason="llmrepl ended"))
    ((kind, details),) = written(tmp_path)
    assert (kind, details["sha256"], details["status"]) == ("tool.finished", SHA, "unknown")


def test_what_a_person_lets_into_the_project_is_written_down(tmp_path):
    made = trail(tmp_path)
    made.applied(("a.txt", "b/c.txt"))
    made.applied([str(number) for number in range(999)])
    one, many = (fields for _, fields in written(tmp_path))
    assert one == {"count": 2, "paths": ["a.txt", "b/c.txt"]}
    assert (many["count"], len(many["paths"])) == (999, 100)


def test_a_sandbox_that_starts_is_written_down_with_its_limits(tmp_path):
    asyncio.run(trail(tmp_path).start(FakeExecutor()))
    fields = {"executor": "fake", "policy": "runs nothing", "limits": {"seconds": 10}}
    assert written(tmp_path) == [("sandbox.started", fields)]


def test_a_sandbox_that_does_not_start_is_written_down(tmp_path):
    executor = FakeExecutor(unavailable=SandboxUnavailable("no bwrap", hint="install it"))
    with pytest.raises(SandboxUnavailable):
        asyncio.run(trail(tmp_path).start(executor))
    fields = {"kind": "SandboxUnavailable", "reason": "no bwrap"}
    assert written(tmp_path) == [("sandbox.failed", fields)]


def run(made, executor):
    async def collected():
        async with aclosing(made.run(executor, ASKED)) as events:
            return [event async for event in events]

    return asyncio.run(collected())


def test_a_call_of_no_conversation_is_written_down_too(tmp_path):
    executor = FakeExecutor({CODE.strip(): Canned("much", status="limit", reason="too much")})
    events = run(Trail(AuditLog(tmp_path)), executor)
    assert [event.type for event in events] == ["tool.output", "tool.finished"]
    assert [kind for kind, _ in written(tmp_path)] == ["tool.started", "tool.finished"]
    assert written(tmp_path)[1][1]["reason"] == "too much"
    assert all("session" not in data for _, data in entries(tmp_path))


class Broken(FakeExecutor):
    """Fails in the middle of a call."""

    async def run(self, request):
        async for event in super().run(request):
            yield event
            raise ExecutorError("the sandbox ended")


def test_a_sandbox_that_fails_in_the_middle_is_written_down(tmp_path):
    with pytest.raises(ExecutorError):
        run(trail(tmp_path), Broken(otherwise="x"))
    kinds = [kind for kind, _ in written(tmp_path)]
    assert kinds == ["tool.started", "sandbox.failed", "tool.finished"]


def test_what_cannot_be_written_down_does_not_run(tmp_path):
    (tmp_path / "audit").write_text("in the way")
    executor = FakeExecutor()
    with pytest.raises(SessionError):
        run(trail(tmp_path / "audit"), executor)
    assert executor.ran == []


def test_what_cannot_be_written_down_is_not_kept_either(tmp_path):
    (tmp_path / "audit").write_text("in the way")
    store = MemoryStore()
    audited = Audited(store, trail(tmp_path / "audit"))
    with pytest.raises(SessionError):
        audited.append(Record(1, 1, 1, 1, BEGAN))
    assert store.records == []


def test_secrets_are_in_no_entry(tmp_path):
    secret = "hush-7f3a9c52e18b"
    made = Trail(AuditLog(tmp_path, Redactor([("A_KEY", secret)])), lambda: secret)
    code = f"print('{secret}')"
    made.take(ToolRequested(call_id="1", name=secret, language="tool", arguments={"code": code}))
    made.take(ToolStarted(call_id="1", executor="e", policy=f"reads /{secret}"))
    made.take(NetworkRequested(call_id="1", host=f"{secret}.org", decision="deny", reason=secret))
    made.take(ToolFinished(call_id="1", status="error", reason=secret, artifacts=(secret,)))
    made.close()
    assert len(written(tmp_path)) == 3
    assert not [path for path in tmp_path.iterdir() if secret.encode() in path.read_bytes()]
