"""`llmrepl sessions schema`: saved sessions as files, for those who read them without llmrepl."""

from __future__ import annotations

import json

import click


@click.command("schema")
def schema() -> None:
    """Print the JSON Schema of a line of a session's file.

    The page on the session format says how lines hang together.
    """
    from llmrepl.sessions.schema import schema as made

    click.echo(json.dumps(made(), indent=2, ensure_ascii=False))
