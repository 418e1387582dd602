"""The command /permissions: the rules, by numbers, and what is changed about them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmrepl.compose import Assembly
from llmrepl.conversing.commands.saying import say
from llmrepl.errors import LlmreplError
from llmrepl.events import ConfigChanged

if TYPE_CHECKING:
    from llmrepl.compose.rulebook import Entry

USAGE = "/permissions, /permissions add RULE, /permissions revoke NUMBER"
SOURCES = {
    "project": "of this project",
    "always": "always",
    "session": "this session",
}


async def permissions(assembly: Assembly, argument: str) -> None:
    """List the rules, add one, or take one back.

    Raises:
        LlmreplError: it cannot be done; the message says why.
    """
    verb, _, rest = argument.partition(" ")
    if not verb:
        _list(assembly)
    elif verb == "add" and rest.strip():
        say(f"added: {await add(assembly, rest)}")
    elif verb == "revoke" and rest.strip():
        entry = _numbered(assembly, rest.strip())
        await revoke(assembly, entry)
        say(f"revoked: {entry.rule}")
    else:
        raise LlmreplError(f"this is no use of /permissions: {argument}", hint=USAGE)


async def add(assembly: Assembly, text: str, *, always: bool = True) -> str:
    """Add a rule, record that, and return it as it is written.

    Raises:
        LlmreplError: it is no rule, or it cannot be kept.
    """
    from llmrepl.approvals.rules import parse_rule

    rule = parse_rule(text)
    await asyncio.to_thread(assembly.gate.book.add, rule, always=always)
    assembly.runtime.record(ConfigChanged(key="permissions.added", value=str(rule)))
    return str(rule)


async def revoke(assembly: Assembly, entry: Entry) -> None:
    """Take a rule back, and record that.

    Raises:
        LlmreplError: it cannot be taken back.
    """
    await asyncio.to_thread(assembly.gate.book.revoke, entry)
    assembly.runtime.record(ConfigChanged(key="permissions.revoked", value=str(entry.rule)))


def _list(assembly: Assembly) -> None:
    entries = assembly.gate.book.entries
    for number, entry in enumerate(entries, 1):
        say(f"{number:3}  {entry.rule}  ({SOURCES[entry.source]})")
    if not entries:
        say("There are no rules. /permissions add RULE adds one, such as: allow bash: git status")


def _numbered(assembly: Assembly, number: str) -> Entry:
    entries = dict(enumerate(assembly.gate.book.entries, 1))
    entry = entries.get(int(number)) if number.isdecimal() else None
    if entry is None:
        accepted = f"accepted: 1 to {len(entries)}" if entries else "there are no rules"
        raise LlmreplError(f"there is no rule number {number}", hint=accepted)
    return entry
