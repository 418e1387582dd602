"""The meter the runtime asks: how many tokens a text has, and what a message cost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from llmrepl.accounting.calls import Calls
from llmrepl.accounting.estimates import Estimates, Name
from llmrepl.accounting.prices import Prices
from llmrepl.accounting.tokens import Tokens
from llmrepl.content import Content
from llmrepl.ports import Provider, Request
from llmrepl.usage import FREE, Cost, Usage, cost_of, whole

OWN_COUNT = frozenset({"demo", "scripted"})
"""Providers without a service: what they report is what they were told."""


SURE = 3.0
"""Standard deviations by which a request may take more than is estimated."""


class Meter:
    """Counts tokens and knows prices (`ports.Calibrated`).

    `asked` returns the provider and the model that requests go to, or None; it may be set.

    Args:
        prices: the person's own prices, as `Prices` takes them.
        encoding: what to count in; `encoding_of` names the best one for a model.
        calls: the calls of all sessions; None to learn from this one alone.
        terms: the terms of requests, as `Prices` takes them.

    Raises:
        ConfigError: `prices` holds something that is not accepted.
    """

    def __init__(
        self,
        prices: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        encoding: str = "o200k_base",
        calls: Calls | None = None,
        terms: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.prices = Prices(prices, terms)
        self.tokens = Tokens(encoding)
        self.estimates = Estimates(calls)
        self.asked: Callable[[], Name | None] = lambda: None

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

    def recall(self) -> None:
        """Begin to load, in the background, what is known of the model in use."""
        if (name := self._counting) is not None:
            self.estimates.of(name)

    def _load(self, prices: bool) -> None:
        if (name := self._counting) is not None:
            self.estimates.load(name)
        self.tokens.load()
        if prices:
            self.prices.load()

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`: exact once warm, estimated before."""
        return self.tokens.count(text)

    def content(self, text: str) -> Content:
        """Return the tokens of `text`, as `count` does, and of what kinds they are."""
        return self.tokens.content(text)

    def size(self, content: Content) -> int:
        """Return the tokens of a part of a request, by the count of the model in use."""
        name = self._counting
        if name is None:
            return content.total
        return round(self.estimates.of(name).calibration.size(content))

    def estimate(self, content: Content, lineage: int) -> int:
        """Return the tokens of a whole request; requests of one lineage grow at their end."""
        name = self._counting
        if name is None:
            return content.total
        return round(self.estimates.of(name).estimate(content, lineage).tokens)

    def most(self, provider: str, request: Request) -> int:
        """Return the most tokens that a request takes, as far as its service's count is known."""
        content = request.content
        if provider in OWN_COUNT or content is None:
            return request.estimated_tokens
        found = self.estimates.of((provider, request.model)).estimate(content, request.lineage)
        return max(request.estimated_tokens, ceil(found.tokens + SURE * found.error))

    def learn(self, provider: str, request: Request, usage: Usage) -> str:
        """Take in what a service counted; return what a person has to know, or nothing."""
        if provider in OWN_COUNT:
            return ""
        name = (provider, request.model)
        if name != self._counting and request.content is not None:
            # It was estimated by the count of the model in use, which another has answered for.
            found = self.estimates.of(name).estimate(request.content, request.lineage)
            request = replace(request, estimated_tokens=round(found.tokens))
        return self.estimates.learn(provider, request, usage)

    @property
    def _counting(self) -> Name | None:
        """The model in use, where a service counts for it."""
        name = self.asked()
        return None if name is None or name[0] in OWN_COUNT else name

    async def cost(self, provider: Provider, model: str, usage: Usage) -> Cost | None:
        """Return what `usage` costs, or None where nobody knows the price.

        A price of the person's own comes first. Local models are free, and so is nothing at all.
        """
        free = provider.local or usage == Usage()
        if not (free or self.prices.loaded or self.prices.own(provider.name, model)):
            await asyncio.to_thread(self.prices.load)
        return self.price(provider.name, model, usage, local=provider.local)

    def price(self, provider: str, model: str, usage: Usage, *, local: bool) -> Cost | None:
        """Return what `cost` does; blocks while the table is loaded for the first time."""
        own = self.prices.own(provider, model)
        if own is not None:
            return cost_of(whole(usage), own)
        if local or usage == Usage():
            return cost_of(usage, FREE)
        return self.prices.cost(provider, model, usage)
