"""Real calls within budgets: what a service is asked, what is told, what the ledger keeps."""

import asyncio
import json
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from llmrepl.compose import assemble
from llmrepl.compose.opening import Wanted
from llmrepl.config import load
from llmrepl.config.paths import usage_database
from llmrepl.events import ErrorRaised, MessageFinished, NoteAdded
from llmrepl.parts import Text
from llmrepl.testing import ModelServer, Refused, Reply
from llmrepl.usage import Usage
from tests.config.world import World

MODEL, UNPRICED = "openai/tea", "groq/tea"
PRICE = f'[prices."{MODEL}"]\ninput = 0\noutput = 10000\n'  # a cent for each token received


class Chat:
    """Has turns with a model server, in a process's worth of assemblies."""

    def __init__(self, root, server):
        self.world = World(root)
        self.server = server
        self.ledger = usage_database(self.world.environ)
        self.environ = {**self.world.environ, "OPENAI_API_KEY": "sk_of_the_test", "USER": "ada"}
        self.stops = []

    def configure(self, text):
        address = f'[providers.openai]\nbase_url = "{self.server.url}/v1"\n'
        address += f'[providers.groq]\nbase_url = "{self.server.url}"\napi_key = "gsk_tea"\n'
        self.world.user(f"{text}\n{address}")

    def talk(self, *prompts, wanted=None, compact=False, **flags):
        """Have turns; return the events of the session."""
        given = {"model": MODEL, **{name.replace("__", "."): v for name, v in flags.items()}}

        async def told():
            config = load(given, self.environ, self.world.project).config
            assembly = await assemble(
                config, wanted=wanted, environ=self.environ, cwd=self.world.project
            )
            seen = []
            assembly.runtime.subscribe(Seeing(seen))
            try:
                for prompt in prompts:
                    self.stops.append(await assembly.runtime.turn((Text(prompt),)))
                if compact:
                    await assembly.runtime.compact()
            finally:
                await assembly.close()
            return seen

        return asyncio.run(told())

    def rows(self, columns="status, input_tokens, output_tokens, cost, estimated"):
        if not self.ledger.exists():
            return []
        with closing(sqlite3.connect(self.ledger)) as db:
            assert db.execute("SELECT count(*) FROM held").fetchone() == (0,)
            return db.execute(f"SELECT {columns} FROM charges ORDER BY at, key").fetchall()


class Seeing:
    def __init__(self, seen):
        self.seen = seen

    def show(self, record):
        if record.seq:
            self.seen.append(record.event)


@pytest.fixture
def chat(tmp_path):
    """Make a chat with a server that answers, each time with so many tokens sent and received."""
    servers = []

    def make(*script):
        replies = [
            Reply("Yes.", usage=Usage(*each)) if isinstance(each, tuple) else each
            for each in script
        ]
        servers.append(ModelServer(replies).__enter__())
        return Chat(tmp_path, servers[-1])

    yield make
    for server in servers:
        server.__exit__(None, None, None)


def errors(events):
    return [event for event in events if isinstance(event, ErrorRaised)]


def told(events):
    return [e.text for e in events if isinstance(e, NoteAdded) and "Budget" in e.text]


def test_a_call_is_in_the_ledger_as_its_service_counted_it(chat):
    chat = chat((100, 20), (200, 10))
    chat.configure(PRICE)
    chat.talk("one", "two")
    assert chat.rows() == [
        ("ok", 100, 20, 20 * 10**10, 0),
        ("ok", 200, 10, 10 * 10**10, 0),
    ]
    (row,) = set(chat.rows("project, person, purpose, provider, model, currency"))
    assert row == (str(chat.world.project), "ada", "main", "openai", "tea", "USD")
    assert json.loads(chat.rows("price")[0][0])["source"] == "configuration"


def test_an_unknown_price_is_not_zero(chat):
    chat = chat((100, 20))
    chat.configure("")
    chat.talk("one", model=UNPRICED)
    assert chat.rows() == [("ok", 100, 20, None, 0)]


def test_a_model_on_this_machine_costs_nothing_and_no_budget_stops_it(chat):
    chat = chat((100, 20))
    chat.configure("[budgets]\nday = 0\n")
    chat.talk("one")  # of a server at 127.0.0.1
    assert chat.rows("cost") == [(0,)]


