"""A ledger that cannot be written for a while loses nothing, and holds nothing up afterwards."""

import asyncio
import os
import socket
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from llmrepl.accounting import Accounts, Ledger, Meter, Spender, UsageError
from llmrepl.accounting.accounts import periods
from llmrepl.accounting.charges import Charge
from llmrepl.accounting.ledger import STALE
from llmrepl.budgets import Asked, Budget
from llmrepl.conversation import Conversation
from llmrepl.errors import BudgetExceeded
from llmrepl.events import MessageFinished, StepStarted
from llmrepl.ports import Choice, Request
from llmrepl.providers.registry import open_provider
from llmrepl.record import Record
from llmrepl.testing import FakeClock
from llmrepl.usage import Cost

ASKED = Asked(Decimal("0.6"), Decimal("0.6"), capped=True)
DAY = [Budget("day", Decimal(1))]


class Books:
    """Accounts over a ledger whose tables can be taken away, and put back."""

    def __init__(self, path):
        self.path = path
        self.clock = FakeClock(tick=1.0)
        self.session = "one"
        meter = Meter({"openai/tea": {"input": 0, "output": 100_000}})
        self.accounts = Accounts(
            Ledger(path),
            meter,
            self.clock,
            lambda: Spender(self.session, "/tea", "ada"),
            lambda: DAY,
        )
        url = "https://model.example.com/v1"
        self.choice = Choice(open_provider("openai", {"base_url": url, "api_key": "none"}), "tea")

    async def reserve(self):
        request = Request("tea", "", (), max_tokens=6, estimated_tokens=1)
        await self.accounts.reserve(self.choice, request, Conversation())

    async def settle(self):
        return await self.accounts.settle(Conversation())

    def call(self, seq, dollars):
        """Let records say that a call has ended."""
        at = self.clock.now()
        begun = StepStarted(provider="openai", model="tea", estimated_tokens=1)
        self.accounts.show(Record(seq, at, 1, 1, begun))
        message = MessageFinished(parts=(), stop="end_turn", cost=Cost(output=Decimal(dollars)))
        self.accounts.show(Record(seq + 1, at, 1, 1, message))

    def move(self, **names):
        """Rename tables, as `move(charges="gone")`."""
        with closing(sqlite3.connect(self.path)) as db:
            for old, new in names.items():
                db.execute(f"ALTER TABLE {old} RENAME TO {new}")

    def rows(self, query):
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute(query).fetchall()


@pytest.fixture
def books(tmp_path):
    made = Books(tmp_path / "usage.db")
    yield made
    made.accounts.close()


def test_what_could_not_be_let_go_is_let_go_with_the_next_call(books):
    async def story():
        await books.reserve()
        books.call(1, "0.1")
        books.move(charges="gone")
        await books.settle()
        assert books.rows("SELECT count(*) FROM held") == [(1,)]
        books.move(gone="charges")
        await books.reserve()
        assert books.rows("SELECT count(*) FROM held") == [(1,)]
        assert books.rows("SELECT key FROM charges") == [("one:2",)]
        await books.settle()
        assert books.rows("SELECT count(*) FROM held") == [(0,)]

    asyncio.run(story())


def test_what_could_not_be_written_counts_before_the_next_call(books):
    async def story():
        await books.reserve()
        books.call(1, "0.9")
        books.move(charges="gone")
        await books.settle()
        books.move(gone="charges")
        with pytest.raises(BudgetExceeded, match=r"\$0.90 spent"):
            await books.reserve()

    asyncio.run(story())


def test_what_waits_of_several_sessions_is_each_of_its_own(books):
    async def story():
        await books.reserve()
        books.move(charges="gone")
        for seq, session in ((1, "one"), (3, "two"), (5, "one"), (7, "three")):
            books.session = session
            books.call(seq, "0.01")
        await books.settle()
        books.move(gone="charges")
        books.session = "one"
        books.call(9, "0.01")
        await books.settle()
        found = books.rows("SELECT key FROM charges ORDER BY key")
        assert [key for (key,) in found] == ["one:10", "one:2", "one:6", "three:8", "two:4"]

    asyncio.run(story())


def test_no_amount_is_too_large_for_the_ledger(tmp_path):
    with closing(Ledger(tmp_path / "usage.db")) as ledger:
        whose, now = Spender("one"), periods(10**12)
        absurd = [
            Charge(seq, 10**12, "openai", "tea", cost=Cost(Decimal(10**30))) for seq in (1, 2)
        ]
        ledger.add(whose, absurd)
        (drawn,) = ledger.drawn(whose, DAY, now)
    assert drawn.spent > 1000


def test_a_number_that_is_none_is_said_and_nothing_is_kept(tmp_path):
    with closing(Ledger(tmp_path / "usage.db")) as ledger, pytest.raises(UsageError):
        ledger.add(Spender("one"), [Charge(1, 10**30, "openai", "tea")])


def test_a_clock_that_jumps_lets_nothing_go_of_a_process_that_runs(tmp_path):
    with closing(Ledger(tmp_path / "usage.db")) as ledger:
        now = periods(10**12)
        assert ledger.hold(Spender("one"), DAY, ASKED, now)[0].word == "go"
        for later in (periods(10**12 + 2 * STALE), periods(10**12 - 2 * STALE)):
            assert ledger.hold(Spender("two"), DAY, ASKED, later)[0].word == "wait"


def test_what_another_machine_holds_is_let_go_after_a_day(tmp_path):
    with closing(Ledger(tmp_path / "usage.db")) as ledger:
        now = periods(10**12)
        ledger.hold(Spender("one"), DAY, ASKED, now)
        elsewhere = f"not-{socket.gethostname()} here {os.getpid()} 5"
        ledger.database.write(lambda db: db.execute("UPDATE held SET process = ?", (elsewhere,)))
        assert ledger.hold(Spender("two"), DAY, ASKED, now)[0].word == "wait"
        later = periods(10**12 + 2 * STALE)
        assert ledger.hold(Spender("two"), DAY, ASKED, later)[0].word == "go"
