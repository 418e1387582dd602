"""The line that a chat begins with: that all is well, or what is not.

It is found out once everything else is ready, and asks nobody: no prompt waits for it, and no money
goes.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress

from llmrepl.checks import Check, Site
from llmrepl.compose import Assembly
from llmrepl.conversing.welcome import tell
from llmrepl.events import CheckFinished, StepStarted, TurnFinished, TurnStarted
from llmrepl.record import Record

PATIENCE = 5.0
"""Seconds that anything that is looked at may take."""


class Quiet:
    """Knows whether a turn is under way, as a display does: an answer is not broken by a line."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._over.set()

    def show(self, record: Record) -> None:
        """Take in a record."""
        if isinstance(record.event, TurnStarted | StepStarted):
            self._over.clear()
        elif isinstance(record.event, TurnFinished):
            self._over.set()

    async def wait(self) -> None:
        """Wait until no turn is under way."""
        await self._over.wait()


async def glance(assembly: Assembly) -> None:
    """Make the checks that are quick, and say in one line what came of them."""
    quiet = Quiet()
    assembly.runtime.subscribe(quiet)
    if assembly.warming is not None:
        with suppress(Exception):  # whoever waits for it is told
            await asyncio.shield(assembly.warming)
    checks, site = await asyncio.to_thread(_prepared, assembly)
    from llmrepl.health import run_checks
    from llmrepl.health.telling import summary

    began = time.perf_counter()
    worst, told = summary(await run_checks(checks, site))
    fix = "/check tells all of it, with what mends it"
    if worst == "ok":
        well = "all else is well" if assembly.sandbox_missing else "all well"
        told, fix = f"{well} ({time.perf_counter() - began:.1f} s)", ""
    await quiet.wait()
    assembly.runtime.unsubscribe(quiet)
    tell(assembly, CheckFinished(name="check", status=worst, message=told, fix=fix))


def _prepared(assembly: Assembly) -> tuple[dict[str, Check], Site]:
    from llmrepl.compose.checks import AT_START, site_in_chat
    from llmrepl.health import installed

    checks = installed(AT_START)
    site = site_in_chat(assembly, os.environ, PATIENCE)
    return {name: checks[name] for name in AT_START if name in checks}, site
