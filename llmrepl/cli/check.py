"""`llmrepl check`: what works on this machine, and how to mend what does not."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from llmrepl.cli.exits import DONE, ERROR
from llmrepl.cli.options import sandbox_option

EVERY = "30"
"""Seconds between two rounds of `--watch`."""


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding, to be pasted.")
@click.option("--fix", is_flag=True, help="Do the repairs that are safe, and say what was done.")
@click.option("--timeout", type=click.FloatRange(0.1), metavar="S", help="How long to wait.")
@click.option(
    "--watch",
    is_flag=False,
    flag_value=EVERY,
    metavar="[S]",
    help=f"Check again every S seconds ({EVERY}), and tell what changes.",
)
@click.option("--prometheus", is_flag=True, help="Print metrics in Prometheus' text format.")
@click.option(
    "--listen", metavar="HOST:PORT", help="With --watch: serve them at http://HOST:PORT/metrics."
)
@click.option("--model", metavar="PROVIDER/MODEL", help="The only model to send a heartbeat to.")
@sandbox_option
@click.argument("names", nargs=-1)
def command(
    names: tuple[str, ...], *, as_json: bool, prometheus: bool, watch: str | None, **options: Any
) -> int:
    """Check this installation; NAMES choose some of its checks.

    Each configured model is sent a word, which may cost a fraction of a cent. `llmrepl check
    sandbox` also says what was tried, what each tier lacks, and what it costs. Ends with 1 if a
    check failed.
    """
    from llmrepl.cli.checking import Form, Round, check, keep_watch
    from llmrepl.compose.checks import ORDER, Installation, installation
    from llmrepl.health import TIME_LIMIT, installed
    from llmrepl.providers.registry import split_model

    fix, timeout, listen, model = (options.pop(n) for n in ("fix", "timeout", "listen", "model"))
    seconds: float | None = None
    if watch is not None:
        try:
            seconds = max(0.1, float(watch))
        except ValueError:  # `--watch sandbox`: the name of a check, and no number
            names, seconds = (watch, *names), float(EVERY)
    if listen and seconds is None:
        raise click.UsageError("--listen goes with --watch")
    if model:
        split_model(model)
    checks = installed(ORDER)
    if unknown := [name for name in names if name not in checks]:
        raise click.UsageError(f"no check is called {unknown[0]}; there are: {', '.join(checks)}")
    flags = {name.replace("__", "."): value for name, value in options.items()}

    def site() -> Installation:
        made = installation(flags, os.environ, Path.cwd(), timeout or TIME_LIMIT)
        streams = (sys.stdin.isatty(), sys.stdout.isatty())
        return replace(made, models=(model,) if model else None, streams=streams)

    if names and "configuration" not in names and site().problem is not None:
        names = ("configuration", *names)  # the others are of the defaults then
    wanted = {name: checks[name] for name in names or checks}
    this = Round(wanted, site, Form(as_json, prometheus, bool(names)))
    if seconds is not None:
        asyncio.run(keep_watch(this, seconds, listen))
    outcomes = asyncio.run(check(this, fix=fix))
    return ERROR if any(each.finding.status == "failed" for each in outcomes) else DONE
