"""The command line: one small module per command, loaded when it is called.

stdout is data, stderr is narration; exit codes are a contract (`llmrepl.cli.exits`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from llmrepl import __version__
from llmrepl.cli.exits import ERROR, INTERRUPTED, code_of
from llmrepl.errors import LlmreplError

COMMANDS = {
    "chat": "Chat in the terminal (the default).",
    "tui": "Chat and look at sessions on the full screen.",
    "web": "Chat and look at sessions in a browser on this machine.",
    "run": "Run one turn without a terminal and print the answer.",
    "exec": "Run one block in the sandbox, without a model.",
    "models": "List the models that can be used now; add and remove those that are files.",
    "sessions": "List, search, show, watch, fork, compare, export, tag and remove sessions.",
    "replay": "Show a saved session again, with its own timing.",
    "verify": "Run the tool calls of saved sessions again and compare.",
    "whatif": "Price a saved session on other models.",
    "usage": "Show what all calls took and cost, and what is left of the budgets.",
    "audit": "Verify, show and export the log of everything that ran.",
    "config": "Show and change the configuration.",
    "check": "Check this installation and say how to mend what is wrong.",
}
"""Every command with its line in --help; its module has the same name."""


class Commands(click.Group):
    """Loads a command's module when the command is called, so that --help starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, importing its module."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"llmrepl.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take bare `llmrepl`, and options without a command, for `chat`."""
        own = {"--help", "-h", "--version", "-V"}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["chat", *args]
        return super().parse_args(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["--help", "-h"]})
@click.version_option(__version__, "--version", "-V", message="llmrepl %(version)s")
def main(**_: Any) -> None:
    """Chat with a language model that can run Python and bash in a sandbox.

    Without a command, `llmrepl` starts the chat. Every command explains itself with --help.
    """


def run(args: Sequence[str]) -> int:
    """Run the command line on `args` and return its exit code."""
    try:
        result = main.main(list(args), prog_name="llmrepl", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except LlmreplError as error:
        complain(error)
        return code_of(error)
    except BrokenPipeError:
        # The reader of our output went away; leave quietly, as Unix filters do.
        sys.stderr.close()
        return ERROR
    except Exception:  # noqa: BLE001 - a bug; Python itself would show what must not be seen
        from traceback import format_exc

        click.echo(_harmless(format_exc()), err=True, nl=False)
        return ERROR
    return result if isinstance(result, int) else 0


def complain(error: LlmreplError) -> None:
    """Print `error` and its hint on stderr, one line each."""
    click.echo(f"llmrepl: {_harmless(error.message)}", err=True)
    if error.hint:
        click.echo(f"  {_harmless(error.hint)}", err=True)


def _harmless(text: str) -> str:
    """Return `text` without secrets and without anything that a terminal would obey."""
    import os
    from pathlib import Path

    from llmrepl.config import load
    from llmrepl.config.secrets import redactor_of
    from llmrepl.redaction import Redactor, secrets_in
    from llmrepl.sanitise import clean

    try:
        redactor = redactor_of(load({}, os.environ, Path.cwd()).config, os.environ, Path.cwd())
    except (LlmreplError, OSError):  # the configuration itself is what is wrong
        redactor = Redactor(secrets_in(os.environ))
    return clean(redactor.redact(text))
