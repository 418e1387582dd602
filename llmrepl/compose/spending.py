"""What all calls of models have taken, and what is left of the budgets, for whoever shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from llmrepl.accounting.accounts import periods
from llmrepl.accounting.charges import Charge, charges
from llmrepl.accounting.ledger import Ledger, Spender
from llmrepl.accounting.prices import Prices
from llmrepl.accounting.report import DAY_MS, Report, report
from llmrepl.accounting.tallies import Tally
from llmrepl.budgets import Drawn
from llmrepl.compose.accounts import account, budgets_of
from llmrepl.compose.assembly import prices_of
from llmrepl.config import Config
from llmrepl.config.paths import usage_database
from llmrepl.errors import LlmreplError
from llmrepl.sessions.finding import records_of
from llmrepl.sessions.listing import sessions
from llmrepl.usage import Cost


class Spending(NamedTuple):
    """A report, the budgets with what is gone of them, and where the prices are from."""

    report: Report
    drawn: list[Drawn]
    about: Mapping[str, str]


def spending(
    config: Config,
    environ: Mapping[str, str],
    cwd: Path,
    *,
    by: str,
    since: int,
    at: int | None = None,
) -> Spending:
    """Return what calls have taken; it reads files, so it may take a while.

    Args:
        config: has the prices and the budgets.
        environ: the environment variables.
        cwd: the directory, which is the project.
        by: one of `llmrepl.accounting.report.KEYS`.
        since: Unix time in milliseconds of the first that count.
        at: when today is, in Unix milliseconds; None for now.

    Raises:
        UsageError: the ledger cannot be read.
        ConfigError: something is to warn that is no budget.
    """
    prices = Prices(prices_of(config))
    now = periods(time.time_ns() // 1_000_000 if at is None else at)
    with closing(_ledger(environ, prices)) as ledger:
        found = report(ledger, by, since, now, prices.of_model)
        kept = [each for each in budgets_of(config, None) if each.scope not in ("step", "turn")]
        drawn = ledger.drawn(Spender("", str(cwd), account(environ)), kept, now)
    return Spending(found, drawn, prices.about())


def beginning(days: int, at: int) -> int:
    """Return when the first of so many days began, the last of which is that of `at`."""
    return periods(at).day - (days - 1) * DAY_MS


def tallied(
    directory: Path, since: int, left_out: Callable[[str, LlmreplError], object]
) -> tuple[Tally, int]:
    """Return what saved sessions say of tools and models, and how many say something.

    Args:
        directory: where they are.
        since: Unix time in milliseconds of the first record that counts.
        left_out: takes the id of a session that cannot be read, and why.

    Raises:
        SessionError: the directory cannot be read.
    """
    tally, read = Tally(), 0
    for each in sessions(directory):
        if each.updated < since:
            continue
        try:
            take(tally, each.path, since)
        except LlmreplError as error:
            left_out(each.id, error)
        else:
            read += 1
    return tally, read


def take(tally: Tally, path: Path, since: int = 0) -> None:
    """Add a saved session to a tally; what it took over from another one counts there.

    Raises:
        SessionError: it cannot be read.
    """
    reader, records = records_of(path)
    origin = reader.header.forked_from
    tally.of(records, origin[1] if origin else 0, since)


def bring_in(
    config: Config,
    environ: Mapping[str, str],
    told: Callable[[int], object],
    left_out: Callable[[str, LlmreplError], object],
) -> int:
    """Bring in what saved sessions say of their calls; what is there already stays.

    Args:
        config: says where they are.
        environ: the environment variables.
        told: takes how many have been read so far; what it raises ends this.
        left_out: takes the id of a session that cannot be read, and why.

    Returns:
        How many sessions were read.

    Raises:
        UsageError: the ledger cannot be written.
    """
    person, read = account(environ), 0
    with closing(_ledger(environ, Prices(prices_of(config)))) as ledger:
        for each in sessions(config.sessions.directory):
            try:
                reader, records = records_of(each.path)
            except LlmreplError as error:
                left_out(each.id, error)
                continue
            origin = reader.header.forked_from
            made = charges(records, origin[1] if origin else 0)
            ledger.add(Spender(each.id, reader.header.cwd, person), made)
            read += 1
            told(read)
    return read


def _ledger(environ: Mapping[str, str], prices: Prices) -> Ledger:
    def price(charge: Charge) -> Cost | None:
        return prices.cost(charge.provider, charge.model, charge.usage)

    return Ledger(usage_database(environ), price)
