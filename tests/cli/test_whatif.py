"""`llmrepl whatif`, and what `sessions show` tells of one place in a session."""

import json

import pytest

from tests.docs.console import ROOT

SESSION = ROOT / "sessions/golden/mends-an-error.jsonl"


def test_a_session_is_priced_on_each_model(machine):
    ran = machine.run(
        *("whatif", SESSION, "--model", "openai/gpt-4o", "--model", "openai/nobodys"),
        *("--model", "ollama/llama3.2", "--json"),
    )
    rows = [json.loads(line) for line in ran.lines]
    shown = [(row["model"], row["tokens"], row["cache"]) for row in rows]
    assert shown[:6] == [
        ("scripted/~/mends-an-error.txt", "stored", "as it was"),
        ("openai/gpt-4o", "stored", "without"),
        ("openai/gpt-4o", "stored", "with"),
        ("openai/gpt-4o", "counted", "without"),
        ("openai/gpt-4o", "counted", "with"),
        ("openai/nobodys", "stored", "without"),
    ]
    assert rows[1]["cost_usd"] > rows[2]["cost_usd"] > 0
    assert rows[3]["cost_usd"] > rows[4]["cost_usd"] > 0
    assert rows[5]["cost_usd"] is None
    assert rows[9]["cost_usd"] == 0
    assert all(row["assumptions"] for row in rows)


def test_with_live_a_model_is_asked_and_what_it_took_is_told(machine, serve):
    server = serve("Tea.", "Coffee.")
    table = '[prices."openai/small"]\ninput = 1\noutput = 1\n'
    machine.configure(f"{table}[providers.openai]\noptions = {{}}\n")
    ran = machine.run("whatif", SESSION, "--model", "openai/small", "--live", "--json")
    asked = json.loads(ran.lines[-1])
    assert (asked["tokens"], asked["cost_usd"] > 0) == ("now", True)
    assert asked["assumptions"][0].startswith("asked now at 2 of 4 steps")
    assert "only 2 replies" in asked["assumptions"][-1]
    assert len(server.requests) >= 2


def test_a_price_of_ones_own_counts(machine):
    machine.configure('[prices."openai/mine"]\ninput = 1000000\noutput = 0\n')
    ran = machine.run("whatif", SESSION, "--model", "openai/mine", "--json")
    first = json.loads(ran.lines[1])
    assert first["cost_usd"] == first["input_tokens"]
    assert "prices: configuration" in first["assumptions"]


def test_the_table_numbers_what_it_assumes(machine):
    out = machine.run("whatif", SESSION, "--model", "openai/gpt-4o").out
    assert "[1] tokens as" in out
    assert "gpt-4o" in out


def test_the_context_of_a_step_is_what_was_sent(machine):
    ran = machine.run("sessions", "show", SESSION, "--context", "1.2", "--json")
    told = [json.loads(line) for line in ran.lines]
    assert [message["role"] for message in told] == ["user", "assistant", "user"]
    assert "KeyError: 'Tea'" in told[2]["content"]
    assert "does not hold the system prompt" in ran.err
    assert "── assistant ──" in machine.run("sessions", "show", SESSION, "--context", "1.2").out


def test_the_state_at_a_record_is_told(machine):
    ran = machine.run("sessions", "show", SESSION, "--at", "5", "--json")
    assert ran.json["phase"] == "acting"
    assert ran.json["calls"] == [{"call_id": "1.1.1", "progress": "started"}]
    assert "phase: idle" in machine.run("sessions", "show", SESSION, "--at", "0").out


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (("--at", "999"), 1, "there are 1 to"),
        (("--context", "7.1"), 1, "there are: 1.1, 1.2"),
        (("--context", "x"), 2, "TURN.STEP"),
        (("--at", "1", "--context", "1.1"), 2, "two places"),
        (("--at", "1", "--context"), 1, "nothing had been sent by then"),
        (("--at", "999", "--context"), 1, "there are 1 to"),
    ],
)
def test_a_place_that_is_not_there_is_told(machine, options, code, why):
    ran = machine.run("sessions", "show", SESSION, *options)
    assert (ran.code, why in ran.err) == (code, True)


def test_a_file_that_is_not_there_is_told(machine):
    ran = machine.run("whatif", "no/such.jsonl", "--model", "openai/gpt-4o")
    assert (ran.code, "no/such.jsonl" in ran.err) == (1, True)
