"""`llmrepl models`: what can be used now."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.options import load_config

if TYPE_CHECKING:
    from llmrepl.compose.models import ModelRow


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per model.")
def command(as_json: bool) -> None:
    """List the models of every provider that answers."""
    from llmrepl.compose.models import list_models
    from llmrepl.sanitise import clean

    for row in asyncio.run(list_models(load_config().config)):
        if as_json and row.usable:
            click.echo(json.dumps(_plain(row)))
        elif not as_json and row.usable:
            note = row.note or str(row.accuracy or "")
            click.echo(clean(f"{row.name:44} {note}".rstrip()))
        else:
            click.echo(clean(f"{row.name:44} {row.note}".rstrip()), err=True)


def _plain(row: ModelRow) -> dict[str, Any]:
    found = row.accuracy
    return {
        "model": row.name,
        "context": row.context,
        "note": row.note,
        "calls": found.calls if found else 0,
        "ratio": round(found.ratio, 4) if found else None,
        "error": round(found.error, 4) if found else None,
    }
