"""The command /cost: what tokens and money went."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.figures import money, tokens
from llmrepl.repl.commands.saying import say


async def cost(assembly: Assembly, _: str) -> None:
    """Show the tokens and the money of the last turn and of the session."""
    state = assembly.runtime.state
    for title, spend in (("last turn", state.turn_spend), ("session", state.session_spend)):
        usage = spend.usage
        unknown = f" · {spend.unpriced} messages without a known price" if spend.unpriced else ""
        sent = tokens(usage.input_tokens, estimated=usage.estimated)
        said = tokens(usage.output_tokens, estimated=usage.estimated)
        say(f"  {title:10} ↑ {sent} ↓ {said} tokens · {money(spend.total)}{unknown}")
