"""`llmrepl whatif`: price a saved session on other models."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.options import load_config

if TYPE_CHECKING:
    from llmrepl.accounting.whatif import Row
    from llmrepl.config import Loaded
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
@click.option("--live", is_flag=True, help="Ask each model, too: that costs what it costs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
def command(session: str, models: tuple[str, ...], live: bool, as_json: bool) -> None:
    """Price a saved session on other models, with and without a prompt cache.

    SESSION is an id, the beginning of one, `last`, or a session's file. The requests are those of
    the session, with the tokens that are stored and with tokens counted again, and each figure
    comes with what it assumes. Without --live no model is asked.
    """
    from llmrepl.accounting import Meter
    from llmrepl.accounting.whatif import as_it_was, exchanges, what_if
    from llmrepl.compose.assembly import prices_of
    from llmrepl.events import PERSON, StepStarted
    from llmrepl.providers.registry import split_model
    from llmrepl.sessions.finding import records_of, session_file

    loaded = load_config()
    meter = Meter(prices_of(loaded.config))
    meter.tokens.load()
    names = {model: split_model(model) for model in models}
    path = session_file(loaded.config.sessions.directory, session)
    _, records = records_of(path)
    found = exchanges(records, meter.count)
    counted = exchanges(records, meter.count, stored=False)
    stored = any(not one.usage.estimated for one in found)
    countable = all(one.usage.estimated for one in counted)
    asked = [record.event for record in records if isinstance(record.event, StepStarted)]
    recorded = dict.fromkeys(
        f"{event.provider}/{event.model}" for event in asked if event.provider != PERSON
    )
    rows = [as_it_was(", ".join(recorded) or "no model", found)]
    for model, (provider, name) in names.items():
        price = _pricing(meter, provider, name)
        rows += what_if(model, found, price)
        if stored and countable:
            rows += what_if(model, counted, price, counted=True)
        if live:
            rows.append(_asked(path, loaded, model))
    if as_json:
        for row in rows:
            click.echo(json.dumps(_plain(row), ensure_ascii=False))
    else:
        click.echo("\n".join(_table(rows)))


def _asked(path: Path, loaded: Loaded, model: str) -> Row:
    """Ask a model again at every step, and return what that came to."""
    from llmrepl.accounting.whatif import as_asked
    from llmrepl.compose.asking import ask_session

    steps = asyncio.run(ask_session(path, loaded.config, os.environ, model=model, purpose="whatif"))
    answered = [(step.usage, step.cost) for step in steps if step.outcome in ("same", "differs")]
    row = as_asked(model, answered, len(steps))
    failed = dict.fromkeys(step.why for step in steps if step.outcome == "failed")
    return replace(row, assumptions=(*row.assumptions, *failed))


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
        "tokens": row.tokens,
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
    figures = f"{'↑ in':>7}  {'cached':>7}  {'↓ out':>7}  {'cost':>9}"
    lines = [f"{'model':{width}}  {'tokens':7}  {'cache':9}  {figures}"]
    for row in rows:
        usage = row.usage
        marks = [str(notes.setdefault(said, len(notes) + 1)) for said in row.assumptions]
        cost = "unknown" if row.cost is None else money(row.cost.total)
        counts = (usage.input_tokens, usage.cache_read, usage.output_tokens)
        shown = "  ".join(f"{tokens(count):>7}" for count in counts)
        name = clean(row.model)
        head = f"{name:{width}}  {row.tokens:7}  {row.cache:9}"
        lines.append(f"{head}  {shown}  {cost:>9}  [{', '.join(marks)}]")
    return [*lines, "", *(f"[{number}] {said}" for said, number in notes.items())]
