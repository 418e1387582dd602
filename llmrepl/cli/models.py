"""`llmrepl models`: what can be used now, and what is added to that from files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.options import load_config

if TYPE_CHECKING:
    from llmrepl.compose.models import ModelRow


@click.group("models", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per model.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the models of every provider that answers.

    With a command, add or remove a model that is a file on this machine.
    """
    if ctx.invoked_subcommand is not None:
        return
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


@command.command("add")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", default="", help="What to call it; the file's name otherwise.")
def add(file: Path, name: str) -> None:
    """Add the model in a GGUF file, which stays where it is."""
    from llmrepl.compose.models import add_file
    from llmrepl.sanitise import clean

    row = add_file(load_config().config, file, name)
    click.echo(clean(f"{row.name} takes {row.context:,} tokens at once"))
    if row.note:
        click.echo(clean(row.note), err=True)


@command.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Forget a model that was added; its file stays."""
    from llmrepl.compose.models import remove_file
    from llmrepl.sanitise import clean

    file = remove_file(load_config().config, name)
    click.echo(clean(f"{name} is forgotten; {file} is still there"))


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
