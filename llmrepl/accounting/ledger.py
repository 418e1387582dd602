"""The ledger: what every call of a model took, and what calls that are under way may take.

Each call is written once, whoever writes it and how often. What a call may take is held in the
transaction that looks whether it fits, so that callers in any number of processes spend no more
together than one of them could.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from llmrepl.accounting.charges import Charge
from llmrepl.accounting.database import Database
from llmrepl.budgets import Asked, Budget, Drawn, Verdict, judge
from llmrepl.usage import Cost, cost_of, decode_price, encode_cost

if TYPE_CHECKING:
    import sqlite3

PICO = Decimal(10) ** 12
"""What amounts are kept in: sums of whole numbers are exact."""

MOST = 10**17
"""What an amount is at the most: more than a call can cost, and sums of it are no overflow."""

DOLLARS = "USD"

STALE = 24 * 60 * 60 * 1000
"""Milliseconds after which what is held is let go whose holder cannot be seen from here."""

_ADD = (
    "INSERT OR IGNORE INTO charges VALUES"
    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

_LOST = """
INSERT OR IGNORE INTO charges
SELECT session || ':held-' || id, at, session, project, person, purpose, provider, model,
    'interrupted', tokens, 0, 0, 0, 0, 1, ?, cost, 0, '', '', NULL, 0
FROM held JOIN under_way ON held.id = under_way.held WHERE held.id = ?
"""
"""Keeps what a call has cost at the least of which nobody will say more."""

_FOUND = """
DELETE FROM charges WHERE key > ? || ':held-' AND key < ? || ':held.' AND purpose = ? AND at <= ?
"""
"""Drops what was kept so of calls whose session has said more."""

ANSWERS = "main"
"""The purpose of calls that a session says more of once it goes on."""

_LAST_PRICE = (
    "SELECT price FROM charges WHERE provider = ? AND model = ? AND price != ''"
    " ORDER BY at DESC LIMIT 1"
)

_PERIODS = ("day", "month")
_SINCE = (
    "SELECT sum(cost) FROM charges WHERE at >= ?",
    "SELECT sum(amount), max(open) FROM held",  # counts towards today, whenever it began
)
_OF_SESSION = (
    "session",
    "SELECT sum(cost) FROM charges WHERE session = ?",
    "SELECT sum(amount), max(open) FROM held WHERE session = ?",
)
_SUMS = {
    "day": ("day", *_SINCE),
    "month": ("month", *_SINCE),
    "project": (
        "project",
        "SELECT sum(cost) FROM charges WHERE project = ?",
        "SELECT sum(amount), max(open) FROM held WHERE project = ?",
    ),
    "user": (
        "person",
        "SELECT sum(cost) FROM charges WHERE person = ?",
        "SELECT sum(amount), max(open) FROM held WHERE person = ?",
    ),
}
"""For a scope: what it goes by, what is spent of it, and what is held."""


_HOLDING: dict[Path, set[int]] = {}
"""What this process holds, by the file that it stands in."""


@dataclass(frozen=True, slots=True)
class Spender:
    """Who calls: a session, the directory it works in, and the account's name."""

    session: str
    project: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class Periods:
    """When the day and the month began that it is; Unix times in milliseconds."""

    now: int
    day: int
    month: int


