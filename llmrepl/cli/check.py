"""`llmrepl check`: what works on this machine, and how to mend what does not."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.exits import DONE, ERROR, NO_SANDBOX
from llmrepl.cli.options import load_config, sandbox_option

if TYPE_CHECKING:
    from llmrepl.executors.selftest import SelfTest
    from llmrepl.ports import Provider

MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per check.")
@click.option("--model", metavar="PROVIDER/MODEL", help="The model to send a heartbeat to.")
@sandbox_option
@click.argument("names", nargs=-1)
def command(as_json: bool, model: str | None, names: tuple[str, ...], **options: Any) -> int:
    """Check configuration, sandbox, provider, sessions, audit log, estimates; NAMES choose some.

    `llmrepl check sandbox` also says what was tried, what each tier lacks, and what it costs.
    """
    from llmrepl.compose.assembly import provider_for
    from llmrepl.compose.checks import all_checks
    from llmrepl.compose.policy import policy_of
    from llmrepl.compose.routes import first_of
    from llmrepl.config.secrets import redactor_of
    from llmrepl.health import run_checks
    from llmrepl.providers.registry import default_model, split_model
    from llmrepl.sanitise import clean

    loaded = load_config({"model": model, **options})
    config = loaded.config
    chain = config.chain
    chosen = first_of(chain, config) if chain else asyncio.run(default_model(os.environ))

    def open_model() -> tuple[Provider, str]:
        provider, name = split_model(chosen)
        return provider_for(config, provider, os.environ), name

    tests: dict[str, SelfTest] = {}
    checks = all_checks(loaded, policy_of(config, Path.cwd()), open_model, tests)
    if unknown := [name for name in names if name not in checks]:
        raise click.UsageError(f"no check is called {unknown[0]}; there are: {', '.join(checks)}")
    wanted = {name: checks[name] for name in names or checks}
    redactor = redactor_of(config, os.environ, Path.cwd())
    results = redactor.scrub(asyncio.run(run_checks(wanted)))
    for result in results:
        if as_json:
            row: dict[str, Any] = {
                "name": result.name,
                "status": result.status,
                "message": result.message,
                "fix": result.fix,
            }
            if result.name in tests:
                row["details"] = tests[result.name].data
            click.echo(json.dumps(row, ensure_ascii=False))
            continue
        click.echo(clean(f"{MARKS[result.status]} {result.name}: {result.message}"))
        if result.fix:
            click.echo(clean(f"    {result.fix}"))
        for line in tests[result.name].lines if names and result.name in tests else ():
            click.echo(clean(f"    {line}"))
    failed = {result.name for result in results if result.status == "failed"}
    if "sandbox" in failed:
        return NO_SANDBOX
    return ERROR if failed else DONE
