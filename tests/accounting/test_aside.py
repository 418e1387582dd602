"""Calls beside a chat's turns: each is held, kept and let go, however it ends."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal

import pytest

from llmrepl.accounting import Aside, Meter, Spender
from llmrepl.budgets import STOP, WARN, Budget
from llmrepl.errors import BudgetExceeded, ProviderUnreachable
from llmrepl.ports import ChatMessage, Request
from llmrepl.usage import Usage

PRICES = {"openai/tea": {"input": 0, "output": 10_000}}  # a cent for each token received
CENTS = 10**10


@dataclass
class Named:
    """As much of a provider as is looked at."""

    name: str = "openai"
    local: bool = False


def request(most=10, model="tea"):
    return Request(
        model, "", (ChatMessage("user", "hello"),), max_tokens=most, estimated_tokens=100
    )


class World:
    """A database, and a run of calls that count towards budgets."""

    def __init__(self, path, *budgets):
        self.path = path
        whose = Spender("", "/tea", "ada")
        self.aside = Aside(path, Meter(PRICES), whose, budgets, "check")

    async def call(self, said=5, wait=None, error=None, **given):
        async with self.aside.call(Named(), request(**given)) as took:
            if wait is not None:
                await wait()
            if error is not None:
                raise error
            took.usage = Usage(100, said)

    def rows(self, columns="purpose, status, input_tokens, output_tokens, cost"):
        with closing(sqlite3.connect(self.path)) as db:
            assert db.execute("SELECT count(*) FROM held").fetchone() == (0,)
            return db.execute(f"SELECT {columns} FROM charges ORDER BY key").fetchall()


@pytest.fixture
def world(tmp_path):
    return lambda *budgets: World(tmp_path / "usage.db", *budgets)


def day(cents, then=STOP):
    return Budget("day", Decimal(cents) / 100, then)


def test_a_call_is_kept_as_it_was_counted(world):
    world = world()
    asyncio.run(world.call())
    assert world.rows() == [("check", "ok", 100, 5, 5 * CENTS)]
    ((session, project, person),) = world.rows("session, project, person")
    assert session.startswith("check-")
    assert (project, person) == ("/tea", "ada")


def test_one_that_failed_cost_nothing(world):
    world = world(day(10))
    with pytest.raises(ProviderUnreachable):
        asyncio.run(world.call(error=ProviderUnreachable("nobody is there")))
    assert world.rows() == [("check", "failed", 0, 0, 0)]


def test_one_that_was_broken_off_is_estimated_and_what_it_held_is_let_go(world):
    world = world(day(10))

    async def broken_off():
        under_way = asyncio.Event()

        async def wait():
            under_way.set()
            await asyncio.Event().wait()

        call = asyncio.ensure_future(world.call(wait=wait))
        await under_way.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(broken_off())
    assert world.rows("status, input_tokens, estimated") == [("cancelled", 100, 1)]


def test_one_that_could_not_be_kept_is_let_go_by_the_next_and_has_cost_what_it_sent(world):
    world = world(day(10))

    def renamed(old, new):
        with closing(sqlite3.connect(world.path)) as db:
            db.execute(f"ALTER TABLE {old} RENAME TO {new}")

    async def story():
        async def away():
            renamed("charges", "gone")

        await world.call(wait=away)
        renamed("gone", "charges")
        await world.call()

    asyncio.run(story())
    assert world.rows("status, output_tokens") == [("ok", 5), ("interrupted", 0)]


def test_one_that_is_ended_while_the_ledger_fails_is_not_made(world):
    world = world(day(100, WARN))

    async def story():
        await world.call()
        with closing(sqlite3.connect(world.path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ALTER TABLE held RENAME TO gone")
            made = []
            call = asyncio.ensure_future(world.call(wait=lambda: made.append(1)))
            await asyncio.sleep(0.2)  # until it waits for the ledger
            call.cancel()
            await asyncio.sleep(0)
            db.execute("COMMIT")
            with pytest.raises(asyncio.CancelledError):
                await call
            assert not made

    asyncio.run(story())


def test_many_at_once_spend_no_more_than_there_is(world):
    world = world(day(25))

    async def many():
        return await asyncio.gather(
            *(world.call(said=10) for _ in range(5)), return_exceptions=True
        )

    made = asyncio.run(many())
    assert sum(isinstance(each, BudgetExceeded) for each in made) == 3
    assert [row[-1] for row in world.rows()] == [10 * CENTS] * 2


def test_a_budget_that_warns_stops_none(world):
    world = world(day(1, WARN))
    asyncio.run(world.call())
    assert len(world.rows()) == 1


def test_where_the_ledger_cannot_be_used_a_budget_that_stops_refuses(world):
    world = world(day(100))
    world.path.write_text("this is no database, and it is long enough for nobody to think so" * 9)
    with pytest.raises(BudgetExceeded, match="no budget can be kept"):
        asyncio.run(world.call())


def test_where_it_cannot_be_used_and_nothing_stops_the_call_is_made(world):
    world = world(day(100, WARN))
    world.path.write_text("this is no database, and it is long enough for nobody to think so" * 9)
    asyncio.run(world.call())
