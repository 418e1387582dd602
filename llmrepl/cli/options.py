"""Options that several commands share, made from the table of settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llmrepl.config import Loaded, load
from llmrepl.config.settings import SETTINGS

if TYPE_CHECKING:
    from llmrepl.redaction import Redactor

F = TypeVar("F", bound=Callable[..., Any])

METAVARS = {
    "model": "PROVIDER/MODEL",
    "system": "FILE",
    "sandbox.write": "PATH",
    "sandbox.net": "HOST[:PORT]",
    "limits.turn_seconds": "S",
    "limits.budget": "USD",
    "limits.max_steps": "N",
    "seed": "N",
    "ui.display": "NAME",
}
MANY = ("sandbox.write", "sandbox.net")
"""Settings whose option may be given more than once."""


def settings_options(command: F) -> F:
    """Give `command` an option for every setting that has a flag; the values go to `load_config`.

    Values are passed on as text, so that the table of settings judges them, and nobody else.
    """
    for setting in reversed(SETTINGS):
        if not setting.flag:
            continue
        name = setting.key.replace(".", "__")
        if setting.flag.startswith("--no-"):
            option = click.option(setting.flag, name, flag_value="false", help=setting.text)
        else:
            metavar = METAVARS.get(setting.key) or "|".join(setting.choices)
            option = click.option(
                setting.flag,
                name,
                metavar=metavar,
                multiple=setting.key in MANY,
                help=setting.text,
            )
        command = option(command)
    return command


def arguments_of(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments of a command line that give the options of `settings_options` again."""
    arguments: list[str] = []
    for setting in SETTINGS:
        value = options.get(setting.key.replace(".", "__")) if setting.flag else None
        if value and setting.flag.startswith("--no-"):
            arguments.append(setting.flag)
        elif value is not None:
            values = value if isinstance(value, tuple) else (value,)
            arguments += [f"{setting.flag}={one}" for one in values]
    return tuple(arguments)


def sandbox_option(command: F) -> F:
    """Give `command` the option that chooses the sandbox; the value goes to `load_config`."""
    setting = next(setting for setting in SETTINGS if setting.key == "sandbox.tier")
    name, metavar = setting.key.replace(".", "__"), "|".join(setting.choices)
    return click.option(setting.flag, name, metavar=metavar, help=setting.text)(command)


def session_options(command: F) -> F:
    """Give `command` the options that choose a session."""
    for option in (
        click.option("--fork", metavar="ID", help="Go on in a copy of a session."),
        click.option("--session", metavar="ID", help="Go on with this session, or begin it."),
        click.option("--continue", "last", is_flag=True, help="Go on with the last session here."),
        click.option("--resume", metavar="ID", help="Go on with a session, by its id's beginning."),
    ):
        command = option(command)
    return command


def load_config(options: dict[str, Any] | None = None) -> Loaded:
    """Load the configuration with the options of `settings_options` taken out of `options`.

    Warnings go to stderr.

    Raises:
        ConfigError: something is not accepted.
    """
    flags = {}
    for setting in SETTINGS:
        name = setting.key.replace(".", "__")
        if options and name in options:
            value = options.pop(name)
            flags[setting.key] = list(value) if isinstance(value, tuple) else value
    loaded = load(flags, os.environ, Path.cwd())
    held = loaded.config.sessions
    if held.encrypt or held.identity:  # else nobody is sealed for, and the keyring may open
        from llmrepl.sessions.sealed.keys import KEYS

        KEYS.use(held.encrypt, held.identity)
    if loaded.warnings:
        from llmrepl.sanitise import clean

        for warning in loaded.warnings:
            click.echo(f"llmrepl: warning: {clean(warning)}", err=True)
    return loaded


def redactor_for(loaded: Loaded) -> Redactor:
    """Return what takes secrets out of what was written before they were known."""
    from llmrepl.config.secrets import redactor_of

    return redactor_of(loaded.config, os.environ, Path.cwd())
