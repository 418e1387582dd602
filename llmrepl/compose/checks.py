"""The health checks of this installation, by name."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from llmrepl.accounting import Accuracy, Calls, UsageError, accuracies
from llmrepl.audit.reading import verify
from llmrepl.compose.assembly import Assembly
from llmrepl.config import Loaded
from llmrepl.config.paths import audit_directory, usage_database
from llmrepl.events import CheckFinished
from llmrepl.executors.policy import Policy
from llmrepl.executors.selftest import SelfTest, self_test
from llmrepl.executors.tiers import TIERS
from llmrepl.figures import counted
from llmrepl.health import Check, heartbeat
from llmrepl.ports import Provider
from llmrepl.sessions.listing import sessions

LITTLE_SPACE = 100 * 2**20
"""Bytes of free disk below which sessions are in danger."""


MODELS = 5
"""The models, those that are called most, whose estimates a check tells."""


def checks_of(assembly: Assembly) -> dict[str, Check]:
    """Return the checks of a running chat."""
    return {
        "sandbox": lambda: check_sandbox(assembly.executor.settings),
        "provider": lambda: heartbeat(assembly.edges.provider, assembly.window.model),
        "sessions": lambda: check_sessions(assembly.config.sessions.directory),
        "audit": lambda: check_audit(audit_directory(os.environ)),
        "estimates": lambda: check_estimates(usage_database(os.environ)),
    }


def all_checks(
    loaded: Loaded,
    policy: Policy,
    open_model: Callable[[], tuple[Provider, str]],
    tests: dict[str, SelfTest],
) -> Mapping[str, Check]:
    """Return every check, for `llmrepl check`; `tests` takes in what they found in detail."""

    async def sandbox() -> CheckFinished:
        tests["sandbox"] = test = await self_test(policy)
        return judged(test, policy)

    async def provider() -> CheckFinished:
        opened, model = open_model()
        try:
            return await heartbeat(opened, model)
        finally:
            await opened.close()

    return {
        "configuration": lambda: check_configuration(loaded),
        "sandbox": sandbox,
        "provider": provider,
        "sessions": lambda: check_sessions(loaded.config.sessions.directory),
        "audit": lambda: check_audit(audit_directory(os.environ)),
        "estimates": lambda: check_estimates(usage_database(os.environ)),
    }


async def check_audit(directory: Path) -> CheckFinished:
    """Say whether the audit log can be written, and whether it is whole."""
    if (place := _unwritable(directory)) is not None:
        return CheckFinished(
            name="audit",
            status="failed",
            message=f"{place} cannot be written, and nothing runs that cannot be audited",
            fix="set XDG_DATA_HOME to a directory of yours",
        )
    report = await asyncio.to_thread(verify, directory)
    if report.damage is not None:
        return CheckFinished(
            name="audit",
            status="warning",
            message=f"damaged: {report.damage}",
            fix=f"find out why; a new log begins once {directory} is moved away",
        )
    entries = counted(report.lines, "entry", "entries")
    return CheckFinished(name="audit", status="ok", message=f"{entries}, all sound")


async def check_estimates(database: Path) -> CheckFinished:
    """Say how near the estimates of tokens are to what services count."""

    def read() -> Mapping[str, Accuracy]:
        with closing(Calls(database)) as calls:
            return accuracies(calls)

    try:
        known = await asyncio.to_thread(read)
    except UsageError as error:
        return CheckFinished(
            name="estimates", status="warning", message=error.message, fix=error.hint
        )
    most = sorted(known.items(), key=lambda item: -item[1].calls)[:MODELS]
    message = "; ".join(f"{name}: {found}" for name, found in most) or "no model was called yet"
    return CheckFinished(name="estimates", status="ok", message=message)


async def check_configuration(loaded: Loaded) -> CheckFinished:
    """Say which files the configuration comes from, and what is doubtful in it."""
    files = [str(f) for f in (loaded.user_file, loaded.project_file) if f and f.exists()]
    message = f"read from {', '.join(files)}" if files else "built-in defaults, no files"
    if loaded.warnings:
        return CheckFinished(
            name="configuration", status="warning", message="; ".join(loaded.warnings)
        )
    return CheckFinished(name="configuration", status="ok", message=message)


async def check_sandbox(policy: Policy) -> CheckFinished:
    """Start a sandbox and let it prove itself.

    Raises:
        SandboxUnavailable: there is none; the hint is the fix.
    """
    return judged(await self_test(policy), policy)


def judged(test: SelfTest, policy: Policy) -> CheckFinished:
    """Return what a sandbox's test of itself comes to."""
    if not test.ok:
        broken = [f"{proof.name} ({proof.detail})" for proof in test.proofs if not proof.ok]
        message = f"a promise is broken: {'; '.join(broken)}"
        return CheckFinished(name="sandbox", status="failed", message=message)
    proven = ", ".join(proof.name for proof in test.proofs) or "nothing"
    times = f"start {test.start.ms} ms, python {test.python.ms} ms, bash {test.bash.ms} ms"
    how = f" ({test.variant})" if test.variant not in ("", "full") else ""
    message = f"{test.tier}{how} with {test.python_path}; {times}; proven: {proven}"
    if test.gaps:
        lists = f"`llmrepl check sandbox --sandbox {policy.tier}` lists its {len(test.gaps)} gaps"
        message = f"{TIERS[policy.tier].title}: {message}; {lists}"
    return CheckFinished(name="sandbox", status="warning" if test.gaps else "ok", message=message)


async def check_sessions(directory: Path) -> CheckFinished:
    """Say whether sessions can be written, and which are damaged."""
    if (place := _unwritable(directory)) is not None:
        return CheckFinished(
            name="sessions",
            status="failed",
            message=f"{place} cannot be written",
            fix="set sessions.directory to a directory of yours, or use --no-save",
        )
    free = shutil.disk_usage(_existing(directory)).free
    if free < LITTLE_SPACE:
        message = f"only {free // 2**20} MiB are free at {_existing(directory)}"
        return CheckFinished(
            name="sessions", status="warning", message=message, fix="free some disk space"
        )
    rows = list(sessions(directory))
    corrupt = [row.id for row in rows if row.state == "corrupt"]
    if corrupt:
        return CheckFinished(
            name="sessions",
            status="warning",
            message=f"{len(corrupt)} of {len(rows)} sessions are damaged: {', '.join(corrupt[:5])}",
            fix=f"llmrepl --resume {corrupt[0]} goes on with what can be read of it",
        )
    return CheckFinished(
        name="sessions", status="ok", message=f"{counted(len(rows), 'session')} in {directory}"
    )


def _existing(directory: Path) -> Path:
    """Return `directory`, or what there is above it."""
    return next(place for place in (directory, *directory.parents) if place.exists())


def _unwritable(directory: Path) -> Path | None:
    """Return where writing below `directory` would fail; None where it would not."""
    place = _existing(directory)
    return None if place.is_dir() and os.access(place, os.W_OK | os.X_OK) else place
