"""Branches from the outside: forking a session anywhere, drawing the tree, comparing two."""

import pytest

from tests.sessions.sample import chat, read, write

BLOCK = "I'll look.\n\n<helpers>\nprint('from the block')\n</helpers>\n"


PLAN = chat("one", "two", "three")


@pytest.fixture
def plan(machine):
    """A session of three turns, 11 records each."""
    return write(machine.sessions, PLAN, session_id="plan")


def test_a_session_is_forked_behind_a_turn(machine, plan):
    ran = machine.run("sessions", "fork", "plan", "--turn", "2", "--name", "other")
    assert (ran.code, ran.out, ran.err) == (0, "other\n", "llmrepl: 22 of 33 records of plan\n")
    assert read(machine.sessions / "other.jsonl") == PLAN[:22]
    assert machine.log("other")[0]["forked_from"] == {"id": "plan", "seq": 22}


def test_a_session_is_forked_whole_under_a_new_id(machine, plan):
    ran = machine.run("sessions", "fork", "last")
    assert ran.code == 0
    assert read(machine.sessions / f"{ran.lines[0]}.jsonl") == PLAN


def test_a_fork_in_the_middle_of_a_call_says_so_and_goes_on_without_running_it(machine, plan):
    ran = machine.run("sessions", "fork", "plan", "--at", "16", "--name", "other")
    assert "it ends in the middle of turn 2, which goes on from there" in ran.err
    assert "python 2.1.1 had started: it ends as unknown, and does not run again" in ran.err
    model = machine.script("1", "2", "3", "It was cut off.", "More.")
    resumed = machine.run("run", "--model", model, "--resume", "other", "And then?")
    assert (resumed.code, resumed.out) == (0, "More.\n")
    records = machine.log("other")
    (unknown,) = [r for r in records if r.get("data", {}).get("status") == "unknown"]
    assert (unknown["seq"], unknown["data"]["call_id"]) == (17, "2.1.1")
    assert not [r for r in records[17:] if r["type"] == "tool.started"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--at", "34"), 1, "session plan has 33 readable records, and no record 34"),
        (("--at", "-1"), 2, "--at is the number of a record, 0 or more"),
        (("--turn", "4"), 1, "there is no turn 4\n  there are the turns 1 to 3, and 0 for none"),
        (("--turn", "1", "--at", "1"), 2, "give one of them"),
        (("--name", "plan"), 1, "there is a session plan"),
        (("--name", "../x"), 1, "cannot be a session id"),
    ],
)
def test_a_fork_that_cannot_be_made_says_why(machine, plan, options, code, said):
    ran = machine.run("sessions", "fork", "plan", *options)
    assert ran.code == code
    assert said in ran.err
    assert [path.name for path in machine.sessions.iterdir()] == ["plan.jsonl"]
