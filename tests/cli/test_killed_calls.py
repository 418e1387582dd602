"""Calls whose process is killed are spent: at the least what they sent, until more is known."""

import sqlite3
from contextlib import closing
from decimal import Decimal

from llmrepl.accounting import Ledger, Spender
from llmrepl.accounting.charges import Charge
from llmrepl.budgets import Asked, Budget
from llmrepl.testing import Broken
from llmrepl.usage import Cost
from tests.accounting.spending import TODAY
from tests.cli.machine import until

HANGS = Broken("", "hang")
DAY = [Budget("day", Decimal(9))]
ASKED = Asked(Decimal(1), Decimal(1), capped=True)
PRICE = """
[prices."openai/tea"]
input = 1000
output = 0
[budgets]
day = {day}
"""
LOST = ("interrupted", "openai", "tea", 1)
ANSWERED = ("ok", "openai", "tea", 1)


def ask(machine, *args):
    return machine.run("run", "--model", "openai/tea", *args, "hello")


def killed(machine, server, *args):
    """Ask, and kill llmrepl as soon as the service has the request."""
    before = len(server.requests)
    with machine.start("run", "--model", "openai/tea", *args, "hello") as process:
        until(lambda: len(server.requests) > before)
        process.kill()


def charges(machine, columns="status, provider, model, cost > 0"):
    file = machine.home / ".local" / "state" / "llmrepl" / "usage.db"
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM under_way").fetchone() == (0,)
        return db.execute(f"SELECT {columns} FROM charges ORDER BY at").fetchall()


def test_a_budget_is_not_exceeded_by_killing_what_spends_it(machine, serve):
    server = serve(HANGS, "Never asked.")
    machine.configure(PRICE.format(day=5))
    killed(machine, server, "--no-save")
    ran = ask(machine, "--no-save")
    assert ran.code == 6
    assert "for today has" in ran.err
    assert len(server.requests) == 1
    assert charges(machine) == [LOST]


def test_it_is_one_call_once_its_session_goes_on(machine, serve):
    server = serve(HANGS, *["Yes."] * 9)
    machine.configure(PRICE.format(day=50))
    killed(machine, server, "--session", "mine")
    assert ask(machine, "--session", "other").code == 0
    assert charges(machine) == [LOST, ANSWERED]
    assert ask(machine, "--session", "mine").code == 0
    assert charges(machine) == [LOST, *[ANSWERED] * 3]  # the turn that was broken off goes on
    keys = [key for (key,) in charges(machine, "key")]
    assert not [key for key in keys if "held" in key]


def test_what_a_summary_has_sent_stays_spent_when_its_session_goes_on(tmp_path):
    with closing(Ledger(tmp_path / "usage.db")) as ledger:
        whose, cost = Spender("mine"), Cost(Decimal(2))
        for purpose in ("main", "compact"):
            call = Charge(0, 2_000, "openai", "tea", purpose, cost=cost)
            assert ledger.hold(whose, DAY, ASKED, TODAY, call=call)[0].word == "go"
        gone = ledger.database.write(lambda db: db.execute("SELECT process FROM held LIMIT 1"))
        place, _, began = gone.fetchone()[0].rsplit(" ", 2)
        ended = f"{place} {2**22 + 1} {began}"  # more than there are numbers of processes
        ledger.database.write(lambda db: db.execute("UPDATE held SET process = ?", (ended,)))
        ledger.hold(Spender("other"), DAY, ASKED, TODAY)
        assert ledger.drawn(whose, DAY, TODAY)[0].spent == 4
        ledger.add(whose, [Charge(7, 2_600, "openai", "tea", cost=Cost(Decimal(3)))])
        assert ledger.drawn(whose, DAY, TODAY)[0].spent == 5
