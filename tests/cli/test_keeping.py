"""`sessions tag`, `rm` and `prune` from the outside."""

import json
import os
import re
import time

import pytest

from llmrepl.events import TurnStarted
from llmrepl.parts import Text
from llmrepl.record import Record
from tests.cli.machine import until
from tests.sessions.sample import write

DAY = 86_400


@pytest.fixture
def model(machine):
    return machine.script("First answer.", "Second answer.", "Third answer.")


@pytest.fixture
def sessions(machine):
    """Sessions named after how many days ago they were used."""
    for days in (1, 40, 400):
        prompt = TurnStarted(prompt=(Text(f"prompt {days}"),))
        path = write(machine.sessions, [Record(1, 0, 1, 0, prompt)], session_id=f"used-{days}")
        when = time.time() - days * DAY - 60
        os.utime(path, (when, when))
    return machine


def ids(machine):
    return sorted(path.stem for path in machine.sessions.glob("*.jsonl"))


def test_a_session_is_tagged_listed_by_its_tag_and_loses_it_again(sessions):
    assert sessions.run("sessions", "tag", "used-40", "keep", "#work").lines == ["keep", "work"]
    assert sessions.run("sessions", "tag", "used-40").lines == ["keep", "work"]
    (line,) = sessions.run("sessions", "list", "--tag", "work").lines
    assert line.startswith("used-40")
    assert line.endswith("prompt 40 [unfinished] #keep #work")
    (row,) = sessions.run("sessions", "list", "--tag", "keep", "--json").lines
    assert json.loads(row)["tags"] == ["keep", "work"]
    assert sessions.run("sessions", "tag", "used-40", "--remove", "keep").lines == ["work"]
    ran = sessions.run("sessions", "tag", "used-40", "two words")
    assert ran.code == 1
    assert "cannot be a tag" in ran.err


def test_a_dry_run_says_what_would_go_and_why_and_deletes_nothing(sessions):
    sessions.run("sessions", "tag", "used-400", "keep")
    sessions.configure("[sessions]\nkeep_days = 30\n")
    ran = sessions.run("sessions", "prune", "--dry-run")
    assert ran.code == 0
    assert re.fullmatch(
        r"would delete used-40  [-\d]{10}  prompt 40\n"
        r"    it was not used for 40 days\n"
        r"stays used-400  [-\d]{10}  prompt 400\n"
        r"    tagged keep, although it was not used for 400 days\n",
        ran.out,
    )
    assert re.fullmatch(r"1 of 3 sessions, [\d.]+ k?B; [\d.]+ k?B would be left\.\n", ran.err)
    assert ids(sessions) == ["used-1", "used-40", "used-400"]


def test_pruning_asks_first(sessions):
    ran = sessions.run("sessions", "prune", "--days", "30", stdin="n\n")
    assert (ran.code, ran.out) == (1, "")
    assert "Nothing was deleted." in ran.err
    ran = sessions.run("sessions", "prune", "--days", "30")  # nobody answers
    assert (ran.code, ran.out) == (130, "")
    assert ids(sessions) == ["used-1", "used-40", "used-400"]
    ran = sessions.run("sessions", "prune", "--days", "30", stdin="y\n")
    assert (ran.code, ran.out) == (0, "deleted used-400\ndeleted used-40\n")
    assert ids(sessions) == ["used-1"]


def test_pruning_by_size_tells_programs_what_it_did(sessions):
    (sessions.sessions / "used-40.extra").write_bytes(b"-" * 2000)
    all_ = sum(path.stat().st_size for path in sessions.sessions.iterdir())
    ran = sessions.run("sessions", "prune", "--size", str(all_ - 1), "--json", "--yes")
    assert ran.code == 0
    (row,) = map(json.loads, ran.lines)
    assert (row["action"], row["id"], row["forks"]) == ("delete", "used-400", [])
    assert row["why"] == "all sessions together are too large"
    assert ids(sessions) == ["used-1", "used-40"]


def test_pruning_without_a_rule_is_an_error_and_with_nothing_to_do_is_none(sessions):
    ran = sessions.run("sessions", "prune", "--yes")
    assert ran.code == 1
    assert "sessions.keep_days" in ran.err
    ran = sessions.run("sessions", "prune", "--days", "1000", "--yes")
    assert (ran.code, ran.out, ran.err) == (0, "", "No rule lets any session go.\n")


def test_an_open_session_and_a_fork_of_what_goes_are_named_and_stay(machine):
    machine.run("run", "--model", "demo/assistant", "--session", "origin", "hello")
    slow = machine.script("delay: 60\n\nnever")
    lines = (machine.sessions / "origin.jsonl").read_bytes().splitlines(keepends=True)
    header = {**json.loads(lines[0]), "id": "copy", "forked_from": {"id": "origin", "seq": 0}}
    (machine.sessions / "copy.jsonl").write_text(json.dumps(header) + "\n")
    process = machine.start("run", "--model", slow, "--session", "open", "hello")
    try:
        path = machine.sessions / "open.jsonl"
        until(lambda: path.exists() and b"step.started" in path.read_bytes())
        for name in ("origin", "open"):
            os.utime(machine.sessions / f"{name}.jsonl", (0, 0))
        ran = machine.run("sessions", "prune", "--days", "30", "--yes")
        assert ran.out == "deleted origin\n"
        assert "copy was forked from it and stays whole" in ran.err
        assert f"open in process {process.pid}, although" in ran.err
        ran = machine.run("sessions", "rm", "open", "--yes")
        assert ran.code == 1
        assert f"written by process {process.pid}" in ran.err
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert ids(machine) == ["copy", "open"]


def test_removing_says_which_forks_stay_and_forks_go_on_request(machine, model):
    machine.run("run", "--model", model, "--session", "a", "hello")
    (header, *_) = (machine.sessions / "a.jsonl").read_bytes().splitlines(keepends=True)
    for name, origin in (("b", "a"), ("c", "b")):
        changed = {**json.loads(header), "id": name, "forked_from": {"id": origin, "seq": 3}}
        (machine.sessions / f"{name}.jsonl").write_text(json.dumps(changed) + "\n")
    ran = machine.run("sessions", "rm", "c", "a", stdin="n\n")
    assert "c was forked from b, which stays and has its first 3 records\n" in ran.err
    assert "b was forked from a and has its first 3 records; it stays" in ran.err
    ran = machine.run("sessions", "rm", "a", "--forks", "--yes")
    assert ran.out == "deleted a\ndeleted b\ndeleted c\n"
    assert ids(machine) == []
