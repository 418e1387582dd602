"""`llmrepl web`: the full screen in a browser. Each browser session is this command once more."""

from __future__ import annotations

import sys
from typing import Any

import click

from llmrepl.cli.options import arguments_of, load_config, session_options, settings_options
from llmrepl.cli.weaker import require_walls

PORT, LIMIT, GRACE = 8421, 4, 60.0
LISTENING = ("host", "port", "names", "certificate", "key", "without_tls", "limit", "grace")
PROGRAM = (sys.executable, "-P", "-m", "llmrepl", "web", "--page")
"""What runs for each browser session; -P: nothing is imported from the project's directory."""


@click.command("web")
@click.argument("opened", metavar="[SESSION]", required=False, default="")
@click.option("--page", is_flag=True, hidden=True)
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Listen on this address.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    metavar="N",
    help=f"Listen on this port; 0 takes any that is free. Default: {PORT}.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Be reached under this name as well; may be given more than once.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=LIMIT,
    metavar="N",
    help=f"Let so many sessions be open at the same time. Default: {LIMIT}.",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=GRACE,
    metavar="S",
    help=f"End a session so many seconds after its page is gone. Default: {GRACE:.0f}.",
)
@click.option("--certificate", default="", metavar="FILE", help="Use TLS, with this certificate.")
@click.option("--key", default="", metavar="FILE", help="The key of the certificate.")
@click.option(
    "--without-tls", is_flag=True, help="Let other machines reach it though nothing is encrypted."
)
@settings_options
@session_options
def command(opened: str, page: bool, **options: Any) -> int:
    """Serve the full screen to browsers on this machine.

    It prints an address that works once. SESSION is the id of a saved session to go on with, or the
    beginning of one.
    """
    resume = options.pop("resume") or opened
    last, session = options.pop("last"), options.pop("session") or ""
    fork = options.pop("fork") or ""
    listening = {name: options.pop(name) for name in LISTENING}
    given = arguments_of(options)
    loaded = load_config(options)
    require_walls(loaded.config)
    from llmrepl.conversing.frontends import Listening, frontend, server

    if page:
        from llmrepl.cli.keeping import prune_unasked
        from llmrepl.compose.opening import Wanted

        ended = frontend("page")(loaded, Wanted(resume, last, session, fork))
        prune_unasked(loaded.config)
        return ended
    chosen = {"resume": resume, "session": session, "fork": fork}
    wanted = [f"--{name}={value}" for name, value in chosen.items() if value]
    wanted += ["--continue"] * last
    return server("web")(Listening(**listening), (*PROGRAM, *given), wanted)
