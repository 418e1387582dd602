"""`llmrepl chat`: the conversation in the terminal. What it imports delays the first prompt."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.exits import NO_SANDBOX, USAGE
from llmrepl.cli.options import load_config, session_options, settings_options
from llmrepl.cli.weaker import consented

if TYPE_CHECKING:
    from llmrepl.compose import Assembly
    from llmrepl.config import Loaded
    from llmrepl.redaction import Redactor
    from llmrepl.repl.panel import Panel


@click.command("chat")
@settings_options
@session_options
def command(**options: Any) -> int:
    """Chat in the terminal: type, and see the model run Python and bash in a sandbox."""
    session = (
        options.pop("resume") or "",
        options.pop("last"),
        options.pop("session") or "",
        options.pop("fork") or "",
    )
    loaded = load_config(options)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(
            "llmrepl: the chat needs a terminal\n"
            "  without one, use `llmrepl run PROMPT` or pipe a prompt into `llmrepl run`",
            err=True,
        )
        return USAGE
    if not consented(loaded.config):
        return NO_SANDBOX
    return asyncio.run(_chat(loaded, session))


async def _chat(loaded: Loaded, session: tuple[str, bool, str, str]) -> int:
    gc.disable()  # until all is loaded: modules stay, and there is nothing to find in them
    from llmrepl.config.paths import history_file
    from llmrepl.repl.chat import Chat

    config = loaded.config

    async def assembled(panel: Panel) -> Assembly:
        # Imported in a thread, because a hundred modules would hold up the keys being typed.
        start = await asyncio.to_thread(import_module, "llmrepl.repl.start")
        assembly: Assembly = await start.start(loaded, session, panel)
        return assembly

    @cache
    def redactor() -> Redactor:
        from llmrepl.config.secrets import redactor_of

        return redactor_of(config, os.environ, Path.cwd())

    history = history_file(os.environ) if config.sessions.save else None
    chat = Chat(
        assembled,
        history,
        config=config,
        redact=lambda text: redactor().redact(text),
    )
    ended = await chat.run(resuming=any(session))
    from llmrepl.cli.keeping import prune_unasked

    prune_unasked(config)
    return ended
