"""How a test of a provider asks it something, and what it reads of the reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from llmrepl.errors import ProviderError
from llmrepl.ports import Chunk, Finish, Provider, ReasoningChunk, Request, TextChunk

P = TypeVar("P", bound=Provider)
T = TypeVar("T")


def run(provider: P, work: Callable[[P], Awaitable[T]]) -> T:
    """Run `work(provider)` in a loop of its own, and close the provider in it."""

    async def main() -> T:
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(main())


def asked(provider: Provider, request: Request) -> tuple[list[Chunk], ProviderError | None]:
    """Return the chunks that came, and the error they ended in; None where they ended well."""

    async def work(provider: Provider) -> tuple[list[Chunk], ProviderError | None]:
        chunks: list[Chunk] = []
        try:
            async with aclosing(provider.stream(request)) as stream:
                async for chunk in stream:
                    chunks += [chunk]
        except ProviderError as error:
            return chunks, error
        return chunks, None

    return run(provider, work)


def text_of(chunks: Sequence[Chunk]) -> str:
    """Return the text in a reply."""
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk))


def thought_of(chunks: Sequence[Chunk]) -> str:
    """Return the reasoning in a reply."""
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, ReasoningChunk))


def end_of(chunks: Sequence[Chunk]) -> Finish:
    """Return the last chunk of a reply that ended well."""
    last = chunks[-1]
    assert isinstance(last, Finish), f"the reply ends in {last!r}"
    return last
