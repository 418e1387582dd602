"""Slash commands: a table of names, arguments, explanations and what they do."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from llmrepl.compose import Assembly
from llmrepl.compose.checks import checks_of
from llmrepl.compose.models import list_models
from llmrepl.errors import LlmreplError
from llmrepl.figures import money, tokens
from llmrepl.health import run_checks
from llmrepl.repl import files
from llmrepl.repl.policy import sandbox
from llmrepl.sanitise import clean


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


def _say(text: str) -> None:
    sys.stdout.write(clean(text) + "\n")


def _show(assembly: Assembly, text: str) -> None:
    """Say what somebody else wrote, and what may be secret."""
    _say(assembly.redactor.redact(text))


async def _help(assembly: Assembly, _: str) -> None:
    for name, command in COMMANDS.items():
        _say(f"  {'/' + name + ' ' + command.argument:22} {command.purpose}")
    _say("  Enter sends · Alt-Enter or Ctrl-J: new line · Ctrl-C interrupts · Ctrl-D leaves")
    if assembly.edges.provider.name == "demo":
        _say("demo/assistant is not a language model. /model PROVIDER/MODEL connects one.")


async def _model(assembly: Assembly, name: str) -> None:
    if name:
        await assembly.use_model(name)
    _say(f"model: {assembly.model}")


async def _models(assembly: Assembly, _: str) -> None:
    for row in await list_models(assembly.config):
        _say(f"  {row.name:44} {row.note}".rstrip())


async def _check(assembly: Assembly, _: str) -> None:
    results = await run_checks(checks_of(assembly))
    for result in assembly.redactor.scrub(results):
        mark = {"ok": "✓", "warning": "!"}.get(result.status, "✗")
        _say(f"{mark} {result.name}: {result.message}")
        if result.fix:
            _say(f"    {result.fix}")


async def _cost(assembly: Assembly, _: str) -> None:
    state = assembly.runtime.state
    for title, spend in (("last turn", state.turn_spend), ("session", state.session_spend)):
        usage = spend.usage
        unknown = f" · {spend.unpriced} messages without a known price" if spend.unpriced else ""
        sent = tokens(usage.input_tokens, estimated=usage.estimated)
        said = tokens(usage.output_tokens, estimated=usage.estimated)
        _say(f"  {title:10} ↑ {sent} ↓ {said} tokens · {money(spend.total)}{unknown}")


async def _sessions(assembly: Assembly, _: str) -> None:
    for row in assembly.list_sessions(limit=20):
        _show(assembly, f"  {row.id}  {row.turns:3} turns  {row.prompt[:60]}")


async def _system(assembly: Assembly, _: str) -> None:
    _say(assembly.window.system)
    _say(f"({assembly.window.system_tokens} tokens)")


async def _clear(_: Assembly, __: str) -> None:
    sys.stdout.write("\x1b[H\x1b[2J")


async def _quit(_: Assembly, __: str) -> None:
    raise Leave


COMMANDS = {
    "help": Command("", "this list", _help),
    "model": Command("[PROVIDER/MODEL]", "show or change the model", _model),
    "models": Command("", "models that can be used now", _models),
    "check": Command("", "check this installation", _check),
    "cost": Command("", "tokens and money so far", _cost),
    "sessions": Command("", "saved sessions, newest first", _sessions),
    "sandbox": Command("[write PATH | …]", "what blocks may touch; to change it", sandbox),
    "diff": Command("[PATH]", "what blocks changed in their copy of the project", files.diff),
    "apply": Command("[PATH]", "write what blocks changed into the project", files.apply),
    "discard": Command("[PATH]", "drop what blocks changed in their copy", files.discard),
    "undo": Command("[BLOCKS]", "take back what blocks wrote for real", files.undo),
    "system": Command("", "the system prompt as it is sent", _system),
    "clear": Command("", "clear the screen", _clear),
    "quit": Command("", "leave", _quit),
}
"""Every command by its name, in the order of /help."""
