"""Every slash command: its name, its arguments, what it is for and what does it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from llmrepl.compose import Assembly
from llmrepl.conversing.commands import (
    branching,
    compacting,
    continuing,
    files,
    general,
    rewinding,
    spending,
)
from llmrepl.conversing.commands.exporting import export
from llmrepl.conversing.commands.following import Following
from llmrepl.conversing.commands.permissions import permissions
from llmrepl.conversing.commands.sandbox import sandbox
from llmrepl.conversing.commands.saying import say
from llmrepl.conversing.commands.showing import THEMES, show_output, theme
from llmrepl.conversing.commands.tagging import tag
from llmrepl.conversing.shell import USAGE
from llmrepl.errors import LlmreplError


class Leave(Exception):
    """The person wants to leave."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a slash command takes, what it is for, and what it does, with what follows from it.

    `completes` says what can be completed, where `argument` does not say it all.
    """

    argument: str
    purpose: str
    run: Callable[[Assembly, str], Coroutine[Any, Any, Following | None]]
    completes: str = ""


def command_of(text: str) -> tuple[str, str]:
    """Return the command's name and its argument; an empty name for anything else.

    Raises:
        LlmreplError: there is no such command.
    """
    word, _, rest = text.strip().partition(" ")
    if not word.startswith("/") or "/" in word[1:]:
        return "", text
    if word[1:] not in COMMANDS:
        from difflib import get_close_matches

        near = " or ".join(f"/{name}" for name in get_close_matches(word[1:], COMMANDS))
        meant = f"did you mean {near}? " if near else ""
        raise LlmreplError(f"there is no command {word}", hint=f"{meant}/help lists all")
    return word[1:], rest.strip()


async def _help(assembly: Assembly, _: str) -> None:
    usages = {f"/{name} {command.argument}": command.purpose for name, command in COMMANDS.items()}
    width = max(map(len, usages))
    for usage, purpose in usages.items():
        say(f"  {usage:{width}} {purpose}")
    say(f"  {USAGE}")
    say("  Enter sends · Alt-Enter or Ctrl-J: new line · Ctrl-C interrupts · Ctrl-D leaves")
    say("  Tab completes · Ctrl-R searches what was sent · Ctrl-O: all that the last block wrote")
    say("  While a turn runs: Enter queues, ↑ takes back, Ctrl-S steers, Esc interrupts")
    if assembly.edges.provider.name == "demo":
        say("demo/assistant is not a language model. /model PROVIDER/MODEL connects one.")


async def _editor(_: Assembly, __: str) -> None:
    """Say that only the prompt, which sends no /editor, can open one."""
    raise LlmreplError("there is no prompt to edit", hint="type /editor, or press Ctrl-X Ctrl-E")


async def _quit(_: Assembly, __: str) -> None:
    raise Leave


COMMANDS = {
    "help": Command("", "this list", _help),
    "model": Command("[PROVIDER/MODEL]", "show or change the model", general.model),
    "models": Command("", "models that can be used now", general.models),
    "check": Command("[NAME…]", "check this installation", general.check),
    "cost": Command("", "tokens and money so far, and what is left", spending.cost),
    "usage": Command("", "what each step took", spending.usage),
    "context": Command("", "what fills the model's context", spending.context),
    "compact": Command(
        "[WHAT TO KEEP IN MIND]", "let a summary stand for the older turns", compacting.compact
    ),
    "uncompact": Command("", "take back the last compaction", compacting.uncompact),
    "pin": Command(
        "[TEXT | last | drop N]",
        "what every summary has word for word",
        compacting.pin,
        completes="last | drop N",
    ),
    "sessions": Command("[WORDS]", "saved sessions, newest first; search them", general.sessions),
    "export": Command("[FORMAT] [FILE]", "write this session as md, html, json, …", export),
    "tag": Command("[TAG | -TAG …]", "this session's tags; those tagged keep stay", tag),
    "resume": Command("[ID]", "go on with another saved session", rewinding.resume),
    "fork": Command(
        "[NAME] [at SEQ | turn N]",
        "go on in a copy of this session",
        branching.fork,
        completes="at SEQ | turn N",
    ),
    "tree": Command(
        "[N | ID | all]", "the branches of this session; go on with one", branching.tree
    ),
    "compare": Command("ID", "this session beside another", branching.compare),
    "undo": Command(
        "[turn N | files [BLOCKS]]", "take back the last turn and its files", rewinding.undo
    ),
    "edit": Command("", "go back before the last turn, to change it", rewinding.edit),
    "retry": Command("[PROVIDER/MODEL]", "ask the last prompt again", rewinding.retry),
    "continue": Command("", "go on with a message that was broken off", continuing.go_on),
    "permissions": Command(
        "[add RULE | revoke N]",
        "rules for what runs unasked",
        permissions,
        completes="add allow|ask|deny any|bash|python|tool | revoke N",
    ),
    "sandbox": Command(
        "[write PATH | …]",
        "what blocks may touch; to change it",
        sandbox,
        completes="write DIRECTORY | net HOST[:PORT] | project copy|read-only",
    ),
    "diff": Command("[PATH]", "what blocks changed in their copy", files.diff),
    "apply": Command("[PATH]", "write what blocks changed into the project", files.apply),
    "discard": Command("[PATH]", "drop what blocks changed in their copy", files.discard),
    "show": Command(
        "[CALL | last | prompt | context]",
        "all of what was folded, or was sent",
        show_output,
    ),
    "theme": Command(
        "[NAME]", "the colours: dark, light, contrast or none", theme, completes="|".join(THEMES)
    ),
    "system": Command("", "the system prompt as it is sent", general.system),
    "editor": Command("[TEXT]", "write the prompt in your editor", _editor),
    "clear": Command("", "clear the screen", general.clear),
    "quit": Command("", "leave", _quit),
}
"""Every command by its name, in the order of /help."""
