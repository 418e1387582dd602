"""`llmrepl usage` over calls that were really made."""

import csv
import io
import json
import shutil

import pytest

from llmrepl.testing import Refused, Reply
from llmrepl.usage import Usage
from tests.docs.console import ROOT

ENDS = ("tokens", "cost")
SESSION = ROOT / "sessions/golden/mends-an-error.jsonl"
PRICES = """
[prices."openai/tea"]
input = 1000
output = 10000
cache_read = 100
[budgets]
month = 20
warn = ["month"]
"""
MADE = (Usage(100, 20), Usage(200, 10, cache_read=100))


@pytest.fixture
def used(machine, serve):
    serve(*(Reply("Yes.", usage=usage) for usage in (*MADE, Usage(50, 5))))
    machine.configure(PRICES)
    for _ in MADE:
        assert machine.run("run", "--model", "openai/tea", "hello").code == 0
    assert machine.run("run", "--model", "groq/tea", "hello", "--no-save").code == 0
    return machine


def test_what_calls_took_is_shown_with_what_nobody_knows(used):
    shown = used.run("usage", "--by", "model").out
    lines = shown.splitlines()
    assert lines[0].split() == ["model", "calls", "↑", "in", "cached", "↓", "out", "cost"]
    assert lines[1].split()[:6] == ["openai/tea", "2", "300", "100", "30", "$0.51"]
    assert "█" in lines[1]
    assert lines[2].split() == ["groq/tea", "1", "50", "0", "5", "$?"]
    assert "nobody knows what groq/tea costs: 1 call in no sum" in shown
    assert "saved by caches: $0.0900" in shown
    assert "this month: $0.51 so far, about $" in shown
    assert "budget for month: $0.51 of $20.00 (2%), then warn" in shown
    assert "prices: genai-prices " in shown
    assert ", newest price of 20" in shown


def test_whatever_it_is_by_the_sum_is_the_same(used):
    for by in ("day", "week", "month", "session", "project", "purpose"):
        found = used.run("usage", "--by", by, "--json").json
        assert sum(row["calls"] for row in found["rows"]) == found["total"]["calls"] == 3
        assert found["total"]["cost_usd"] == 0.51
        assert found["unpriced"] == {"groq/tea": 1}
        assert found["budgets"][0]["spent_usd"] == 0.51


def test_by_tool_it_is_what_saved_sessions_say_of_its_calls(machine):
    sessions = machine.home / ".local" / "share" / "llmrepl" / "sessions"
    sessions.mkdir(parents=True)
    shutil.copy(SESSION, sessions)
    ran = machine.run("usage", "--by", "tool", "--json")
    assert "1 session read" in ran.err
    found = ran.json
    python = next(row for row in found["rows"] if row["tool"] == "python")
    assert (python["calls"], python["errors"]) == (2, 1)
    answers = found["rows"][-1]
    assert 0 < python["p50_ms"] <= python["p95_ms"] <= python["seconds"] * 1000
    assert answers["tool"] == "(no tool)"
    for figure in ("calls", "tokens"):
        assert found["total"][figure] == sum(row[figure] for row in found["rows"])
    shown = machine.run("usage", "--by", "tool").out.splitlines()
    assert shown[0].split() == ["tool", "calls", "errors", "p50", "p95", "in", "all", *ENDS]
    assert {line.split()[0] for line in shown[1:5]} == {"python", "bash", "(no", "all"}
    rows = csv.DictReader(io.StringIO(machine.run("usage", "--by", "tool", "--csv").out))
    assert {row["tool"]: row["calls"] for row in rows}["python"] == "2"
    nothing = machine.run("usage", "--by", "tool", "--since", "2100-01-01")
    assert "No calls since 2100-01-01." in nothing.err


def test_only_what_was_since_a_time(used):
    assert used.run("usage", "--since", "1h", "--json").json["total"]["calls"] == 3
    assert used.run("usage", "--since", "2100-01-01", "--json").json["total"]["calls"] == 0
    wrong = used.run("usage", "--since", "soon")
    assert wrong.code == 2
    assert "--since soon is no time; accepted: 30m, 2h, 7d" in wrong.err


def test_the_rows_can_be_had_as_csv(used):
    (row, other) = csv.DictReader(io.StringIO(used.run("usage", "--by", "model", "--csv").out))
    assert (row["model"], row["input_tokens"], row["cost_usd"]) == ("openai/tea", "300", "0.51")
    assert other["unpriced"] == "1"


def test_saved_sessions_are_brought_in_once(used):
    before = used.run("usage", "--json").json["total"]
    (database,) = used.home.rglob("usage.db")
    assert used.run("usage", "--import", "--json").json["total"] == before
    for file in database.parent.glob("usage.db*"):
        file.unlink()
    after = used.run("usage", "--import", "--json").json["total"]
    assert (after["calls"], after["cost_usd"]) == (2, 0.51)  # one was not saved


def test_where_nothing_was_called_that_is_said(machine):
    ran = machine.run("usage")
    assert ran.code == 0
    assert "No calls in the last 30 days." in ran.err
    assert json.loads(machine.run("usage", "--json").out)["rows"] == []


def purposes(machine):
    rows = machine.run("usage", "--by", "purpose", "--json").json["rows"]
    return {row["purpose"]: (row["calls"], row["cost_usd"]) for row in rows}


def test_calls_beside_a_chat_are_in_the_ledger_by_what_they_were_for(machine, serve):
    taken = Usage(100, 2)
    serve(*(Reply("Yes.", usage=taken) for _ in range(9)))
    machine.configure(PRICES)
    model = ("--model", "openai/tea")
    assert machine.run("check", "provider", *model).code == 0
    assert purposes(machine) == {"check": (1, 0.12)}
    live = ("--live", *model)
    assert machine.run("verify", SESSION, *live).code == 0
    assert machine.run("whatif", SESSION, *live).code == 0
    found = purposes(machine)
    assert found["check"] == (1, 0.12)
    assert found["verify"] == found["whatif"] == (4, 0.48)


def test_what_failed_beside_a_chat_cost_nothing(machine, serve):
    serve(Refused(503))
    machine.configure(PRICES)
    assert machine.run("check", "provider", "--model", "openai/tea").code == 1
    assert purposes(machine) == {"check": (1, 0.0)}


def test_the_demo_assistant_is_no_service_and_no_call(machine):
    machine.run("check", "provider", "--model", "demo/assistant")
    assert purposes(machine) == {}


def test_a_budget_holds_beside_a_chat_too(machine, serve):
    server = serve(Reply("Yes.", usage=Usage(100, 2)))
    machine.configure(PRICES.replace('warn = ["month"]', "day = 0.01"))
    (row,) = map(
        json.loads, machine.run("check", "--json", "provider", "--model", "openai/tea").lines
    )
    assert row["status"] == "warning"
    assert row["message"].startswith("not asked: the budget of $0.0100 for today has $0.0100 left")
    assert "raise budgets.day" in row["fix"]
    ran = machine.run("verify", SESSION, "--live", "--model", "openai/tea", "--json")
    assert {step["outcome"] for step in ran.json["asked"]} == {"not asked"}
    assert not server.requests
