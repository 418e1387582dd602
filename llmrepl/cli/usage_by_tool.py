"""`llmrepl usage --by tool`: what saved sessions say of the calls of each tool."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

    from llmrepl.accounting.tallies import Tool
    from llmrepl.config import Config
    from llmrepl.errors import LlmreplError

COLUMNS = ("calls", "errors", "p50", "p95", "in all", "tokens", "cost")


def tools_of(
    config: Config, since: int, left_out: Callable[[str, LlmreplError], object]
) -> list[Tool]:
    """Return the tools of saved sessions; how many of these were read is said.

    Args:
        config: says where they are.
        since: Unix time in milliseconds of the first record that counts.
        left_out: takes the id of a session that cannot be read, and why.
    """
    from llmrepl.compose.spending import tallied
    from llmrepl.figures import counted

    tally, read = tallied(config.sessions.directory, since, left_out)
    told = "what was not saved is in no row"
    click.echo(f"llmrepl: {counted(read, 'session')} read; {told}", err=True)
    return tally.by_tool


def whole(tools: list[Tool]) -> Tool:
    """Return all of them as one."""
    from llmrepl.accounting.tallies import Tool

    return sum(tools, Tool("all"))


def figures(tool: Tool) -> dict[str, Any]:
    """Return a tool's figures as JSON and CSV have them."""
    from llmrepl.accounting.tallies import percentile

    return {
        "calls": tool.calls,
        "errors": tool.errors,
        "denied": tool.statuses.get("denied", 0),
        "p50_ms": _rounded(percentile(tool.ms, 50)),
        "p95_ms": _rounded(percentile(tool.ms, 95)),
        "seconds": round(sum(tool.ms) / 1000, 3),
        "tokens": round(tool.tokens),
        "cost_usd": float(round(tool.cost, 6)),
        "unpriced": tool.unpriced,
    }


def fill(table: Table, tools: list[Tool]) -> None:
    """Put the tools and their sum into a table for people."""
    from llmrepl.accounting.reporting import known
    from llmrepl.accounting.tallies import percentile
    from llmrepl.figures import duration, tokens
    from llmrepl.sanitise import clean

    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for tool in (*tools, last := whole(tools)):
        times = [percentile(tool.ms, 50), percentile(tool.ms, 95), sum(tool.ms) or None]
        table.add_row(
            clean(tool.name),
            str(tool.calls),
            str(tool.errors or ""),
            *("" if ms is None else duration(ms) for ms in times),
            tokens(round(tool.tokens)),
            known(tool.cost, tool.unpriced),
            style="bold" if tool is last else None,
        )


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 3)
