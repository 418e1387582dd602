"""What tokens and money went, and what fills the context: /cost, /usage and /context."""

from __future__ import annotations

from llmrepl.accounting import UsageError
from llmrepl.budgets import STOP
from llmrepl.compose import Assembly
from llmrepl.compose.standing import filling_of
from llmrepl.conversing.commands.saying import say
from llmrepl.figures import cached, duration, money, percent, tokens
from llmrepl.ports import Rationed


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
    for line in await _budgets(assembly):
        say(line)
    provider = assembly.edges.provider
    for limit in provider.allowances if isinstance(provider, Rationed) else ():
        again = "" if limit.again is None else f", all again in {duration(limit.again * 1000)}"
        say(f"  {'limit':10} {limit.left:,} of {limit.most:,} {limit.kind} left{again}")


async def _budgets(assembly: Assembly) -> list[str]:
    """Return what is left of each budget, as lines."""
    try:
        await assembly.accounts.look()
    except UsageError as error:
        say(f"  {error.message} ({error.hint})")
    lines = []
    for drawn in assembly.accounts.drawn(assembly.runtime.state):
        budget, spent = drawn.budget, drawn.spent
        left = max(budget.amount - spent, budget.amount * 0)
        share = percent(int(left * 10**6), int(budget.amount * 10**6))
        warns = "" if budget.then == STOP else ", only warns"
        lines.append(
            f"  {'budget':10} {budget.scope} {money(spent)} of {money(budget.amount)}"
            f" · {money(left)} left ({share}){warns}"
        )
    return lines


async def usage(assembly: Assembly, _: str) -> None:
    """Show what each step took."""
    assembly.front.draw(lambda width: assembly.views.usage(assembly.steps.taken, width))


async def context(assembly: Assembly, _: str) -> None:
    """Show what fills the context of the next request."""
    await assembly.counting.done()
    await assembly.context_size.ask()
    filling = filling_of(assembly)
    assembly.front.draw(lambda width: assembly.views.context(filling, width))
