"""Every slash command: its name, its arguments, what it is for and what does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from llmrepl.compose import Assembly
from llmrepl.errors import LlmreplError
from llmrepl.repl.commands import files, general
from llmrepl.repl.commands.exporting import export
from llmrepl.repl.commands.permissions import permissions
from llmrepl.repl.commands.sandbox import sandbox
from llmrepl.repl.commands.saying import say
from llmrepl.repl.commands.spending import cost


class Leave(Exception):
    """The person wants to leave."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a slash command takes, what it is for, and what it does."""

    argument: str
    purpose: str
    run: Callable[[Assembly, str], Awaitable[None]]


def command_of(text: str) -> tuple[str, str]:
    """Return the command's name and its argument; an empty name for anything else.

    Raises:
        LlmreplError: there is no such command.
    """
    word, _, rest = text.strip().partition(" ")
    if not word.startswith("/") or "/" in word[1:]:
        return "", text
    if word[1:] not in COMMANDS:
        names = " ".join(f"/{name}" for name in COMMANDS)
        raise LlmreplError(f"there is no command {word}", hint=f"commands: {names}")
    return word[1:], rest.strip()


async def _help(assembly: Assembly, _: str) -> None:
    for name, command in COMMANDS.items():
        say(f"  {'/' + name + ' ' + command.argument:22} {command.purpose}")
    say("  Enter sends · Alt-Enter or Ctrl-J: new line · Ctrl-C interrupts · Ctrl-D leaves")
    say("  While a turn runs: Enter queues, ↑ takes back, Ctrl-S steers, Esc interrupts")
    if assembly.edges.provider.name == "demo":
        say("demo/assistant is not a language model. /model PROVIDER/MODEL connects one.")


async def _quit(_: Assembly, __: str) -> None:
    raise Leave


COMMANDS = {
    "help": Command("", "this list", _help),
    "model": Command("[PROVIDER/MODEL]", "show or change the model", general.model),
    "models": Command("", "models that can be used now", general.models),
    "check": Command("", "check this installation", general.check),
    "cost": Command("", "tokens and money so far", cost),
    "sessions": Command("[WORDS]", "saved sessions, newest first; search them", general.sessions),
    "export": Command("[FORMAT] [FILE]", "write this session as md, html, json, …", export),
    "permissions": Command("[add RULE | revoke N]", "rules for what runs unasked", permissions),
    "sandbox": Command("[write PATH | …]", "what blocks may touch; to change it", sandbox),
    "diff": Command("[PATH]", "what blocks changed in their copy of the project", files.diff),
    "apply": Command("[PATH]", "write what blocks changed into the project", files.apply),
    "discard": Command("[PATH]", "drop what blocks changed in their copy", files.discard),
    "undo": Command("[BLOCKS]", "take back what blocks wrote for real", files.undo),
    "system": Command("", "the system prompt as it is sent", general.system),
    "clear": Command("", "clear the screen", general.clear),
    "quit": Command("", "leave", _quit),
}
"""Every command by its name, in the order of /help."""
