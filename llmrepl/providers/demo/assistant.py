"""The provider: streams what the rules say. It keeps nothing between requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

from llmrepl.errors import ProviderRefused
from llmrepl.ports import Chunk, Finish, ModelInfo, Request, TextChunk

MODEL = "assistant"

_CHUNK = re.compile(r"(?:\s*\S+\s*){1,3}|\s+")
"""A few words, as a model's pieces come."""

_SLOW = 200
"""Chunks that are streamed with a pause; what comes after them is sent at once."""


class Assistant:
    """What answers when no language model is connected, and says that it is none.

    Args:
        delay: seconds between two chunks of a reply; 0 sends them as fast as they are read.
    """

    name = "demo"
    local = True

    def __init__(self, delay: float = 0.004) -> None:
        self._delay = delay

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply in small chunks, then a `Finish` without usage: the runtime estimates.

        Raises:
            ProviderRefused: the model is not `assistant`.
        """
        if request.model != MODEL:
            raise ProviderRefused(
                f"the demo provider has no model {request.model}", hint=f"use demo/{MODEL}"
            )
        from llmrepl.providers.demo.dialogue import turn_of
        from llmrepl.providers.demo.skills import reply  # its patterns take 20 ms to compile

        text = reply(turn_of(request.messages))
        for place, match in enumerate(_CHUNK.finditer(text)):
            yield TextChunk(match[0])
            if self._delay and place < _SLOW:
                await asyncio.sleep(self._delay)
        yield Finish()

    async def models(self) -> Sequence[ModelInfo]:
        """Return the one model there is."""
        return (ModelInfo(MODEL, details={"kind": "rules, not a language model"}),)

    async def close(self) -> None:
        """Do nothing: there is no connection."""
