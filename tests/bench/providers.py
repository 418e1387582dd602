"""The provider layer: what a request and a streamed token cost over the same SDK without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from statistics import median
from typing import Any

from llmrepl.ports import ChatMessage, Finish, Request
from llmrepl.providers.registry import open_provider
from tests.bench.measure import interleave
from tests.bench.zero import serving

TOKENS = 2000
ROUNDS = 30
REQUEST = Request(model="test", system="Be short.", messages=(ChatMessage("user", "hello"),))
MESSAGES = [
    {"role": "system", "content": REQUEST.system},
    *({"role": message.role, "content": message.text} for message in REQUEST.messages),
]
STREAMED: dict[str, Any] = {"model": "test", "messages": MESSAGES, "stream": True}

Ask = Callable[[], Awaitable[int]]
"""Sends the request and returns how many pieces came."""


def _ours(name: str, url: str) -> Ask:
    base = f"{url}/v1" if name == "openai" else url
    provider = open_provider(name, {"base_url": base, "api_key": None if name == "ollama" else "k"})

    async def ask() -> int:
        count = 0
        async with aclosing(provider.stream(REQUEST)) as chunks:
            async for chunk in chunks:
                count += not isinstance(chunk, Finish)
        return count

    return ask


def _ollama(url: str) -> Ask:
    from ollama import AsyncClient

    client = AsyncClient(host=url)

    async def ask() -> int:
        return sum([bool(part.message.content) async for part in await client.chat(**STREAMED)])

    return ask


def _groq(url: str) -> Ask:
    from groq import AsyncGroq

    client = AsyncGroq(api_key="k", base_url=url)

    async def ask() -> int:
        stream = await client.chat.completions.create(**STREAMED)
        return sum([bool(c.choices and c.choices[0].delta.content) async for c in stream])

    return ask


SUBJECTS: dict[str, tuple[str, Callable[[str], Ask]]] = {
    "ollama SDK": ("ollama", _ollama),
    "groq SDK": ("groq", _groq),
    "groq SDK, the same dialect": ("openai", _groq),
}
"""Our provider, and the client that it is compared with."""


def report() -> str:
    """Return the table of costs per request and per token."""
    lines = ["\nThe provider layer over the bare SDK   [at most x 1.2 per request and per token]"]
    with asyncio.Runner() as runner, serving("pieces", 1) as one, serving("pieces", TOKENS) as many:

        def timed(ask: Ask, count: int) -> Callable[[], float]:
            def run() -> float:
                began = time.perf_counter()
                assert runner.run(_awaited(ask)) == count
                return (time.perf_counter() - began) * 1000

            return run

        for title, (name, bare) in SUBJECTS.items():
            times = interleave(
                {
                    "bare": timed(bare(one), 1),
                    "ours": timed(_ours(name, one), 1),
                    "bare, streamed": timed(bare(many), TOKENS),
                    "ours, streamed": timed(_ours(name, many), TOKENS),
                },
                ROUNDS,
            )
            found = {subject: median(values) for subject, values in times.items()}
            each = {
                way: (found[f"{way}, streamed"] - found[way]) * 1000 / TOKENS
                for way in ("bare", "ours")
            }
            lines.append(
                f"  {name:8s} against the {title:27s}"
                f" request {found['ours']:6.2f} / {found['bare']:6.2f} ms"
                f" x{found['ours'] / found['bare']:5.2f}"
                f"   token {each['ours']:6.2f} / {each['bare']:6.2f} us"
                f" x{each['ours'] / each['bare']:5.2f}"
            )
    return "\n".join(lines)


async def _awaited(ask: Ask) -> int:
    return await ask()
