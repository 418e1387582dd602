"""`llmrepl models`: what can be used now."""

from __future__ import annotations

import asyncio
import json

import click

from llmrepl.cli.options import load_config


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per model.")
def command(as_json: bool) -> None:
    """List the models of every provider that answers."""
    from llmrepl.compose.models import list_models
    from llmrepl.sanitise import clean

    for row in asyncio.run(list_models(load_config().config)):
        if as_json and row.usable:
            click.echo(json.dumps({"model": row.name, "context": row.context, "note": row.note}))
        elif not as_json and row.usable:
            click.echo(clean(f"{row.name:44} {row.note}".rstrip()))
        else:
            click.echo(clean(f"{row.name:44} {row.note}".rstrip()), err=True)
