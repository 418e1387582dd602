"""Compares the ledger with the services' own books: call by call, in tokens and in money.

What a service has counted and told is in the ledger as it was told, once. What it has not, because
the call was broken off, stands there as an estimate, and what it has refused as nothing.
"""

import json
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from llmrepl.config.paths import usage_database
from llmrepl.usage import Usage
from tests.cli.machine import LLMREPL
from tests.soak.driving import RECEIVED, SENT, Soak
from tests.soak.faults import KILLS
from tests.soak.services import Served

PICO = 10**12


@dataclass
class Attempt:
    """One request as the session has it; `usage` None where it failed and took nothing.

    `seq` is the record that ended it, 0 where that is a note.
    """

    name: str
    usage: Usage | None = None
    stop: str = ""
    compact: bool = False
    seq: int = 0


class Row(NamedTuple):
    """A row of the ledger; `cost` is None where nobody knows the price."""

    seq: int
    name: str
    purpose: str
    status: str
    usage: Usage
    cost: int | None

    @property
    def right(self) -> bool:
        """Whether it costs what its tokens cost, to the last digit."""
        return self.cost == price(self.usage)


@dataclass
class Tally:
    """What the books and the ledger come to: calls and 10^-12 dollars, by how they ended."""

    wrong: list[str] = field(default_factory=list)
    counted: int = 0
    booked: int = 0
    charged: int = 0
    refused: int = 0
    estimated: int = 0
    estimates: int = 0
    unarrived: int = 0
    lost: int = 0


def price(usage: Usage) -> int:
    """Return what tokens cost in the soak, in 10^-12 dollars."""
    million = Decimal(1_000_000)
    sent, received = Decimal(str(SENT)), Decimal(str(RECEIVED))
    return int((usage.input_tokens * sent + usage.output_tokens * received) / million * PICO)


def rows(soak: Soak) -> list[Row]:
    """Return the ledger."""
    with closing(sqlite3.connect(usage_database(soak.environ))) as db:
        found = db.execute(
            "SELECT key, provider || '/' || model, purpose, status, input_tokens, output_tokens,"
            " estimated, cost FROM charges ORDER BY key"
        ).fetchall()
    return [
        Row(int(key.removeprefix("soak:")), *which, Usage(sent, said, estimated=bool(ours)), cost)
        for key, *which, sent, said, ours, cost in found
    ]


def tally(soak: Soak, calls: list[tuple[Served, Attempt]], unsent: list[int]) -> Tally:
    """Compare the ledger with what services have seen.

    Args:
        soak: what has left both.
        calls: each request that a service has seen, with what the session says of it.
        unsent: the records of requests that were ended before a service saw them.
    """
    made = Tally()
    kept = {row.seq: row for row in rows(soak)}
    spent = sum(row.cost or 0 for row in kept.values())
    for served, attempt in calls:
        row = kept.pop(attempt.seq, None)
        if problem := _compared(served, attempt, row, made):
            made.wrong.append(f"in the ledger {problem}: {served} / {row}")
    for row in kept.values():  # nobody has seen these
        made.unarrived += 1
        early = row.seq in unsent and row.usage.estimated and not row.usage.output_tokens
        if not row.right or not (early or row.usage == Usage()):
            made.wrong.append(f"in the ledger is a call that nobody served: {row}")
    summaries = [each for each in soak.services.books if each.compact and each.kind in KILLS]
    made.lost = len(summaries)
    if made.booked != made.charged:
        made.wrong.append(f"the books have {made.booked}, and the ledger {made.charged}")
    _reported(soak, spent, made)
    return made


def _compared(served: Served, attempt: Attempt, row: Row | None, made: Tally) -> str:
    """Return how a call in the ledger differs from the one in the books."""
    usage = attempt.usage or Usage()
    took = bool(usage.input_tokens or usage.output_tokens)
    if row is None:
        # A summary that was refused before its first word is a note in the session.
        made.refused += 1
        return "a call is missing" if took or not served.compact else ""
    if row.name != f"{served.provider}/{served.model}":
        return "another model was asked"
    if (row.purpose == "compact") is not served.compact:
        return "the purpose is another"
    if not row.right:
        return "the cost is not that of the tokens"
    if row.status == "interrupted":  # the process was killed, whatever the service has sent
        made.estimated += 1
        made.estimates += row.cost or 0
        return "" if row.usage.estimated and served.kind in KILLS else "a call is only estimated"
    if served.told:
        made.counted += 1
        made.booked += price(served.usage)
        made.charged += row.cost or 0
        return "" if row.usage == served.usage else "the tokens differ"
    if not row.usage.input_tokens and not row.usage.output_tokens:
        made.refused += 1
        return ""
    made.estimated += 1
    made.estimates += row.cost or 0
    return "" if row.usage.estimated else "nobody has counted these tokens"


def _reported(soak: Soak, spent: int, made: Tally) -> None:
    """Compare what `llmrepl usage` says with the sum of the rows."""
    ran = subprocess.run(
        [LLMREPL, "usage", "--json"],
        capture_output=True,
        text=True,
        env=soak.environ,
        cwd=soak.home / "project",
        check=True,
    )
    total = json.loads(ran.stdout)["total"]
    if total["cost_usd"] != float(Decimal(spent) / PICO) or total["unpriced"]:
        made.wrong.append(f"`llmrepl usage` says {total}, and the rows come to {spent}")
