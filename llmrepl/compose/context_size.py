"""How many tokens the model takes at once: what is configured or asked for, else what is known.

Looking it up takes no time. A service is asked once for each model, in the background, while the
first call runs, or after a turn that it has answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from llmrepl.accounting import Prices
from llmrepl.context.window import Window
from llmrepl.events import Event, ToolStarted, TurnFinished
from llmrepl.ports import Sized
from llmrepl.record import Record
from llmrepl.runtime import Edges

CONFIGURED = "num_ctx"
"""The option of Ollama's that sets it."""

PATIENCE = 5.0
"""Seconds that a service may take to say what it knows."""


class ContextSize:
    """The size of the context of the model; it takes in records as a display does.

    `asks_after` are the events after which a service is asked.

    Args:
        options: what is configured for a provider, by its name.
        edges: have the provider.
        window: has the model.
        prices: a table that knows sizes, too, once it is loaded.
        size: what the person says of every model, in tokens.
    """

    def __init__(
        self,
        options: Callable[[str], Mapping[str, Any]],
        edges: Edges,
        window: Window,
        prices: Prices,
        size: int | None = None,
    ) -> None:
        self.asks_after: tuple[type[Event], ...] = (ToolStarted, TurnFinished)
        self._size = size
        self._options = options
        self._edges = edges
        self._window = window
        self._prices = prices
        self._told: dict[tuple[str, str], int | None] = {}
        self._listed: dict[tuple[str, str], int | None] = {}
        self._asking: asyncio.Task[None] | None = None

    @property
    def tokens(self) -> int | None:
        """How many tokens the model takes at once; None as long as nobody says."""
        if self._size is not None:
            return self._size
        name = self._name
        configured = self._options(name[0]).get(CONFIGURED)
        if isinstance(configured, int) and configured > 0:
            return configured
        provider = self._edges.provider
        if isinstance(provider, Sized) and provider.context:
            return provider.context
        return self._told.get(name) or self._from_table(name)

    @property
    def asking(self) -> bool:
        """Whether the service is being asked."""
        return self._asking is not None and not self._asking.done()

    def show(self, record: Record) -> None:
        """Ask the service, once it has answered."""
        if isinstance(record.event, self.asks_after) and not self.asking:
            self._asking = asyncio.get_running_loop().create_task(self.ask())

    async def ask(self) -> None:
        """Ask the service, where nobody else says; it may not know, or not answer."""
        name = self._name
        if name in self._told or self.tokens is not None:
            return
        self._told[name] = None
        with suppress(Exception):  # a service's, or a plugin's: the size stays unknown
            async with asyncio.timeout(PATIENCE):
                models = await self._edges.provider.models()
            self._told[name] = next((m.context for m in models if m.name == name[1]), None)

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    @property
    def _name(self) -> tuple[str, str]:
        return self._edges.provider.name, self._window.model

    def _from_table(self, name: tuple[str, str]) -> int | None:
        if name not in self._listed:
            if not self._prices.loaded:
                return None
            self._listed[name] = self._prices.context(*name)
        return self._listed[name]