class Ledger:
    """The ledger in the usage database; for one thread at a time.

    Args:
        path: the file.
        price: knows what a call cost that a crash has broken off, where no earlier call of the same
            model has left a price. It may block.
    """

    def __init__(self, path: Path, price: Callable[[Charge], Cost | None] = lambda _: None) -> None:
        self.database = Database(path)
        self._price = price
        self._holding = _HOLDING.setdefault(path.absolute(), set())

    def add(self, spender: Spender, charges: Iterable[Charge]) -> None:
        """Keep what calls took; those that are there already stay as they are.

        Raises:
            UsageError: it could not be written.
        """
        made = list(charges)
        if made:
            self.database.write(lambda db: _keep(db, spender, made, self._price))

    def hold(
        self,
        spender: Spender,
        budgets: Sequence[Budget],
        asked: Asked,
        periods: Periods,
        spent: dict[str, Decimal] | None = None,
        call: Charge | None = None,
    ) -> tuple[Verdict, int]:
        """Judge a call and, where it may be made, hold what it may cost.

        Args:
            spender: who makes it.
            budgets: those it counts towards.
            asked: what it can cost.
            periods: what time it is.
            spent: what is spent of the budgets that the caller itself keeps count of, by scope.
            call: what it takes at the least, which is charged where its process is killed.

        Returns:
            The verdict, and what `settle` takes; 0 where nothing is held.

        Raises:
            UsageError: the ledger cannot be used.
        """
        known = spent or {}

        def judged(db: sqlite3.Connection) -> tuple[Verdict, int]:
            _let_go(db, periods.now, self._holding)
            drawn = [
                drawn_of(db, spender, each, periods, known.get(each.scope)) for each in budgets
            ]
            verdict = judge(drawn, asked)
            if verdict.word != "go" or not (verdict.hold or verdict.open):
                return verdict, 0
            made = db.execute(
                "INSERT INTO held (at, process, session, project, person, amount, open)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    periods.now,
                    this_process(),
                    spender.session,
                    spender.project,
                    spender.person,
                    pico(verdict.hold),
                    verdict.open,
                ),
            )
            held = made.lastrowid or 0
            self._holding.add(held)  # before it can be seen
            if call is not None and call.cost is not None:
                sent, cost = call.usage.input_tokens, pico(call.cost.total)
                db.execute(
                    "INSERT INTO under_way VALUES (?, ?, ?, ?, ?, ?)",
                    (held, call.purpose, call.provider, call.model, sent, cost),
                )
            return verdict, held

        return self.database.write(judged)

    def settle(
        self,
        held: int,
        spender: Spender,
        charges: Iterable[Charge],
        budgets: Sequence[Budget] = (),
        periods: Periods | None = None,
    ) -> list[tuple[Budget, Decimal, Decimal]]:
        """Keep what calls took, and let go what was held for them, at the same moment.

        Args:
            held: what `hold` has returned.
            spender: who made them.
            charges: what they took.
            budgets: those to tell of.
            periods: what time it is; needed where there are budgets.

        Returns:
            Of each budget, what was spent of it before and after.

        Raises:
            UsageError: it could not be written.
        """
        made = list(charges)

        def settled(db: sqlite3.Connection) -> list[tuple[Budget, Decimal, Decimal]]:
            def spent() -> list[Decimal]:
                if periods is None:
                    return []
                return [drawn_of(db, spender, each, periods).spent for each in budgets]

            before = spent()
            _keep(db, spender, made, self._price)
            _release(db, held)
            return list(zip(budgets, before, spent(), strict=True)) if before else []

        try:
            return self.database.write(settled)
        finally:  # where that failed, whoever looks next lets it go
            self._holding.discard(held)

    def drawn(self, spender: Spender, budgets: Sequence[Budget], periods: Periods) -> list[Drawn]:
        """Return what is gone of budgets.

        Raises:
            UsageError: it could not be read.
        """
        return self.database.read(
            lambda db: [drawn_of(db, spender, each, periods) for each in budgets],
            [Drawn(each) for each in budgets],
        )

    def close(self) -> None:
        """Close the file. May be called twice."""
        self.database.close()


def pico(amount: Decimal) -> int:
    """Return an amount as it is kept, never less than it is, or `MOST`."""
    return min(int((amount * PICO).to_integral_value(ROUND_CEILING)), MOST)


