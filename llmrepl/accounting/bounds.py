"""What a call can cost, before it is made."""

from __future__ import annotations

from decimal import Decimal

from llmrepl.accounting.meter import Meter
from llmrepl.budgets import Asked
from llmrepl.ports import Provider, Request
from llmrepl.usage import Usage


async def bounds(meter: Meter, provider: Provider, request: Request) -> Asked:
    """Return what a request to `provider` can cost, for the model that it names.

    What it sends counts with the margin by which it may be more than is estimated.
    """
    model = request.model
    sent = meter.most(provider.name, request)

    async def price(said: int) -> Decimal | None:
        # Nobody knows before whether the service reads its cache, or writes it for more.
        plain = await meter.cost(provider, model, Usage(sent, said))
        written = await meter.cost(provider, model, Usage(sent, said, cache_write=sent))
        if plain is None or written is None:
            return None
        return max(plain.total, written.total)

    least = await price(0)
    said = request.max_tokens
    if said is None and (window := meter.prices.context(provider.name, model)):
        said = max(0, window - request.estimated_tokens)
    if await price(1) == 0:  # so that no answer costs anything, however long
        said = 0
    most = None if said is None else await price(said)
    return Asked(least, most, capped=request.max_tokens is not None)
