"""The accounts of a chat: whose its calls are, and which budgets there are for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from llmrepl.accounting import Accounts, Aside, Ledger, Meter, Spender
from llmrepl.accounting.charges import Charge
from llmrepl.budgets import SCOPES, STOP, WARN, Budget
from llmrepl.compose.opening import Opened
from llmrepl.config import Config
from llmrepl.config.paths import usage_database
from llmrepl.errors import ConfigError
from llmrepl.ports import Clock, Provider
from llmrepl.record import Record
from llmrepl.usage import Cost


class Books:
    """The accounts of a chat, whichever session it is in.

    Args:
        config: has the budgets.
        environ: the environment variables.
        cwd: the directory, which is the project.
        session: returns the session's id; empty where it is not saved.
        limit: returns what this session may cost.

    Raises:
        ConfigError: something is to warn that is no budget.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        cwd: Path,
        *,
        session: Callable[[], str],
        limit: Callable[[], Decimal | None],
    ) -> None:
        self._config = config
        self._path = usage_database(environ)
        self._project, self._person = str(cwd), account(environ)
        self._session = session
        self._limit = limit
        self._unsaved = ""
        budgets_of(config, None)

    def open(self, meter: Meter, clock: Clock, provider: Callable[[], Provider]) -> Accounts:
        """Return the accounts, which are not used before the first call."""

        def price(charge: Charge) -> Cost | None:
            asked = provider()
            local = asked.local and asked.name == charge.provider
            return meter.price(charge.provider, charge.model, charge.usage, local=local)

        return Accounts(
            Ledger(self._path, price),
            meter,
            clock,
            self.spender,
            lambda: budgets_of(self._config, self._limit()),
        )

    def spender(self) -> Spender:
        """Return whose calls these are now."""
        return Spender(self._session() or self._unsaved, self._project, self._person)

    def enter(self, accounts: Accounts, opened: Opened | None, records: Sequence[Record]) -> None:
        """Go on in a session; see `Accounts.restart`.

        Args:
            accounts: those that go on.
            opened: the session; None for one that is not saved.
            records: what it has had so far.
        """
        self._unsaved = f"unsaved-{uuid4().hex[:16]}"
        if opened is None:
            accounts.restart(records, len(records))  # what was before is another session's
            return
        origin = opened.log.header.forked_from
        # What a crash kept from the ledger is in the last turns, which are all that is at hand.
        accounts.restart(opened.records, origin[1] if origin else 0)


def budgets_of(config: Config, session: Decimal | None) -> list[Budget]:
    """Return the budgets there are, the smallest scope first.

    Args:
        config: what is configured.
        session: what this session may cost.

    Raises:
        ConfigError: something is to warn that is no budget.
    """
    warns = config.budgets.warn
    if wrong := [name for name in warns if name not in SCOPES]:
        raise ConfigError(
            f"budgets.warn has {wrong[0]}, which is no budget",
            hint=f"accepted: {', '.join(SCOPES)}",
        )
    if "session" in warns:  # the loop, which would stop it, does not know of it
        session = config.limits.budget
    amounts = {**config.budgets._asdict(), "session": session}
    return [
        Budget(scope, amount, WARN if scope in warns else STOP)
        for scope in SCOPES
        if (amount := amounts[scope]) is not None
    ]


def aside(
    config: Config, environ: Mapping[str, str], cwd: Path, meter: Meter, purpose: str
) -> Aside:
    """Return what accounts for calls that no chat makes; the session's budget is this run's.

    Args:
        config: has the budgets.
        environ: the environment variables.
        cwd: the directory, which is the project.
        meter: knows prices.
        purpose: what they are made for.
    """
    whose = Spender("", str(cwd), account(environ))
    budgets = budgets_of(config, config.limits.budget)
    return Aside(usage_database(environ), meter, whose, budgets, purpose)


def account(environ: Mapping[str, str]) -> str:
    """Return the name of the account that calls are made by, or its number."""
    return environ.get("USER") or environ.get("LOGNAME") or str(os.getuid())
