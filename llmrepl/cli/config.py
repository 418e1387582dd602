"""`llmrepl config`: show and change the configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from llmrepl.cli.options import load_config
from llmrepl.config.paths import USER_FILE, config_directory


@click.group("config")
def command() -> None:
    """Show and change the configuration."""


@command.command("show")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per setting.")
def show(as_json: bool) -> None:
    """Show every setting, its value and where it comes from; secrets are masked.

    The system prompt's version and length are part of it.
    """
    from llmrepl.config.showing import show as rows

    loaded = load_config()
    for row in rows(loaded):
        if as_json:
            shown = {"key": row.key, "value": row.value, "source": row.source}
            click.echo(json.dumps(shown, ensure_ascii=False))
        else:
            click.echo(f"{row.key:28} {row.text:36} {row.source}")
    if not as_json:
        click.echo(_prompt_line(), err=True)


def _prompt_line() -> str:
    from llmrepl.accounting import Tokens
    from llmrepl.compose.policy import policy_of
    from llmrepl.context.prompt import PROMPT_VERSION, system_prompt
    from llmrepl.executors.policy import rules

    cwd = Path.cwd()
    policy = policy_of(load_config().config, cwd)
    count = Tokens().count(system_prompt(directory=str(cwd), rules=rules(policy)))
    return f"system prompt version {PROMPT_VERSION}, about {count} tokens (/system shows it)"


@command.command("path")
def path() -> None:
    """Print where the user's configuration file is, or would be."""
    click.echo(_user_file())


@command.command("get")
@click.argument("key")
def get(key: str) -> None:
    """Print one setting's value."""
    from llmrepl.config.showing import get as row_of

    click.echo(row_of(load_config(), key).text)


@command.command("set")
@click.argument("key")
@click.argument("value")
def set_(key: str, value: str) -> None:
    """Set KEY in the user's configuration file; comments and order stay as they are."""
    from llmrepl.config.editing import set_value

    set_value(_user_file(), key, value, cwd=Path.cwd())
    click.echo(f"{key} is set in {_user_file()}", err=True)


@command.command("edit")
def edit() -> None:
    """Open the user's configuration file in $EDITOR and check it afterwards."""
    file = _user_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    click.edit(filename=str(file))
    load_config()
    click.echo(f"{file} is accepted", err=True)


def _user_file() -> Path:
    return config_directory(os.environ) / USER_FILE
