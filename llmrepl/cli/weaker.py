"""What is said, and asked, before anything starts in less than the full sandbox."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from llmrepl.errors import ConfigError

if TYPE_CHECKING:
    from llmrepl.config import Config

PHRASE = "run without a sandbox"
"""What a person has to type."""


def announce(config: Config) -> None:
    """Say on stderr what the chosen tier lacks; nothing where it is the full sandbox."""
    if config.sandbox.tier == "auto":
        return
    from llmrepl.executors.tiers import TIERS

    tier = TIERS[config.sandbox.tier]
    lines = [f"{tier.title} (--sandbox {config.sandbox.tier}):", *tier.gaps]
    text = "\n  ".join(lines)
    click.secho(text, fg="red" if not tier.walls else "yellow", err=True)


def require_walls(config: Config) -> None:
    """Return where something keeps blocks in, and say what it lacks.

    Raises:
        ConfigError: nothing does, and there is nobody to be shown each block.
    """
    if config.sandbox.tier == "off":
        raise ConfigError(
            "--sandbox off is for the chat alone, where every block is shown before it runs",
            hint="accepted here: auto or reduced",
        )
    announce(config)


def consented(config: Config) -> bool:
    """Say whether the chat may start: without a sandbox a person has to type a phrase first."""
    announce(config)
    if config.sandbox.tier != "off":
        return True
    import termios

    termios.tcflush(sys.stdin, termios.TCIFLUSH)  # what was typed before is no answer
    click.echo(f"Type “{PHRASE}” to go on: ", nl=False, err=True)
    if sys.stdin.readline().strip() == PHRASE:
        return True
    click.echo("llmrepl: not confirmed, so nothing was started", err=True)
    return False
