"""`llmrepl config`: show and change the configuration."""

from __future__ import annotations

import json
import os
import sys
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
    for row in rows(loaded, os.environ):
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


@command.command("set-key")
@click.argument("provider")
@click.option("--file", "file", metavar="PATH", help="Keep it in this file, for you alone.")
def set_key(provider: str, file: str | None) -> None:
    """Keep the key of PROVIDER in the system's keyring, or in a file.

    The key is asked for without being shown, or read from stdin: never an argument, which others
    could see.
    """
    from llmrepl.config import vault
    from llmrepl.config.editing import set_value

    _known_provider(provider)
    key = _typed(provider)
    if file is not None:
        path = Path(file).expanduser().absolute()
        vault.write(path, key)
        set_value(_user_file(), f"providers.{provider}.api_key_file", str(path), cwd=Path.cwd())
        where = str(path)
    else:
        vault.keep(provider, key)
        set_value(_user_file(), f"providers.{provider}.keyring", "true", cwd=Path.cwd())
        where = vault.RING
    click.echo(f"the key of {provider} is in {where}; `llmrepl check provider` tries it", err=True)


@command.command("remove-key")
@click.argument("provider")
def remove_key(provider: str) -> None:
    """Remove the key of PROVIDER from the system's keyring, and its file."""
    from llmrepl.config import vault
    from llmrepl.config.editing import unset_value

    _known_provider(provider)
    settings = load_config().config.provider(provider)
    done = []
    if settings.keyring:
        if vault.forget(provider):
            done.append(f"removed the key of {provider} from {vault.RING}")
        unset_value(_user_file(), f"providers.{provider}.keyring")
    if settings.api_key_file:
        settings.api_key_file.unlink(missing_ok=True)
        unset_value(_user_file(), f"providers.{provider}.api_key_file")
        done.append(f"removed {settings.api_key_file}")
    click.echo("\n".join(done) or f"no key of {provider} is kept", err=True)


def _typed(provider: str) -> str:
    """Return the key that a person types, or that stands in stdin.

    Raises:
        ConfigError: it is none.
    """
    from llmrepl.errors import ConfigError
    from llmrepl.providers.address import clean_key

    if sys.stdin.isatty():
        text = click.prompt(f"the key of {provider}", hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    key = clean_key(text.strip(), f"the key of {provider}")
    if not key:
        raise ConfigError("no key was given", hint="type it, or pipe it in: one line")
    return key


def _known_provider(name: str) -> None:
    from llmrepl.providers.registry import BUILT_IN, installed

    known = dict.fromkeys([*BUILT_IN, *installed(), *load_config().config.providers])
    if name not in known:
        raise click.UsageError(f"there is no provider {name}; there are: {', '.join(known)}")


def _user_file() -> Path:
    return config_directory(os.environ) / USER_FILE
