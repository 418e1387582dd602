"""The recorded sessions: what they show, and that each is replayed, verified and exported."""

import json

import pytest

from llmrepl.compose.exporting import exported
from llmrepl.compose.sent import sent
from llmrepl.conversing.commands.continuing import GO_ON
from llmrepl.events import (
    ContextCompacted,
    ContextTrimmed,
    MessageFinished,
    RequestFailed,
    StepStarted,
    ToolFinished,
    ToolRequested,
    TurnFinished,
    TurnStarted,
)
from llmrepl.exchange.formats import FORMATS
from llmrepl.parts import Reasoning, Text
from llmrepl.redaction import NOTHING
from llmrepl.sessions.reader import LogReader
from tests.cli.machine import Machine
from tests.replaying.recording import RECIPES, SESSIONS

RECORDED = sorted(SESSIONS.glob("*/*.jsonl"))


def name_of(path):
    return path.stem


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What one run of verify says of every session, by its name."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    ran = machine.run("verify", "--json", "--fail-on-divergence", *RECORDED)
    assert ran.err == ""
    return {report["session"]: report for report in map(json.loads, ran.lines)}


def test_every_recipe_has_been_recorded():
    recorded = {path.stem for path in RECORDED if path.parent.name != "demos"}
    assert recorded == {recipe.name for recipe in RECIPES}
    assert len(RECORDED) >= 12


@pytest.mark.parametrize("path", RECORDED, ids=name_of)
def test_a_recorded_session_comes_out_the_same(path, reports):
    report = reports[path.stem]
    assert [call for call in report["calls"] if call["outcome"] == "diverged"] == []
    assert (report["problem"], report["estranged"]) == ("", None)


def test_of_the_recorded_calls_most_can_be_run_again(reports):
    assert sum(report["same"] for report in reports.values()) >= 30
    calls = [call for report in reports.values() for call in report["calls"]]
    skipped = {call["why"].partition(":")[0] for call in calls if call["outcome"] == "not run"}
    assert skipped == {
        "it never ran",
        "it ran out of time, and how far it came depends on the machine",
        "it was interrupted, and the moment of that cannot be repeated",
        "it was malformed and never ran",
    }


@pytest.mark.parametrize("path", RECORDED, ids=name_of)
def test_a_recorded_session_can_be_written_in_every_format(path):
    prompt = next(iter(LogReader(path))).event.prompt[0].text.split()[0]
    for name in FORMATS:
        text, problem = exported(path, name, NOTHING, "timeline")
        assert problem == ""
        assert prompt in text or prompt.encode("unicode_escape").decode() in text, name


def events(name, kind):
    return [r.event for r in LogReader(SESSIONS / f"{name}.jsonl") if isinstance(r.event, kind)]


@pytest.mark.parametrize(
    ("name", "statuses", "reason"),
    [
        ("golden/several-steps", ["ok", "ok", "ok"], "end_turn"),
        ("golden/calls-natively", ["ok", "ok", "error", "ok"], "end_turn"),
        ("golden/mends-an-error", ["error", "error", "ok"], "end_turn"),
        ("golden/runs-out-of-time", ["timeout", "ok"], "end_turn"),
        ("golden/is-denied", ["denied"], "end_turn"),
        ("golden/is-interrupted", ["ok", "cancelled"], "cancelled"),
        ("golden/meets-a-limit", ["ok", "limit", "ok"], "end_turn"),
        ("golden/draws-a-plot", ["ok", "ok", "ok"], "end_turn"),
    ],
)
def test_a_session_shows_what_it_is_for(name, statuses, reason):
    assert [event.status for event in events(name, ToolFinished)] == statuses
    assert events(name, TurnFinished)[-1].reason == reason


def test_the_session_that_compacts_trims_first_and_says_what_it_kept():
    (trimmed,) = events("golden/compacts", ContextTrimmed)
    (compacted,) = events("golden/compacts", ContextCompacted)
    assert trimmed.outputs == 1
    assert compacted.kept == (0,)
    assert (compacted.by, compacted.problem) == ("size", "")
    assert compacted.tokens_after < compacted.tokens_before / 2


def test_the_session_that_falls_back_says_who_was_asked_and_why():
    busy, *gone = events("golden/falls-back", RequestFailed)
    assert (busy.kind, busy.next, busy.wait) == ("ProviderBusy", busy.name, 0.02)
    assert [each.kind for each in gone] == ["ProviderUnreachable"] * 2
    assert all(each.next.endswith("-2.txt") for each in gone)
    asked = [event.model for event in events("golden/falls-back", StepStarted)]
    assert [model.endswith("-2.txt") for model in asked] == [False, False, False, True, False, True]
    assert [event.reason for event in events("golden/falls-back", TurnFinished)] == ["end_turn"]


def test_the_session_that_goes_on_keeps_what_came_before_it_broke_off():
    broken = events("golden/goes-on", MessageFinished)[1]
    assert (broken.stop, broken.parts[0].text[:10]) == ("error", "There are ")
    assert events("golden/goes-on", TurnStarted)[1].prompt == (Text(GO_ON),)
    finished = [event.reason for event in events("golden/goes-on", TurnFinished)]
    assert finished == ["error", "end_turn"]


def test_the_session_that_calls_natively_holds_what_a_service_wants_back():
    requested = events("golden/calls-natively", ToolRequested)
    assert {event.origin for event in requested} == {"native"}
    assert [event.call_id for event in requested] == ["1.1.1", "1.1.2", "1.2.1", "1.3.1"]
    assert {event.tools for event in events("golden/calls-natively", StepStarted)} == {
        ("python", "bash")
    }
    parts = [
        part for event in events("golden/calls-natively", MessageFinished) for part in event.parts
    ]
    seals = [part.seal for part in parts if isinstance(part, Reasoning)]
    assert seals == ["openai:reasoning_content"] * 2


def test_what_the_session_that_calls_natively_sent_can_be_made_again():
    records = list(LogReader(SESSIONS / "golden" / "calls-natively.jsonl"))
    *_, assistant, one, two = sent(records, "1.2").body
    assert [call["function"]["name"] for call in assistant["tool_calls"]] == ["python", "bash"]
    assert assistant["reasoning_content"] == "Two questions, two calls."
    assert [one["role"], two["role"]] == ["tool", "tool"]
    assert "'coffee': 1205" in one["content"]
    assert "Jan,120,340" in two["content"]


def test_the_plot_was_kept_for_the_person():
    (path,) = (
        path for event in events("golden/draws-a-plot", ToolFinished) for path in event.artifacts
    )
    assert path.endswith("/artifacts/tea.png")


def test_the_slow_session_says_when_its_pieces_came():
    (result,) = events("golden/comes-slowly", ToolFinished)
    assert len(result.pace) == 5 * 3
