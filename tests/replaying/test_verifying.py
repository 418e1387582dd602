"""Sessions run again: what is the same, what diverges, and what cannot be repeated."""

import asyncio
import json
import platform
import shutil
import venv
from dataclasses import replace

import pytest

from llmrepl.events import (
    ApprovalDecided,
    MessageFinished,
    NetworkRequested,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Output, Text, ToolCall
from llmrepl.replaying.comparing import Difference
from llmrepl.replaying.normalising import Place
from llmrepl.replaying.verifying import Report, verify
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from llmrepl.testing import FakeExecutor, records
from tests.cli.machine import Machine
from tests.replaying.recording import SESSIONS, python

HERE = Place((), 1_795_226_983_000)


def asked(machine, *arguments):
    ran = machine.run("verify", "--json", *arguments)
    assert ran.err == ""
    return ran.code, [json.loads(line) for line in ran.lines]


def planted(tmp_path, name, change):
    """Return a copy of a golden session, every record passed through `change`."""
    reader = LogReader(SESSIONS / "golden" / f"{name}.jsonl")
    shutil.copytree(SESSIONS / "golden" / ".project", tmp_path / ".project", dirs_exist_ok=True)
    header = reader.header
    with SessionLog.create(tmp_path, cwd=header.cwd, session_id=name) as log:
        for record in reader:
            log.append(replace(record, event=change(record.event)))
    return tmp_path / f"{name}.jsonl"


def ending(call_id, **changes):
    def change(event):
        is_it = isinstance(event, ToolFinished) and event.call_id == call_id
        return replace(event, **changes) if is_it else event

    return change


def with_stream(stream, text):
    def change(event):
        if not isinstance(event, ToolFinished):
            return event
        changed = (Output(stream, text) if p.stream == stream else p for p in event.parts)
        return replace(event, parts=tuple(changed))

    return change


def edited(code):
    """Let every call of the session run this instead of what it ran."""

    def change(event):
        is_it = isinstance(event, ToolRequested)
        return replace(event, arguments={"code": code}) if is_it else event

    return change


PLANTED = {
    "changed output": ("bash-pipeline", with_stream("stdout", "Apr,181,260\n"), ["stdout"]),
    "other exit code": ("mends-an-error", ending("1.2.1", exit_code=4), ["exit_code"]),
    "other value": ("several-steps", with_stream("value", "621"), ["value"]),
    "other status": ("forked-here", ending("1.1.1", status="error"), ["status"]),
    "other diff": ("changes-files", with_stream("diff", "-Jan\n+Feb\n"), ["diff"]),
    "other artifact": ("leaves-artifacts", ending("1.1.1", artifacts=()), ["artifacts"]),
    "missing tool": (
        "forked-here",
        edited("no-such-program -l"),
        ["status", "exit_code", "stdout", "reason", "stderr"],
    ),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What one run of verify says of every planted divergence, by its name."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    paths = [
        planted(machine.root / name, session, change)
        for name, (session, change, _) in PLANTED.items()
    ]
    code, reports = asked(machine, "--fail-on-divergence", *paths)
    assert code == 1
    return dict(zip(PLANTED, reports, strict=True))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_divergence_is_found_and_named(name, found):
    session, _, fields = PLANTED[name]
    assert found[name]["session"] == session
    first = next(call for call in found[name]["calls"] if call["outcome"] == "diverged")
    assert {difference["field"] for difference in first["differences"]} == set(fields)


def test_a_missing_tool_is_named(found):
    differences = found["missing tool"]["calls"][0]["differences"]
    assert [found["field"] for found in differences[:2]] == ["status", "exit_code"]
    assert "no-such-program: command not found" in str(differences)


def test_a_session_that_cannot_be_read_ends_it_with_code_1(machine):
    ran = machine.run("verify", "nowhere")
    assert ran.code == 1
    assert "nowhere" in ran.out


@pytest.fixture
def kettle(machine):
    """Install a package of this version in a virtual environment of the machine's own."""
    venv.create(machine.root / "venv", symlinks=True)
    (site,) = (machine.root / "venv" / "lib").glob("*/site-packages")
    machine.env["LLMREPL_SANDBOX_PYTHON"] = str(machine.root / "venv")

    def install(version):
        (site / "kettle").mkdir(exist_ok=True)
        (site / "kettle/__init__.py").write_text("def boil():\n    return 100\n")
        for old in site.glob("kettle-*"):
            shutil.rmtree(old)
        info = site / f"kettle-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: kettle\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata)

    return install


def test_another_version_of_a_package_is_found_and_named(machine, kettle):
    kettle("1.26")
    blocks = python("import kettle"), python("kettle.boil()"), "It boils."
    model = machine.script(*blocks)
    assert machine.run("run", "--model", model, "--session", "tea", "Boil it.").code == 0
    first, second = (r["data"] for r in machine.log("tea")[1:] if r["type"] == "tool.finished")
    assert first["versions"] == {"kettle": "1.26", "python": platform.python_version()}
    assert "versions" not in second
    assert machine.run("verify", "tea", "--fail-on-divergence").code == 0
    kettle("2.0")
    ran = machine.run("verify", "tea", "--fail-on-divergence")
    assert ran.code == 1
    assert "call 1.1.1 (python, record 7) diverged first in versions" in ran.out
    assert "-kettle 1.26\n    +kettle 2.0" in ran.out
    assert "1 the same, 1 diverged" in ran.out
    assert ran.lines[-1] == "  kettle was 1.26 and is 2.0"


def test_a_version_that_another_call_tells_is_compared_all_the_same():
    def told(call_id, versions):
        made = list(call(call_id, "1"))
        end = next(n for n, event in enumerate(made) if isinstance(event, ToolFinished))
        made[end] = replace(made[end], versions=versions)
        return made

    recorded = session(
        told("1.1.1", {"python": "3.11.2", "tea": "1"}), told("1.2.1", {"milk": "3"})
    )
    results = [{}, {"python": "3.12.0", "tea": "2", "sugar": "4"}]

    class Kitchen(FakeExecutor):
        async def run(self, request):
            async for event in super().run(request):
                done = isinstance(event, ToolFinished)
                yield replace(event, versions=results.pop(0)) if done else event

    report = verified(recorded, Kitchen({"1": "1\n"}))
    assert [checked.outcome for checked in report.calls] == ["same", "diverged"]
    assert report.calls[1].differences == (Difference("versions", "tea 1", "tea 2"),)
    assert report.versions == {"python": ("3.11.2", "3.12.0"), "tea": ("1", "2")}


def test_a_changed_file_is_found_with_its_diff_and_the_step_it_would_have_changed(
    machine, tmp_path
):
    project = tmp_path / "project"
    project.mkdir()
    text = (SESSIONS / "golden/.project/sales.csv").read_text()
    (project / "sales.csv").write_text(text.replace("Apr,180", "Apr,190"))
    path = SESSIONS / "golden/several-steps.jsonl"
    ran = machine.run("verify", path, "--project", project)
    assert ran.code == 0
    assert "✗ several-steps: 1 the same, 2 diverged" in ran.out
    assert "diverged first in value" in ran.out
    assert "-{'tea': 585, 'coffee': 1205}" in ran.out
    assert "+{'tea': 595, 'coffee': 1205}" in ran.out
    assert "from turn 1, step 3 on the model would have been told otherwise" in ran.out
    assert (project / "sales.csv").read_text() == text.replace("Apr,180", "Apr,190")


def test_rules_of_a_file_are_normalised_too(machine, tmp_path):
    path = planted(tmp_path / "planted", "several-steps", with_stream("value", "1"))
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nname = "value"\npattern = "(?s).+"\n')
    code, (report,) = asked(machine, path, "--rules", rules, "--fail-on-divergence")
    assert (code, report["diverged"]) == (0, 0)


def test_a_session_without_its_directory_is_told_and_fails(machine, tmp_path):
    path = shutil.copy(SESSIONS / "golden/forked-here.jsonl", tmp_path)
    ran = machine.run("verify", path, "--fail-on-divergence")
    assert ran.code == 1
    assert "the directory /tmp/tea that the session was recorded in is not there" in ran.out
    assert "--project DIRECTORY" in ran.out


def call(call_id, code="1", status="ok", *between, executor="bubblewrap", policy="reads /tmp/tea"):
    arguments = {"code": code}
    yield StepStarted(provider="scripted", model="test")
    yield ToolRequested(call_id=call_id, name="python", language="python", arguments=arguments)
    yield MessageFinished(
        parts=(Text("See."), ToolCall(call_id, "python", "python", arguments)), stop="end_turn"
    )
    yield ToolStarted(call_id=call_id, executor=executor, policy=policy)
    yield from between
    yield ToolFinished(
        call_id=call_id, status=status, exit_code=0, parts=(Output("stdout", f"{code}\n"),)
    )
    yield StepFinished()


def session(*calls):
    events = [event for one in calls for event in one]
    ending = [
        StepStarted(provider="scripted", model="test"),
        MessageFinished(parts=(Text("Done."),), stop="end_turn"),
        StepFinished(),
        TurnFinished(reason="end_turn"),
    ]
    return records([TurnStarted(prompt=(Text("Go."),)), *events, *ending])


def verified(recorded, executor):
    return asyncio.run(verify(Report("test"), recorded, executor.run, then=HERE, here=HERE))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (call("1.1.1", "1", "cancelled"), "it was interrupted"),
        (call("1.1.1", "1", "timeout"), "it ran out of time"),
        (call("1.1.1", "1", "unknown"), "how it ended is not known"),
        (call("1.1.1", executor="landlock"), "“landlock”, not in the full sandbox"),
        (call("1.1.1", policy="writes /srv for real, and /tmp"), "it could write for real"),
        (
            call("1.1.1", "1", "ok", NetworkRequested(call_id="1.1.1", decision="allow")),
            "it used the network",
        ),
    ],
)
def test_what_cannot_be_repeated_is_named_and_not_run(made, why):
    executor = FakeExecutor()
    report = verified(session(made), executor)
    assert executor.ran == []
    assert why in report.calls[0].why
    assert report.divergences == []


