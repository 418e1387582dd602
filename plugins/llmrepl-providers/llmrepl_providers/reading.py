"""A reply as a stream of events: bytes in, chunks out.

What an event means is a vendor's own business, in its `Reader`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from llmrepl.ports import Chunk, Finish, ReasoningChunk, Tool
from llmrepl.sdk import Calls, EventStream, Service

if TYPE_CHECKING:
    import httpx

LINGER_SECONDS = 0.5
"""How long the end of a stream is waited for after its last event, to keep the connection."""

END_MARK = "[DONE]"

Event = Mapping[str, Any]
"""What one event holds; nothing where it is an end mark."""


class Reader(Protocol):
    """Reads one reply. `ended` once its last event was there; `calls` are those until then."""

    ended: bool
    calls: Calls

    def take(self, event: Event) -> Iterable[Chunk]:
        """Return what is in an event.

        Raises:
            ProviderError: the service says that it cannot go on.
            Rejected: the same, with a status.
        """
        ...

    def finish(self) -> Finish | None:
        """Return the last chunk; None where the reply stopped before its end."""
        ...


async def read_reply(
    response: httpx.Response, reader: Reader, service: Service, tools: Sequence[Tool] = ()
) -> AsyncGenerator[Chunk, None]:
    """Yield the chunks of a reply as they come, a `Finish` last. Does not close `response`.

    `tools` are those that were offered.

    Raises:
        ProviderError: what came is no reply, or stops before its end; or as `reader` raises it.
    """
    if "html" in response.headers.get("content-type", ""):
        raise service.no_api("a web page came")
    events = EventStream()
    pieces = response.aiter_bytes()
    async for piece in pieces:
        for _, data in events.feed(piece):
            for chunk in reader.take(_event(data, service)):
                if tools or not _only_seals(chunk):
                    yield chunk
        if reader.ended:
            await _drain(pieces)
            break
    finish = reader.finish()
    if finish is None:
        raise service.broken("the stream stopped in the middle")
    for chunk in reader.calls.chunks(tools):
        yield chunk
    yield finish


def _only_seals(chunk: Chunk) -> bool:
    """Return whether a chunk only seals a thought, which is of no use where there are no calls."""
    return isinstance(chunk, ReasoningChunk) and not chunk.text


def _event(data: str, service: Service) -> Event:
    if data == END_MARK:
        return {}
    try:
        event = json.loads(data)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise service.broken("what came is no JSON object")
    return event


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Wait for the end of a body whose content is complete."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in pieces:
                pass
