"""Branches from the outside: forking a session anywhere, drawing the tree, comparing two."""

import json
import re

import pytest

from tests.sessions.sample import chat, read, write
from tests.sessions.test_tree import branched

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


@pytest.fixture
def family(machine, plan):
    """The session, a fork behind its turn 1, one in the middle of turn 2, and one alone."""
    branched(machine.sessions, "plan", 11, "bus", "by \x1b[31mbus?\x07\nor not")
    branched(machine.sessions, "plan", 16, "walk")
    write(machine.sessions, chat("else"), session_id="alone")


def test_the_tree_is_drawn_with_what_each_branch_has_of_its_own(machine, family):
    ran = machine.run("sessions", "tree", COLUMNS=100)
    assert (ran.code, ran.err) == (0, "llmrepl: sessions without branches: 1\n")
    assert [re.sub(r"  +", "  ", re.sub(r"\d+ s  ", "0 s  ", line)) for line in ran.lines] == [
        "  # session  from  turns  cost  age  models  first prompt",
        "  1 ○ plan  3  <$0.0001  0 s  scripted/test  one",
        "  2 ├─ ○ bus  turn 1  +1  <$0.0001  0 s  scripted/test  by bus?",
        "  3 └─ ○ walk  in turn 2  +0  $0  0 s  … two",
    ]
    assert len(machine.run("sessions", "tree", "wal").lines) == 4


def test_a_narrow_tree_has_no_line_that_is_too_long(machine, family):
    ran = machine.run("sessions", "tree", COLUMNS=34)
    assert max(map(len, ran.lines)) <= 34
    assert "by bus?" in ran.out


def test_the_tree_as_json_has_an_object_for_each_branch(machine, family):
    ran = machine.run("sessions", "tree", "--json")
    found = [json.loads(line) for line in ran.lines]
    assert [(one["tree"], one["number"], one["id"], one["depth"]) for one in found] == [
        ("plan", 1, "plan", 0), ("plan", 2, "bus", 1), ("plan", 3, "walk", 1)
    ]  # fmt: skip
    bus = found[1]
    assert bus["origin"] == {"id": "plan", "seq": 11}
    assert (bus["turn"], bus["inside"], bus["turns"], bus["open"]) == (1, False, 1, False)
    assert (bus["models"], bus["input_tokens"]) == (["scripted/test"], 200)
    assert found[2]["inside"] is True


def test_trees_are_limited_and_a_removed_origin_is_named(machine, family):
    assert machine.run("sessions", "rm", "--yes", "plan").code == 0
    branched(machine.sessions, "alone", 11, "beside")
    ran = machine.run("sessions", "tree")
    assert re.search(r"× plan +\(gone\)\n", ran.out)
    limited = machine.run("sessions", "tree", "--limit", "1")
    assert "× plan" not in limited.out
    assert limited.err == "llmrepl: more trees: 1; --limit shows more\n"


def test_a_ring_of_origins_is_drawn_and_said(machine, family):
    path = machine.sessions / "plan.jsonl"
    ring = b'"forked_from":{"id":"walk","seq":3}'
    path.write_bytes(path.read_bytes().replace(b'"forked_from":null', ring, 1))
    ran = machine.run("sessions", "tree")
    assert ran.code == 0
    assert len(ran.lines) == 4
    assert "the origin of the first leads back to itself" in ran.err


def test_where_nothing_is_saved_there_is_no_tree(machine):
    ran = machine.run("sessions", "tree")
    assert (ran.code, ran.out) == (0, "")
    assert machine.run("sessions", "tree", "nobody").code == 1


def test_two_branches_are_compared_from_where_they_part(machine, family):
    ran = machine.run("sessions", "compare", "plan", "bus", COLUMNS=120)
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0] == "common: 11 records, up to turn 1"
    assert re.search(r"❯ two +│ ❯ by bus\?\n", ran.out)
    assert "\x1b" not in ran.out
    narrow = machine.run("sessions", "compare", "plan", "bus", COLUMNS=40)
    assert max(map(len, narrow.lines)) <= 40
    assert "── bus ──" in narrow.lines


def test_a_comparison_as_json_has_all_of_both_sides(machine, family):
    found = machine.run("sessions", "compare", "bus", "plan", "--json").json
    assert (found["common"], found["turn"]) == (11, 1)
    assert (found["left"]["id"], found["right"]["id"]) == ("bus", "plan")
    assert [turn["prompt"] for turn in found["right"]["turns"]] == ["two", "three"]
    assert (found["left"]["calls"], found["right"]["calls"]) == (1, 2)
    assert found["right"]["cost_usd"] == 2 * found["left"]["cost_usd"]


def test_a_session_can_be_compared_with_a_file_and_damage_is_said(machine, family):
    path = machine.sessions / "bus.jsonl"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"by ', b'"to '))
    ran = machine.run("sessions", "compare", "plan", path)
    assert ran.code == 0
    assert f"{path} line 13: it, or line 14, was changed" in ran.err
    assert machine.run("sessions", "compare", "plan", "nobody").code == 1