def test_a_budget_for_the_day_holds_for_all_sessions_and_a_person_is_told(chat):
    chat = chat((100, 20), (200, 10), (100, 20))
    chat.configure(PRICE + "[budgets]\nday = 0.60\n[limits]\nmax_steps = 5\n")
    seen = chat.talk("one", "two", max_tokens=20)
    assert chat.stops == ["end_turn", "end_turn"]
    (half,) = told(seen)
    assert half.startswith("Budget: 50% is spent, $0.30 of $0.60 for today")
    seen = chat.talk("three", max_tokens=200)
    assert chat.stops.pop() == "budget"
    (error,) = errors(seen)
    assert error.kind == "BudgetExceeded"
    assert "the budget of $0.60 for today has $0.30 left" in error.message
    assert "raise budgets.day" in error.hint
    assert len(chat.server.requests) == len(chat.rows()) == 2


def test_a_budget_that_warns_stops_nothing(chat):
    chat = chat((100, 20), (100, 20))
    chat.configure(PRICE + '[budgets]\nday = 0.10\nwarn = ["day", "session"]\n')
    seen = chat.talk("one", "two", limits__budget="0.4")
    assert chat.stops == ["end_turn", "end_turn"]
    assert [text.partition(",")[0] for text in told(seen)] == [
        "Budget: all of it is spent", "Budget: 50% is spent", "Budget: all of it is spent",
    ]  # fmt: skip


@pytest.mark.parametrize("scope", ["step", "turn", "project", "user"])
def test_each_scope_has_its_budget(chat, scope):
    chat = chat((100, 20))
    chat.configure(PRICE + f"[budgets]\n{scope} = 0.0001\n")
    (error,) = errors(chat.talk("one", max_tokens=20))
    assert f"raise budgets.{scope}" in error.hint
    assert not chat.server.requests


def test_a_budget_that_stops_refuses_what_nobody_knows_the_price_of(chat):
    chat = chat((100, 20))
    chat.configure("[budgets]\nday = 5\n")
    (error,) = errors(chat.talk("one", model=UNPRICED))
    assert error.message.startswith(f"nobody knows what {UNPRICED} costs")
    assert not chat.server.requests


def test_a_ledger_that_cannot_be_used_is_told_and_keeps_a_budget_from_being_exceeded(chat):
    chat = chat((100, 20), (100, 20))
    chat.ledger.parent.mkdir(parents=True)
    chat.ledger.write_text("this is no database, and it is long enough for nobody to think so" * 9)
    chat.configure(PRICE + "[budgets]\nday = 5\n")
    (error,) = errors(chat.talk("one"))
    assert error.message.startswith("no budget can be kept: the usage database")
    assert not chat.server.requests


def test_a_request_that_failed_is_a_call_that_cost_nothing(chat):
    chat = chat(Refused(503), (100, 20))
    chat.configure(PRICE + "[budgets]\nday = 5\n[models]\npatience = 30\n")
    chat.talk("one")
    assert chat.rows("status, cost") == [("failed", 0), ("ok", 20 * 10**10)]


def test_what_a_crash_kept_from_the_ledger_is_brought_in_when_the_session_goes_on(chat):
    chat = chat((100, 20), (100, 20))
    chat.configure(PRICE)
    chat.talk("one", wanted=Wanted(session="mine"))
    chat.ledger.unlink()
    chat.talk("two", wanted=Wanted(session="mine"))
    assert chat.rows("key, cost") == [("mine:4", 20 * 10**10), ("mine:9", 20 * 10**10)]


def test_a_fork_does_not_pay_again_for_what_it_was_forked_from(chat):
    chat = chat((100, 20), (100, 20))
    chat.configure(PRICE)
    chat.talk("one", wanted=Wanted(session="mine"))
    chat.talk("two", wanted=Wanted(fork="mine"))
    assert len(chat.rows()) == 2
    chat.talk(wanted=Wanted(resume="mine"))
    assert len(chat.rows()) == 2


def test_the_ledger_equals_what_the_sessions_say(chat):
    chat = chat((100, 20), Refused(500), (300, 20))
    chat.configure(PRICE)
    seen = chat.talk("one", "two", "three")
    said = [event for event in seen if isinstance(event, MessageFinished)]
    cost = sum((event.cost.total for event in said), Decimal(0))
    assert sum(row[0] for row in chat.rows("cost")) == cost * 10**12
    assert sum(row[0] for row in chat.rows("input_tokens")) == 400
