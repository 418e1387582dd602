"""`llmrepl tui`: the full screen, which is a front end that a plugin brings."""

from __future__ import annotations

import sys
from typing import Any

import click

from llmrepl.cli.exits import NO_SANDBOX, USAGE
from llmrepl.cli.options import load_config, session_options, settings_options
from llmrepl.cli.weaker import consented


@click.command("tui")
@click.argument("opened", metavar="[SESSION]", required=False, default="")
@settings_options
@session_options
def command(opened: str, **options: Any) -> int:
    """Chat on the full screen, and look at what happened in all its detail.

    SESSION is the id of a saved session to go on with, or the beginning of one.
    """
    resume = options.pop("resume") or opened
    last, session = options.pop("last"), options.pop("session") or ""
    fork = options.pop("fork") or ""
    loaded = load_config(options)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(
            "llmrepl: the full screen needs a terminal\n"
            "  without one, use `llmrepl run PROMPT` or `llmrepl sessions show SESSION`",
            err=True,
        )
        return USAGE
    if not consented(loaded.config):
        return NO_SANDBOX
    from llmrepl.compose.opening import Wanted
    from llmrepl.conversing.frontends import frontend

    ended = frontend("tui")(loaded, Wanted(resume, last, session, fork))
    from llmrepl.cli.keeping import prune_unasked

    prune_unasked(loaded.config)
    return ended
