"""`llmrepl usage`: what all calls of models have taken, and what is left of the budgets."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from llmrepl.cli.options import load_config

if TYPE_CHECKING:
    from rich.table import Table

    from llmrepl.accounting.report import Report, Row
    from llmrepl.budgets import Drawn
    from llmrepl.config import Config
    from llmrepl.errors import LlmreplError

TOOL = "tool"
KEYS = ("day", "week", "month", "model", "session", "project", "purpose", TOOL)
BAR = 20
"""Columns of the longest bar."""


@click.command("usage")
@click.option("--by", type=click.Choice(KEYS), default="day", show_default=True, help="Rows.")
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="How far back.")
@click.option("--since", metavar="WHEN", help="Only since then: 2h, 7d, 2026-01-31.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="The rows as CSV.")
@click.option("--import", "importing", is_flag=True, help="Bring in what saved sessions say first.")
def command(
    by: str, days: int, since: str | None, as_json: bool, as_csv: bool, importing: bool
) -> None:
    """Show what calls of models took: tokens, money, what caches and chains saved, the budgets.

    Each call counts once, with the price that held when it was made. What nobody knows the price of
    is in no sum, and is said. By tool it is what saved sessions say of its calls: how they ended,
    how long they took, and their part of what the messages cost that asked for them.
    """
    from llmrepl.compose.spending import beginning, bring_in, spending

    config = load_config().config
    if importing:
        read = bring_in(config, os.environ, int, _left_out)
        click.echo(f"llmrepl: {read} sessions were read", err=True)
    now = time.time_ns() // 1_000_000
    first = beginning(days, now) if since is None else _moment(since, now)
    of = "day" if by == TOOL else by
    spent = spending(config, os.environ, Path.cwd(), by=of, since=first, at=now)
    shown = _by_tool(config, first) if by == TOOL else _by_call(spent.report)
    if as_csv:
        _csv(by, shown)
    elif as_json:
        click.echo(json.dumps(_plain(by, shown, *spent), ensure_ascii=False))
    else:
        over = f"in the last {days} days" if since is None else f"since {since}"
        _show(by, shown, over, *spent)


def _left_out(name: str, error: LlmreplError) -> None:
    click.echo(f"llmrepl: {name} is left out: {error.message}", err=True)


def _moment(since: str, now: int) -> int:
    from llmrepl.audit.choosing import TIMES, moment

    try:
        return moment(since, now / 1000)
    except ValueError:
        raise click.UsageError(f"--since {since} is no time; accepted: {TIMES}") from None


class Shown(NamedTuple):
    """The rows with their figures, those of all, and what puts them into a table for people."""

    rows: list[tuple[str, dict[str, Any]]]
    total: dict[str, Any]
    fill: Callable[[Table], None]


def _by_call(found: Report) -> Shown:
    rows = [(row.key, _figures(row)) for row in found.rows]
    return Shown(rows, _figures(found.total), partial(_fill, found=found))


def _by_tool(config: Config, since: int) -> Shown:
    from llmrepl.cli.usage_by_tool import figures, fill, tools_of, whole

    tools = tools_of(config, since, _left_out)
    rows = [(tool.name, figures(tool)) for tool in tools]
    return Shown(rows, figures(whole(tools)), partial(fill, tools=tools))


def _figures(row: Row) -> dict[str, Any]:
    usage = row.usage
    return {
        "calls": row.calls,
        "broken": row.broken,
        "input_tokens": usage.input_tokens,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "estimated": usage.estimated,
        "cost_usd": float(row.cost),
        "unpriced": row.unpriced,
        "saved_by_cache_usd": float(row.saved),
        "seconds": round(row.ms / 1000, 3),
    }


def _csv(by: str, shown: Shown) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, [by, *shown.total], lineterminator="\n")
    writer.writeheader()
    for key, figures in shown.rows:
        writer.writerow({by: key, **figures})


def _plain(
    by: str, shown: Shown, found: Report, drawn: list[Drawn], about: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "by": by,
        "currency": "USD",
        "rows": [{by: key, **figures} for key, figures in shown.rows],
        "total": shown.total,
        "unpriced": dict(found.unpriced),
        "saved_by_routing_usd": None if found.routed is None else float(found.routed),
        "month_usd": float(found.month),
        "month_expected_usd": float(round(found.expected, 6)),
        "budgets": [
            {
                "scope": each.budget.scope,
                "amount_usd": float(each.budget.amount),
                "then": each.budget.then,
                "spent_usd": float(each.spent),
                "held_usd": float(each.held),
            }
            for each in drawn
        ],
        "prices": dict(about),
    }


def _show(
    by: str,
    shown: Shown,
    over: str,
    found: Report,
    drawn: list[Drawn],
    about: Mapping[str, str],
) -> None:
    from rich.console import Console
    from rich.table import Table

    from llmrepl.accounting.reporting import remarks
    from llmrepl.sanitise import clean

    if not shown.rows:
        click.echo(f"No calls {over}.", err=True)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column(by, overflow="fold")
        shown.fill(table)
        Console(highlight=False).print(table)
    for line in remarks(found, drawn, about):
        click.echo(clean(line))


def _fill(table: Table, found: Report) -> None:
    from rich.bar import Bar

    from llmrepl.accounting.reporting import cost_of
    from llmrepl.figures import tokens
    from llmrepl.sanitise import clean

    for name in ("calls", "↑ in", "cached", "↓ out", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    most = max(row.cost for row in found.rows)
    for row in (*found.rows, found.total):
        usage, last = row.usage, row is found.total
        bar = Bar(float(most or 1), 0, 0 if last else float(row.cost), width=BAR, color="cyan")
        table.add_row(
            clean(row.key) or "-",
            str(row.calls),
            tokens(usage.input_tokens, estimated=usage.estimated),
            tokens(usage.cache_read),
            tokens(usage.output_tokens, estimated=usage.estimated),
            cost_of(row),
            bar,
            style="bold" if last else None,
        )
