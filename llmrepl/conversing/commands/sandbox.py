"""The command /sandbox: what blocks may touch, and what a person lets them do for this session."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.conversing.commands.saying import say
from llmrepl.errors import LlmreplError
from llmrepl.executors.tiers import TIERS

USAGE = "/sandbox, /sandbox write PATH, /sandbox net HOST[:PORT], /sandbox project copy|read-only"


async def sandbox(assembly: Assembly, argument: str) -> None:
    """Show the policy with what changes it, or change it.

    Raises:
        LlmreplError: it cannot be changed so; the message says why.
    """
    from llmrepl.compose.widening import allow_host, allow_write, show_project

    changes = {"write": allow_write, "net": allow_host, "project": show_project}
    verb, _, rest = argument.partition(" ")
    if not verb:
        await assembly.executor.start()
        say(f"{assembly.executor.name}: {assembly.executor.policy}")
        gaps = TIERS[assembly.executor.settings.tier].gaps
        for gap in gaps:
            say(f"  {gap}")
        if not gaps:
            _offer(assembly)
        return
    if verb not in changes or not rest.strip():
        raise LlmreplError(f"this is no use of /sandbox: {argument}", hint=USAGE)
    await changes[verb](assembly, rest.strip())
    say(f"{assembly.executor.name}: {assembly.executor.policy}")
    say("The sandbox starts again, for this session: /tmp is kept, Python's variables are not.")


def _offer(assembly: Assembly) -> None:
    policy = assembly.executor.settings
    offers = {"/sandbox net HOST[:PORT]": "lets blocks reach a host"}
    if not policy.writes_project:
        offers["/sandbox write PATH"] = "lets blocks write a directory for real"
    if policy.copy_on_write:
        offers["/sandbox project read-only"] = "takes their copy of the project away"
    elif policy.project is not None and not policy.writes_project:
        offers["/sandbox project copy"] = "lets blocks write a copy of the project"
    say("For this session:")
    for command, what in offers.items():
        say(f"  {command:28} {what}")
