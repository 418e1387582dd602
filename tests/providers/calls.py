"""How the tests here ask a provider something."""

import asyncio
import contextlib

from llmrepl.errors import ProviderError
from llmrepl.ports import ChatMessage, Finish, ReasoningChunk, Request, TextChunk
from llmrepl.providers.registry import open_provider

KEY = "sk-secret-0123456789"


def request(*texts, **fields):
    """A request whose messages take turns, the person first."""
    roles = ("user", "assistant")
    messages = tuple(ChatMessage(roles[i % 2], text) for i, text in enumerate(texts or ("Hi",)))
    return Request(**{"model": "test:latest", "system": "Be brief.", "messages": messages} | fields)


def opened(kind, url, **settings):
    """The provider of this kind for a server at `url`."""
    base = f"{url}/v1" if kind == "openai" else url
    return open_provider(kind, {"base_url": base, "api_key": KEY} | settings)


def run(provider, work):
    """Run `work(provider)` in a loop of its own and close the provider in it."""

    async def main():
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(main())


def ask(provider, *texts, **fields):
    """All chunks of one reply."""

    async def work(provider):
        return [chunk async for chunk in provider.stream(request(*texts, **fields))]

    return run(provider, work)


def text_of(chunks):
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk))


def thought_of(chunks):
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, ReasoningChunk))


def end_of(chunks):
    assert isinstance(chunks[-1], Finish)
    return chunks[-1]


def partly(provider, **fields):
    """The chunks that came, and the error they ended in; None where they ended well."""

    async def work(provider):
        chunks = []
        try:
            async with contextlib.aclosing(provider.stream(request(**fields))) as stream:
                async for chunk in stream:
                    chunks += [chunk]
        except ProviderError as error:
            return chunks, error
        return chunks, None

    return run(provider, work)
