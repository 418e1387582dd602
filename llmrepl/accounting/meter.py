"""The meter the runtime asks: how many tokens a text has, and what a message cost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from llmrepl.accounting.prices import Prices
from llmrepl.accounting.tokens import Tokens
from llmrepl.ports import Provider
from llmrepl.usage import FREE, Cost, Usage, cost_of


class Meter:
    """Counts tokens and knows prices (`ports.Meter`).

    Args:
        prices: the person's own prices, as `Prices` takes them.
        encoding: what to count in; `encoding_of` names the best one for a model.

    Raises:
        ConfigError: `prices` holds something that is not accepted.
    """

    def __init__(
        self,
        prices: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        encoding: str = "o200k_base",
    ) -> None:
        self.prices = Prices(prices)
        self.tokens = Tokens(encoding)

    def warm(self, *, prices: bool = True) -> threading.Thread:
        """Load what takes long in a background thread, and return that thread.

        The best moment is right after a request went out: building the vocabulary holds the
        interpreter for about 0.2 seconds.

        Args:
            prices: also load the price table, which local models do not need.
        """
        thread = threading.Thread(
            target=self._load, args=(prices,), name="llmrepl-meter", daemon=True
        )
        thread.start()
        return thread

    def _load(self, prices: bool) -> None:
        self.tokens.load()
        if prices:
            self.prices.load()

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`: exact once warm, estimated before."""
        return self.tokens.count(text)

    async def cost(self, provider: Provider, model: str, usage: Usage) -> Cost | None:
        """Return what `usage` costs, or None where nobody knows the price.

        A price of the person's own comes first. Local models are free, and so is nothing at all.
        """
        own = self.prices.own(provider.name, model)
        if own is not None:
            return cost_of(usage, own)
        if provider.local or usage == Usage():
            return cost_of(usage, FREE)
        if not self.prices.loaded:
            await asyncio.to_thread(self.prices.load)
        return self.prices.cost(provider.name, model, usage)
