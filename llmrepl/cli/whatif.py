"""`llmrepl whatif`: price a saved session on other models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.options import load_config

if TYPE_CHECKING:
    from llmrepl.accounting.whatif import Row
    from llmrepl.usage import Cost, Usage

LOCAL = ("ollama", "demo", "scripted")
"""Providers of the person's own machine, which cost nothing."""


@click.command("whatif")
@click.argument("session")
@click.option(
    "--model",
    "models",
    metavar="PROVIDER/MODEL",
    multiple=True,
    required=True,
    help="What to price it on; may be given more than once.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
def command(session: str, models: tuple[str, ...], as_json: bool) -> None:
    """Price a saved session on other models, with and without a prompt cache.

    SESSION is an id, the beginning of one, `last`, or a session's file. No model is asked: the
    requests are those of the session, and each figure comes with what it assumes.
    """
    from llmrepl.accounting import Meter
    from llmrepl.accounting.whatif import as_it_was, exchanges, what_if
    from llmrepl.compose.assembly import prices_of
    from llmrepl.events import StepStarted
    from llmrepl.providers.registry import split_model
    from llmrepl.sessions.finding import records_of, session_file

    loaded = load_config()
    meter = Meter(prices_of(loaded.config))
    meter.tokens.load()
    names = {model: split_model(model) for model in models}
    _, records = records_of(session_file(loaded.config.sessions.directory, session))
    found = exchanges(records, meter.count)
    asked = [record.event for record in records if isinstance(record.event, StepStarted)]
    recorded = dict.fromkeys(f"{event.provider}/{event.model}" for event in asked)
    rows = [as_it_was(", ".join(recorded) or "no model", found)]
    for model, (provider, name) in names.items():
        rows += what_if(model, found, _pricing(meter, provider, name))
    if as_json:
        for row in rows:
            click.echo(json.dumps(_plain(row), ensure_ascii=False))
    else:
        click.echo("\n".join(_table(rows)))


def _pricing(meter: Any, provider: str, model: str) -> Callable[[Usage], Cost | None]:
    from llmrepl.usage import FREE, cost_of

    def price(usage: Usage) -> Cost | None:
        own = meter.prices.own(provider, model)
        if own is None and provider in LOCAL:
            return cost_of(usage, FREE)
        found: Cost | None = meter.prices.cost(provider, model, usage)
        return found

    return price


def _plain(row: Row) -> dict[str, Any]:
    usage, cost = row.usage, row.cost
    return {
        "model": row.model,
        "cache": row.cache,
        "input_tokens": usage.input_tokens,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output_tokens": usage.output_tokens,
        "estimated": usage.estimated,
        "cost_usd": None if cost is None else float(cost.total),
        "assumptions": list(row.assumptions),
    }


def _table(rows: list[Row]) -> list[str]:
    """Return the rows as lines, and below them the numbered assumptions."""
    from llmrepl.figures import money, tokens
    from llmrepl.sanitise import clean

    notes: dict[str, int] = {}
    width = max(len(clean(row.model)) for row in rows)
    lines = [
        f"{'model':{width}}  {'cache':9}  {'↑ in':>7}  {'cached':>7}  {'↓ out':>7}  {'cost':>9}"
    ]
    for row in rows:
        usage = row.usage
        marks = [str(notes.setdefault(said, len(notes) + 1)) for said in row.assumptions]
        cost = "unknown" if row.cost is None else money(row.cost.total)
        figures = (usage.input_tokens, usage.cache_read, usage.output_tokens)
        shown = "  ".join(f"{tokens(figure):>7}" for figure in figures)
        name = clean(row.model)
        lines.append(f"{name:{width}}  {row.cache:9}  {shown}  {cost:>9}  [{', '.join(marks)}]")
    return [*lines, "", *(f"[{number}] {said}" for said, number in notes.items())]