def _keep(
    db: sqlite3.Connection,
    spender: Spender,
    made: Iterable[Charge],
    price: Callable[[Charge], Cost | None],
) -> None:
    for charge in made:
        added = db.execute(_ADD, _row(spender, _priced(db, charge, price)))
        if added.rowcount == 1 and charge.purpose == ANSWERS:
            db.execute(_FOUND, (spender.session, spender.session, ANSWERS, charge.at))


def _priced(
    db: sqlite3.Connection, charge: Charge, price: Callable[[Charge], Cost | None]
) -> Charge:
    """Return a charge with its cost: a crash that broke it off has left none."""
    if charge.status != "interrupted" or charge.cost is not None:
        return charge
    found = db.execute(_LAST_PRICE, (charge.provider, charge.model)).fetchone()
    if found is None:
        return replace(charge, cost=price(charge))
    return replace(charge, cost=cost_of(charge.usage, decode_price(json.loads(found[0]))))


def _row(spender: Spender, charge: Charge) -> tuple[object, ...]:
    usage, cost = charge.usage, charge.cost
    price = None if cost is None else encode_cost(cost).get("price")
    return (
        f"{spender.session}:{charge.seq}",
        charge.at,
        spender.session,
        spender.project,
        spender.person,
        charge.purpose,
        charge.provider,
        charge.model,
        charge.status,
        usage.input_tokens,
        usage.cache_read,
        usage.cache_write,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.estimated,
        DOLLARS,
        None if cost is None else pico(cost.total),
        max(-MOST, min(int(charge.saved * PICO), MOST)),
        json.dumps(price) if price else "",
        charge.passed,
        charge.first_ms,
        charge.ms,
    )


def drawn_of(
    db: sqlite3.Connection,
    spender: Spender,
    budget: Budget,
    periods: Periods,
    known: Decimal | None = None,
) -> Drawn:
    """Return what is gone of a budget: `known` is what is spent, where the caller counts that.

    Only reads; raises `sqlite3.Error`.
    """
    whose, spent, held = _SUMS.get(budget.scope, _OF_SESSION)
    value = getattr(periods if whose in _PERIODS else spender, whose)
    if known is None:
        (found,) = db.execute(spent, (value,)).fetchone()
        known = Decimal(found or 0) / PICO
    amount, open_ = db.execute(held, () if whose in _PERIODS else (value,)).fetchone()
    return Drawn(budget, known, Decimal(amount or 0) / PICO, bool(open_))


def _let_go(db: sqlite3.Connection, now: int, holding: Container[int]) -> None:
    """Let go what is held for calls that have ended without a word, and charge what they sent.

    Args:
        db: the file.
        now: Unix time in milliseconds.
        holding: what this process still holds.
    """
    own = this_process()
    held = db.execute("SELECT id, at, process FROM held").fetchall()
    gone = [
        id_
        for id_, at, process in held
        if (id_ not in holding if process == own else _is_gone(process, now - at))
    ]
    for id_ in gone:
        db.execute(_LOST, (DOLLARS, id_))
        _release(db, id_)


def _release(db: sqlite3.Connection, held: int) -> None:
    db.execute("DELETE FROM held WHERE id = ?", (held,))
    db.execute("DELETE FROM under_way WHERE held = ?", (held,))


def this_process() -> str:
    """Return what tells this process from every other: its machine, number and beginning."""
    pid = os.getpid()
    return f"{_place()} {pid} {_began(pid)}"


def _is_gone(process: str, age: int) -> bool:
    """Whether a process has ended; one of another place has, as far as can be told, after a day.

    Args:
        process: what tells it from every other.
        age: milliseconds for which it has held something.
    """
    place, pid, began = process.rsplit(" ", 2)
    if place != _place():
        return age > STALE
    return not (_exists(int(pid)) and _began(int(pid)) == began)


def _place() -> str:
    """Return what the numbers of processes are unique in."""
    try:
        return f"{os.uname().nodename} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return os.uname().nodename


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the machine did; empty where nobody says."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
        return status.rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
