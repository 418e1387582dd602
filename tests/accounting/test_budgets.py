import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrepl.accounting.charges import Charge
from llmrepl.accounting.ledger import Ledger, Spender
from llmrepl.budgets import Asked, Budget
from llmrepl.usage import Cost
from tests.accounting.spending import TODAY

ROOT = Path(__file__).parents[2]
CALLERS = 4


@pytest.fixture(scope="module")
def callers():
    command = [sys.executable, "-m", "tests.accounting.spending"]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1, text=True) for _ in range(CALLERS)
    ]
    yield started
    for each in started:
        each.stdin.close()
        each.wait()
        each.stdout.close()


def together(callers, path, budget, scope, jobs):
    for number, (caller, calls) in enumerate(zip(callers, jobs, strict=True)):
        session = "one" if scope == "session" else f"s{number}"
        calls_ = [] if scope == "session" and number else calls
        job = {"path": str(path), "budget": budget, "scope": scope, "session": session}
        caller.stdin.write(json.dumps({**job, "calls": calls_}) + "\n")
        caller.stdin.flush()
    return [json.loads(caller.stdout.readline()) for caller in callers]


def cents(path):
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM held").fetchone() == (0,)
        return (db.execute("SELECT sum(cost) FROM charges").fetchone()[0] or 0) / 10**10


SENT, SAID = st.integers(0, 9), st.integers(0, 30)
BOUNDED = st.tuples(SENT, SAID, st.booleans()).flatmap(
    lambda call: st.tuples(
        st.just(call[0]), st.just(call[1]), st.integers(0, call[1]), st.just(True)
    )
)
BY_WINDOW = st.tuples(SENT, SAID).flatmap(
    lambda call: st.tuples(
        st.just(call[0]), st.just(call[1]), st.integers(0, call[1]), st.just(False)
    )
)
OPEN = st.tuples(SENT, st.none(), SAID, st.just(False))
SCOPE = st.sampled_from(["day", "month", "project", "user", "session"])
PATIENT = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def jobs(call):
    return st.lists(st.lists(call, max_size=6), min_size=CALLERS, max_size=CALLERS)


@PATIENT
@given(st.integers(0, 100), SCOPE, jobs(BOUNDED))
def test_callers_whose_answers_are_bounded_never_exceed_a_budget(callers, budget, scope, calls):
    with TemporaryDirectory() as directory:
        path = Path(directory) / "usage.db"
        together(callers, path, budget, scope, calls)
        assert cents(path) <= budget


@PATIENT
@given(st.integers(0, 100), SCOPE, jobs(BOUNDED | BY_WINDOW | OPEN))
def test_a_budget_is_exceeded_by_the_answer_of_one_call_at_the_most(callers, budget, scope, calls):
    with TemporaryDirectory() as directory:
        path = Path(directory) / "usage.db"
        together(callers, path, budget, scope, calls)
        longest = max((said for job in calls for _, _, said, _ in job), default=0)
        assert cents(path) <= budget + longest


def test_what_a_process_held_that_was_killed_is_let_go(tmp_path):
    path = tmp_path / "usage.db"
    code = (
        "import os, sys; from pathlib import Path; from decimal import Decimal\n"
        "from llmrepl.accounting.ledger import *; from llmrepl.budgets import *\n"
        "from tests.accounting.spending import TODAY\n"
        "budget = [Budget('day', Decimal(1))]\n"
        "asked = Asked(Decimal(1), Decimal(1), True)\n"
        "print(Ledger(Path(sys.argv[1])).hold(Spender('a'), budget, asked, TODAY)[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, path]
    ledger, asked = Ledger(path), Asked(Decimal("0.5"), Decimal("0.5"), capped=True)
    budgets = [Budget("day", Decimal(1))]
    with subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1, text=True) as other:
        assert int(other.stdout.readline()) > 0
        assert ledger.hold(Spender("b"), budgets, asked, TODAY)[0].word == "wait"
        other.kill()
        other.wait()
    assert ledger.hold(Spender("b"), budgets, asked, TODAY)[0].word == "go"
    ledger.close()


def test_a_charge_is_kept_once(tmp_path):
    ledger = Ledger(tmp_path / "usage.db")
    charge = Charge(7, TODAY.now, "groq", "tea", cost=Cost(Decimal("0.25")))
    budgets = [Budget("day", Decimal(1))]
    for _ in range(3):
        ledger.add(Spender("a"), [charge])
        ledger.settle(0, Spender("a"), [charge])
    assert ledger.drawn(Spender("a"), budgets, TODAY)[0].spent == Decimal("0.25")
    ledger.close()


def test_a_usage_database_of_the_first_version_is_taken_over(tmp_path):
    path = tmp_path / "usage.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "CREATE TABLE calls (id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
            " provider TEXT NOT NULL, model TEXT NOT NULL, purpose TEXT NOT NULL,"
            " estimated INTEGER NOT NULL, input_tokens INTEGER NOT NULL,"
            " output_tokens INTEGER NOT NULL, doubtful INTEGER NOT NULL,"
            " requests INTEGER NOT NULL, content TEXT NOT NULL, counted INTEGER NOT NULL);"
            "INSERT INTO calls VALUES (1, 5, 'groq', 'tea', 'main', 9, 9, 1, 0, 1, '[]', 9);"
            "PRAGMA user_version = 1;"
        )
    ledger = Ledger(path)
    ledger.add(Spender("a"), [Charge(7, TODAY.now, "groq", "tea")])
    ledger.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
        assert db.execute("SELECT count(*) FROM calls").fetchone() == (1,)
        assert db.execute("SELECT key, cost FROM charges").fetchall() == [("a:7", None)]