def test_all_divergences_are_found_and_the_first_stands_first():
    recorded = session(call("1.1.1", "a"), call("1.2.1", "b"), call("1.3.1", "c"))
    report = verified(recorded, FakeExecutor({"a": "a\n", "b": "x\n", "c": "y\n"}))
    assert [found.call.request.call_id for found in report.divergences] == ["1.2.1", "1.3.1"]
    assert report.divergences[0].differences[0].diff[-2:] == ["-b", "+x"]
    assert report.estranged == (1, 3)


def test_who_watches_is_told_of_each_call_as_it_is_done():
    seen = []
    report = Report("test", watch=lambda checked, among: seen.append((checked, among)))
    executor = FakeExecutor({"1": "1\n", "2": "two\n"})
    recorded = session(call("1.1.1", "1"), call("1.2.1", "2"))
    asyncio.run(verify(report, recorded, executor.run, then=HERE, here=HERE))
    assert [checked for checked, _ in seen] == report.calls
    assert [among for _, among in seen] == [2, 2]


def test_a_divergence_behind_a_call_that_was_not_run_says_so():
    recorded = session(call("1.1.1", "a", "timeout"), call("1.2.1", "b"))
    report = verified(recorded, FakeExecutor())
    assert report.divergences[0].behind == "1.1.1"


def test_a_call_that_a_person_edited_runs_as_it_ran():
    edited = ApprovalDecided(call_id="1.1.1", decision="edit", arguments={"code": "b"})
    made = list(call("1.1.1", "a"))
    made.insert(3, edited)
    executor = FakeExecutor({"b": "a\n"})
    report = verified(session(made), executor)
    assert [request.arguments["code"] for request in executor.ran] == ["b"]
    assert report.divergences == []
