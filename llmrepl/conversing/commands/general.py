"""Commands about the chat as a whole: its models, its health, its sessions, its screen."""

from __future__ import annotations

import asyncio
import os

from llmrepl.compose import Assembly
from llmrepl.compose.checks import ORDER, site_in_chat
from llmrepl.compose.models import list_models
from llmrepl.conversing.commands.saying import say, show
from llmrepl.errors import ConfigError
from llmrepl.figures import column
from llmrepl.health import TIME_LIMIT, installed, run_checks
from llmrepl.health.telling import lines
from llmrepl.routing import CLOSED


async def model(assembly: Assembly, name: str) -> None:
    """Show the model, or go on with another."""
    if name:
        await assembly.use_model(name)
    say(f"model: {assembly.model}")


async def models(assembly: Assembly, _: str) -> None:
    """List the models that can be used now, how their providers do, and the chains."""
    routes = assembly.routes
    for row in await list_models(assembly.config):
        state = routes.state(row.name.partition("/")[0])
        note = " · ".join(filter(None, (row.note, "" if state == CLOSED else state)))
        say(f"  {row.name:44} {note}".rstrip())
    for purpose, chain in routes.chains().items():
        say(f"  {purpose}: {', then '.join(' or '.join(equals) for equals in chain)}")


async def check(assembly: Assembly, names: str) -> None:
    """Check this installation, or some of it by name."""
    checks = installed(ORDER)
    wanted = names.split() or [*checks]
    if unknown := [name for name in wanted if name not in checks]:
        raise ConfigError(
            f"no check is called {unknown[0]}", hint=f"there are: {', '.join(checks)}"
        )
    site = await asyncio.to_thread(site_in_chat, assembly, os.environ, TIME_LIMIT)
    for outcome in await run_checks({name: checks[name] for name in wanted}, site):
        scrubbed = outcome._replace(finding=assembly.redactor.scrub(outcome.finding))
        for line in lines(scrubbed):
            say(line)


async def sessions(assembly: Assembly, words: str) -> None:
    """List the newest saved sessions, or the newest records that hold certain words."""
    if not words:
        rows = list(assembly.list_sessions(limit=20))
        widest = max((len(row.id) for row in rows), default=0)
        for row in rows:
            show(assembly, f"  {row.id:{widest}}  {column(row.turns, 'turn')}  {row.prompt[:60]}")
        return
    from llmrepl.sessions.search.words import excerpt

    hits, sealed = await asyncio.to_thread(assembly.search_sessions, words, limit=20)
    for hit in hits:
        line = excerpt(assembly.redactor.redact(hit.text), words, 60)
        say(f"  {hit.session}  turn {hit.turn:<3} {line}")
    if not hits:
        say("nothing was found")
    if sealed:
        say(f"sealed, not searched: {sealed}; `llmrepl sessions search --sealed` opens them")


async def system(assembly: Assembly, _: str) -> None:
    """Show the system prompt."""
    say(assembly.window.system)
    say(f"({assembly.window.system_tokens} tokens)")


async def clear(assembly: Assembly, _: str) -> None:
    """Clear the screen."""
    assembly.front.clear()
