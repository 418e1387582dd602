"""Keeps a session's calls in the ledger and within the budgets (`llmrepl.ports.Accounts`).

Nothing here waits for the disk in the event loop: one thread has the ledger, and does one thing
after the other. What it cannot write waits for the next time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import groupby

from llmrepl.accounting.bounds import bounds
from llmrepl.accounting.charges import Charge, Charging
from llmrepl.accounting.database import UsageError
from llmrepl.accounting.ledger import Ledger, Periods, Spender
from llmrepl.accounting.meter import Meter
from llmrepl.accounting.telling import alert, refusal, unusable
from llmrepl.accounting.worker import Worker
from llmrepl.budgets import Asked, Budget, Drawn, Verdict, crossed
from llmrepl.conversation import Conversation
from llmrepl.ports import Choice, Clock, Request
from llmrepl.record import Record
from llmrepl.usage import Cost, Usage

PATIENCE, PAUSE = 60.0, 0.1
"""Seconds that a call waits for others to end, and between two looks."""

LEAVE = 6.0
"""Seconds that leaving the chat waits for what is not written yet."""

COUNTED_HERE = ("step", "turn", "session")
"""Scopes whose spending the conversation itself knows, with what was taken back."""

Changed = list[tuple[Budget, Decimal, Decimal]]
"""Budgets, each with what was spent of it before a call and after."""


class Accounts:
    """The accounts of a chat; `show` takes in its records as a display does.

    Args:
        ledger: where calls are kept.
        meter: knows prices, and what a request may take.
        clock: tells the time.
        spender: returns whose calls these are now.
        budgets: returns the budgets there are now.
    """

    def __init__(
        self,
        ledger: Ledger,
        meter: Meter,
        clock: Clock,
        spender: Callable[[], Spender],
        budgets: Callable[[], Sequence[Budget]],
    ) -> None:
        self._ledger = ledger
        self._meter = meter
        self._clock = clock
        self._spender = spender
        self._budgets = budgets
        self._trouble = meter.estimates.trouble
        self._charging = Charging()
        self._waiting: deque[tuple[Spender, Charge]] = deque()
        self._held = 0
        self._owed: list[int] = []
        self._before: dict[str, Decimal] = {}
        self._known: dict[str, Decimal] = {}
        self._worker = Worker("llmrepl-ledger")
        self._writing: Future[Changed] | None = None

    def restart(self, records: Iterable[Record], after: int = 0) -> None:
        """Go on in another session, and keep what is not kept of it yet.

        Args:
            records: those it has.
            after: the last record that it has from the session it was forked from.
        """
        self._charging = Charging()
        spender = self._spender()
        for record in records:
            charge = self._charging.take(record)
            if charge is not None and charge.seq > after:
                self._waiting.append((spender, charge))
        self._write()

    def show(self, record: Record) -> None:
        """Take in a record."""
        charge = self._charging.take(record)
        if charge is not None:
            self._waiting.append((self._spender(), charge))

    async def reserve(self, choice: Choice, request: Request, state: Conversation) -> None:
        """Hold what a call may cost; see `llmrepl.ports.Accounts`."""
        budgets = self._budgets()
        if not budgets:
            return
        self._before = spent = spending(state)
        asked = await bounds(self._meter, choice.provider, request)
        deadline = self._clock.monotonic() + PATIENCE
        while True:
            now = periods(self._clock.now())
            call = under_way(choice.provider.name, request, asked, now)
            hold = partial(self._hold, self._spender(), budgets, asked, now, spent, call)
            try:
                verdict = await self._judged(self._worker.submit(hold))
            except UsageError as error:
                self._unusable(error, budgets)
                return
            if verdict.word == "wait" and self._clock.monotonic() < deadline:
                await asyncio.sleep(PAUSE)
                continue
            break
        if verdict.word != "go":
            raise refusal(verdict, asked, choice.name)

    def _hold(
        self,
        spender: Spender,
        budgets: Sequence[Budget],
        asked: Asked,
        now: Periods,
        spent: dict[str, Decimal],
        call: Charge,
    ) -> tuple[Verdict, int]:
        """Judge a call by all that was spent, what could not be written before included.

        On the ledger's own thread.

        Raises:
            UsageError: the ledger cannot be used.
        """
        if self._waiting or self._owed:
            self._keep(0)
        return self._ledger.hold(spender, budgets, asked, now, spent, call)

    async def _judged(self, holding: Future[tuple[Verdict, int]]) -> Verdict:
        """Return a verdict, and remember what is held; let it go where nobody waits any more."""
        try:
            verdict, self._held = await asyncio.wrap_future(holding)
        except asyncio.CancelledError:
            holding.add_done_callback(self._let_go)
            raise
        return verdict

    def _let_go(self, holding: Future[tuple[Verdict, int]]) -> None:
        if not holding.cancelled() and holding.exception() is None and holding.result()[1]:
            release = partial(self._ledger.settle, holding.result()[1], self._spender(), ())
            self._worker.submit(release)

    async def settle(self, state: Conversation) -> Sequence[str]:
        """Keep what calls took and let go what was held; see `llmrepl.ports.Accounts`."""
        held, self._held = self._held, 0
        if not (self._waiting or held or self._owed):
            return self._problems()
        budgets = self._budgets()
        if not (budgets or held or self._owed):
            self._write()
            return self._problems()
        kept = [each for each in budgets if each.scope not in COUNTED_HERE]
        keep = partial(self._keep, held, kept, periods(self._clock.now()))
        try:
            changed = await asyncio.shield(asyncio.wrap_future(self._worker.submit(keep)))
        except UsageError as error:
            self._trouble.note(error)
            changed = []
        self._known |= {budget.scope: after for budget, _, after in changed}
        after = spending(state)
        for budget in budgets:
            if budget.scope in self._before and budget.scope in COUNTED_HERE:
                changed.append((budget, self._before[budget.scope], after[budget.scope]))
        self._before = after
        told = [
            alert(budget, now, mark)
            for budget, before, now in changed
            if (mark := crossed(budget, before, now))
        ]
        return [*told, *self._problems()]

    async def look(self) -> None:
        """Find out what is spent of the budgets that go by the ledger, for `drawn`.

        Raises:
            UsageError: the ledger cannot be read.
        """
        budgets = [each for each in self._budgets() if each.scope not in COUNTED_HERE]
        if budgets:
            now = periods(self._clock.now())
            look = partial(self._ledger.drawn, self._spender(), budgets, now)
            found = await asyncio.wrap_future(self._worker.submit(look))
            self._known |= {each.budget.scope: each.spent for each in found}

    def drawn(self, state: Conversation) -> list[Drawn]:
        """Return what is spent of each budget, as of this chat's last call or look.

        A budget that goes by the ledger is left out until that was looked at.
        """
        spent = {**self._known, **spending(state)}
        return [Drawn(each, spent[each.scope]) for each in self._budgets() if each.scope in spent]

    def close(self) -> None:
        """Let what there is to keep be kept; blocks, but not for long."""
        if self._waiting or self._held or self._owed:
            held, self._held = self._held, 0
            self._worker.submit(partial(self._keep, held))
        if self._worker.begun:
            self._worker.submit(self._ledger.close)
            self._worker.close(LEAVE)

    def _write(self) -> None:
        """Have what waits be written, unless it is about to be, and wait for nothing."""
        if self._waiting and (self._writing is None or self._writing.done()):
            self._writing = self._worker.submit(partial(self._keep, 0))
            self._writing.add_done_callback(self._written)

    def _written(self, writing: Future[Changed]) -> None:
        if writing.cancelled():
            return  # the chat is being left
        if isinstance(error := writing.exception(), UsageError):
            self._trouble.note(error)
        elif self._waiting:  # it came while the others were written
            self._write()

    def _keep(
        self, held: int, budgets: Sequence[Budget] = (), now: Periods | None = None
    ) -> Changed:
        """Write what waits, and let go what is held; on the ledger's own thread.

        Raises:
            UsageError: it could not be written or let go; that waits for the next time.
        """
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        if held:
            self._owed.append(held)
        if not (taken or self._owed or budgets):
            return []
        try:
            *before, (whose, last) = _by_spender(taken) or [(self._spender(), [])]
            for spender, made in before:
                self._ledger.add(spender, made)
                del taken[: len(made)]
            for other in self._owed[:-1]:
                self._ledger.settle(other, whose, ())
            changed = self._ledger.settle((self._owed or [0])[-1], whose, last, budgets, now)
        except UsageError:
            self._waiting.extendleft(reversed(taken))
            raise
        self._owed.clear()
        return changed

    def _unusable(self, error: UsageError, budgets: Sequence[Budget]) -> None:
        """Say that the ledger cannot be used; refuse the call where a budget needs it."""
        if refused := unusable(error, [b for b in budgets if b.scope not in COUNTED_HERE]):
            raise refused
        self._trouble.note(error)

    def _problems(self) -> list[str]:
        problem = self._trouble.take()
        return [problem] if problem else []


def under_way(provider: str, request: Request, asked: Asked, now: Periods) -> Charge:
    """Return what a call takes at the least that is about to be made."""
    sent = Usage(request.estimated_tokens, estimated=True)
    cost = None if asked.least is None else Cost(input=asked.least)
    return Charge(0, now.now, provider, request.model, request.purpose, usage=sent, cost=cost)


def _by_spender(
    taken: Iterable[tuple[Spender, Charge]],
) -> list[tuple[Spender, list[Charge]]]:
    """Return charges with those next to them of the same spender, in their order."""
    return [
        (spender, [charge for _, charge in own])
        for spender, own in groupby(taken, lambda each: each[0])
    ]


def spending(state: Conversation) -> dict[str, Decimal]:
    """Return what a conversation has spent, by the scopes that it knows."""
    return {
        "step": state.step_spend.total,
        "turn": state.turn_spend.total,
        "session": state.session_spend.total,
    }


def periods(now: int) -> Periods:
    """Return when the day and the month began, by the local calendar; `now` in milliseconds."""
    today = datetime.fromtimestamp(now / 1000).astimezone()
    day = today.replace(hour=0, minute=0, second=0, microsecond=0)
    return Periods(now, _ms(day), _ms(day.replace(day=1)))


def _ms(when: datetime) -> int:
    """Return Unix time in milliseconds of a local time, whatever its clock is set by that day."""
    return round(when.replace(tzinfo=None).timestamp() * 1000)
