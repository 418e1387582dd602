"""The command /permissions: the rules, by numbers, and what is changed about them."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.errors import LlmreplError
from llmrepl.events import ConfigChanged
from llmrepl.repl.commands.saying import say

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
        from llmrepl.approvals.rules import parse_rule

        rule = parse_rule(rest)
        assembly.gate.book.add(rule)
        assembly.runtime.record(ConfigChanged(key="permissions.added", value=str(rule)))
        say(f"added: {rule}")
    elif verb == "revoke" and rest.strip():
        _revoke(assembly, rest.strip())
    else:
        raise LlmreplError(f"this is no use of /permissions: {argument}", hint=USAGE)


def _list(assembly: Assembly) -> None:
    entries = assembly.gate.book.entries
    for number, entry in enumerate(entries, 1):
        say(f"{number:3}  {entry.rule}  ({SOURCES[entry.source]})")
    if not entries:
        say("There are no rules. /permissions add RULE adds one, such as: allow bash: git status")


def _revoke(assembly: Assembly, number: str) -> None:
    book = assembly.gate.book
    entries = dict(enumerate(book.entries, 1))
    entry = entries.get(int(number)) if number.isdecimal() else None
    if entry is None:
        accepted = f"accepted: 1 to {len(entries)}" if entries else "there are no rules"
        raise LlmreplError(f"there is no rule number {number}", hint=accepted)
    book.revoke(entry)
    assembly.runtime.record(ConfigChanged(key="permissions.revoked", value=str(entry.rule)))
    say(f"revoked: {entry.rule}")
