"""What the next request would wait for, done while a person is still typing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from llmrepl.compose.ways import Calling
from llmrepl.context.window import Window
from llmrepl.runtime import Edges


class Readiness:
    """Makes ready for the model in use, once somebody has begun with that.

    Args:
        edges: have the provider.
        window: has the model.
        ways: asks what the model can.
    """

    def __init__(self, edges: Edges, window: Window, ways: Calling) -> None:
        self._edges = edges
        self._window = window
        self._ways = ways
        self._making: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Make ready, in the background; what fails here is told when it is needed."""
        if self._making is not None:
            self._making.cancel()
        self._making = asyncio.get_running_loop().create_task(self._make())

    def again(self) -> None:
        """Make ready for another model, where `begin` was called for the one before."""
        if self._making is not None:
            self.begin()

    async def done(self) -> None:
        """Wait until it is."""
        if self._making is not None:
            await asyncio.wait([self._making])

    async def close(self) -> None:
        """Leave it at that."""
        if self._making is not None:
            self._making.cancel()
        await self.done()

    async def _make(self) -> None:
        with suppress(Exception):  # a plugin's: the request itself will say what is wrong
            await self._ways.prepare(self._edges.provider, self._window.model)
