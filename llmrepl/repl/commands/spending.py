"""What tokens and money went, and what fills the context: /cost, /usage and /context."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from llmrepl.compose import Assembly
from llmrepl.compose.standing import filling_of
from llmrepl.displays.opening import surface_for
from llmrepl.displays.views import Line, write
from llmrepl.figures import cached, duration, money, percent, tokens
from llmrepl.ports import Rationed
from llmrepl.repl.commands.saying import say


async def cost(assembly: Assembly, _: str) -> None:
    """Show the tokens and the money of the last turn and of the session, and what is left."""
    state = assembly.runtime.state
    for title, spend in (("last turn", state.turn_spend), ("session", state.session_spend)):
        usage = spend.usage
        unknown = f" · {spend.unpriced} messages without a known price" if spend.unpriced else ""
        sent = tokens(usage.input_tokens, estimated=usage.estimated)
        said = tokens(usage.output_tokens, estimated=usage.estimated)
        kept = f" · {share} from the cache" if (share := cached(usage)) else ""
        paid = money(spend.total, estimated=spend.cost.estimated)
        say(f"  {title:10} ↑ {sent} ↓ {said} tokens{kept} · {paid}{unknown}")
    budget = assembly.runtime.limits.budget
    if budget is not None:
        left = max(budget - state.session_spend.total, budget * 0)
        share = percent(int(left * 10**6), int(budget * 10**6))
        say(f"  {'budget':10} {money(budget)} · {money(left)} left ({share})")
    provider = assembly.edges.provider
    for limit in provider.allowances if isinstance(provider, Rationed) else ():
        again = "" if limit.again is None else f", all again in {duration(limit.again * 1000)}"
        say(f"  {'limit':10} {limit.left:,} of {limit.most:,} {limit.kind} left{again}")


async def usage(assembly: Assembly, _: str) -> None:
    """Show what each step took."""
    _draw(assembly, lambda width: assembly.views.usage(assembly.ledger.steps, width))


async def context(assembly: Assembly, _: str) -> None:
    """Show what fills the context of the next request."""
    await assembly.context_size.ask()
    filling = filling_of(assembly)
    _draw(assembly, lambda width: assembly.views.context(filling, width))


def _draw(assembly: Assembly, view: Callable[[int], Sequence[Line]]) -> None:
    surface = surface_for(sys.stdout, assembly.look.theme, os.environ)
    write(surface.stream, view(surface.size()[0]), surface.theme)
