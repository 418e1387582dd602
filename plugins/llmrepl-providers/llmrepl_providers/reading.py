"""A reply as a stream of events: bytes in, chunks out.

What an event means is a vendor's own business, in its `Reader`.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, NoReturn

from llmrepl.ports import Chunk, Finish, ReasoningChunk, Tool
from llmrepl.sdk import Calls, EventStream, Rejected, Service, pieces_of, read_json
from llmrepl.usage import Usage, whole

if TYPE_CHECKING:
    import httpx

LINGER_SECONDS = 0.5
"""How long the end of a stream is waited for after its last event, to keep the connection."""

END_MARK = "[DONE]"

Event = Mapping[str, Any]
"""What one event holds; nothing where it is an end mark."""


class Reader(ABC):
    """Reads one reply; a vendor's own says what an event means.

    `ended` once its last event was there; `calls` are those until then, `counts` what was counted,
    `stop` and `note` are for the last chunk, `stop` empty as long as there is none.

    Args:
        service: who sends it, for the messages of errors.
        offered: the names of the tools that were offered.
    """

    def __init__(self, service: Service, offered: Collection[str] = ()) -> None:
        self.ended = False
        self.calls = Calls()
        self.counts: Mapping[str, Any] = {}
        self.stop = ""
        self.note = ""
        self.service = service
        self.offered = offered

    @abstractmethod
    def take(self, event: Event) -> Iterable[Chunk]:
        """Return what is in an event.

        Raises:
            ProviderError: the service says that it cannot go on.
            Rejected: the same, with a status.
        """

    def count(self, counts: Any) -> None:
        """Take what was counted; later counts take the place of earlier ones."""
        if isinstance(counts, Mapping):
            told = {name: value for name, value in counts.items() if value is not None}
            self.counts = {**self.counts, **told}

    def fail(self, error: Any, later: Mapping[Any, int]) -> NoReturn:
        """Raise what an error in the middle of a reply means.

        Args:
            error: what the service says, mostly an object.
            later: the kinds of errors that pass, with the statuses that they have elsewhere.
        """
        told = error if isinstance(error, Mapping) else {"message": error}
        for kind in (told.get("type"), told.get("code")):
            if isinstance(kind, str | int) and kind in later:
                raise Rejected(later[kind], json.dumps(error), {})
        if not told.get("message"):
            told = {**told, "message": str(told.get("type") or told.get("status"))}
        raise self.service.told(told)

    @abstractmethod
    def usage(self) -> Usage:
        """Return the usage in the counts."""

    def finish(self) -> Finish | None:
        """Return the last chunk; None where the reply stopped before its end."""
        if not self.stop:
            return None
        usage = self.usage()
        return Finish(self.stop, None if usage == Usage() else whole(usage), self.note)


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
    async with aclosing(_events(response, reader, service)) as events:
        async for event in events:
            for chunk in reader.take(event):
                if tools or not _only_seals(chunk):
                    yield chunk
    finish = reader.finish()
    if finish is None:
        raise service.broken("the stream stopped in the middle")
    for chunk in reader.calls.chunks(tools):
        yield chunk
    yield finish


async def _events(
    response: httpx.Response, reader: Reader, service: Service
) -> AsyncGenerator[Event, None]:
    """Yield the events of a body, until the reader has the last one."""
    stream = EventStream()
    pieces = pieces_of(response)
    async for piece in pieces:
        for _, data in stream.feed(piece):
            yield _event(data, service)
        if reader.ended:
            await _drain(pieces)
            break
    for _, data in stream.close():
        yield _event(data, service)


def _only_seals(chunk: Chunk) -> bool:
    """Return whether a chunk only seals a thought, which is of no use where there are no calls."""
    return isinstance(chunk, ReasoningChunk) and not chunk.text


def _event(data: str, service: Service) -> Event:
    if data == END_MARK:
        return {}
    try:
        event = read_json(data)
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
