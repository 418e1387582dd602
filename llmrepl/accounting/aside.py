"""Calls that are made beside a session's turns: within the budgets, and in the ledger.

Each such run has a name of its own where the ledger has a session's id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from llmrepl.accounting.accounts import PATIENCE, PAUSE, periods, under_way
from llmrepl.accounting.bounds import bounds
from llmrepl.accounting.charges import Charge
from llmrepl.accounting.database import UsageError
from llmrepl.accounting.ledger import Ledger, Spender
from llmrepl.accounting.meter import OWN_COUNT, Meter
from llmrepl.accounting.telling import refusal, unusable
from llmrepl.budgets import Asked, Budget, Verdict
from llmrepl.errors import ProviderError
from llmrepl.ports import Provider, Request
from llmrepl.usage import Usage

T = TypeVar("T")

SCOPES = ("session", "day", "month", "project", "user")
"""The budgets that such a call counts towards; its run is its session."""


@dataclass
class Took:
    """What a call took, told by whoever makes it; until then, it is what was sent."""

    usage: Usage


class Aside:
    """The calls of one run; any number of them may be under way.

    Args:
        path: the usage database.
        meter: knows prices, and what a request may take.
        whose: the directory and the account that they are made by; the session is this run.
        budgets: those there are.
        purpose: what they are made for, as the ledger has it.
    """

    def __init__(
        self,
        path: Path,
        meter: Meter,
        whose: Spender,
        budgets: Sequence[Budget],
        purpose: str,
    ) -> None:
        self._path = path
        self._meter = meter
        self._spender = Spender(f"{purpose}-{uuid4().hex[:16]}", whose.project, whose.person)
        self._budgets = [each for each in budgets if each.scope in SCOPES]
        self._purpose = purpose
        self._numbers = count(1)

    @asynccontextmanager
    async def call(self, provider: Provider, request: Request) -> AsyncIterator[Took]:
        """Hold what a call may cost while it is made, and keep what it took.

        Who has no service, such as the demo assistant, is not accounted for.

        Raises:
            BudgetExceeded: it may not be made.
        """
        took = Took(Usage(request.estimated_tokens, estimated=True))
        if provider.name in OWN_COUNT:
            yield took
            return
        held = await self._held(provider, request)
        at, began, status = time.time_ns() // 1_000_000, time.perf_counter(), "cancelled"
        try:
            yield took
            status = "ok"
        except ProviderError:
            status = "failed"
            took.usage = Usage()  # no service bills it
            raise
        finally:
            charge = Charge(
                next(self._numbers),
                at,
                provider.name,
                request.model,
                self._purpose,
                status,
                took.usage,
                await self._meter.cost(provider, request.model, took.usage),
                ms=(time.perf_counter() - began) * 1000,
            )
            await self._settle(held, [charge])

    async def _held(self, provider: Provider, request: Request) -> int:
        """Hold what a call may cost; return what `settle` takes."""
        if not self._budgets:
            return 0
        asked = await bounds(self._meter, provider, request)
        request = replace(request, purpose=self._purpose)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                verdict, held = await self._hold(provider.name, request, asked)
            except UsageError as error:
                if refused := unusable(error, self._budgets):
                    raise refused from None
                return 0
            if verdict.word == "go":
                return held
            if verdict.word == "stop" or time.monotonic() >= deadline:
                raise refusal(verdict, asked, f"{provider.name}/{request.model}")
            await asyncio.sleep(PAUSE)

    async def _hold(self, provider: str, request: Request, asked: Asked) -> tuple[Verdict, int]:
        def hold(ledger: Ledger) -> tuple[Verdict, int]:
            now = periods(time.time_ns() // 1_000_000)
            call = under_way(provider, request, asked, now)
            return ledger.hold(self._spender, self._budgets, asked, now, call=call)

        holding = asyncio.ensure_future(self._with(hold))
        try:
            return await asyncio.shield(holding)
        except asyncio.CancelledError:
            with suppress(UsageError):  # nothing is held then
                await self._settle((await holding)[1], [])
            raise

    async def _settle(self, held: int, made: Sequence[Charge]) -> None:
        """Keep what a call took; where that cannot be, the check of the database tells why."""
        with suppress(UsageError):
            await self._with(lambda ledger: ledger.settle(held, self._spender, made))

    async def _with(self, work: Callable[[Ledger], T]) -> T:
        """Return what comes of `work`, in a thread."""

        def done() -> T:
            with closing(Ledger(self._path)) as ledger:
                return work(ledger)

        return await asyncio.to_thread(done)
