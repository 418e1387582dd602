"""A provider that answers from a prepared script: for demos, tests and documentation.

The reply is chosen by the number of assistant messages in the request, so that a session that is
resumed in another process goes on at the right reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from llmrepl.errors import (
    ConfigError,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from llmrepl.ports import Chunk, Finish, ModelInfo, ReasoningChunk, Request, TextChunk
from llmrepl.providers.script import Reply, Script, as_script, limited, pieces, read_script
from llmrepl.usage import Usage


class Scripted:
    """A provider whose replies are known beforehand.

    A reply that fails before its text does so once, and asking again gives the next. After the last
    reply every request is a `ProviderError`.

    Args:
        replies: what to answer, in order; a str is a plain reply. None: each request's model is the
            path of a script file.
    """

    name = "scripted"
    local = True

    def __init__(self, replies: Iterable[str | Reply] | None = None) -> None:
        self._script = None if replies is None else as_script(replies)
        self._files: dict[Path, tuple[tuple[int, int], Script[Reply]]] = {}

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply that is due; stop strings and the token limit end it like a real one."""
        script = self._script or self._read(request.model)
        try:
            reply = script.due(_place(request), lambda reply: reply.purpose == request.purpose)
        except LookupError as error:
            if request.purpose == "compact":
                problem, hint = "the script has no summary here", "purpose: compact makes one"
            else:
                problem, hint = str(error), "add a reply to the script, or start a new session"
            raise ProviderError(problem, hint=hint) from None
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.error and reply.error != "broken":
            raise _failure(reply)
        ended = limited(reply, request.stop, request.max_tokens)
        thought, said = pieces(ended.reasoning), pieces(ended.text)
        now = asyncio.get_running_loop().time
        start = now()
        for index, chunk in enumerate(_chunks(thought, said)):
            if reply.rate:
                await asyncio.sleep(max(0.0, start + index / reply.rate - now()))
            yield chunk
        if reply.error:
            raise _failure(replace(reply, text=""))
        yield Finish(ended.stop, ended.usage or _counted(request, thought, said))

    async def models(self) -> Sequence[ModelInfo]:
        """Return nothing: any script file's path is a model."""
        return ()

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _read(self, model: str) -> Script[Reply]:
        path = Path(model).expanduser()
        try:
            status = path.stat()
            version = (status.st_mtime_ns, status.st_size)
            kept = self._files.get(path)
            if kept is None or kept[0] != version:
                kept = (version, as_script(read_script(path.read_text("utf-8"), str(path))))
                self._files[path] = kept
        except ConfigError as error:
            raise ProviderRefused(error.message, hint=error.hint) from None
        except (OSError, ValueError) as error:
            raise ProviderRefused(
                f"the script {path} cannot be read: {getattr(error, 'strerror', '') or error}",
                hint="name a model scripted/FILE, where FILE is a text file of replies",
            ) from None
        return kept[1]


def _place(request: Request) -> int:
    """Return how many messages the model has sent before this one."""
    if request.answered is not None:
        return request.answered
    return sum(message.role == "assistant" for message in request.messages)


def _counted(request: Request, thought: Sequence[str], said: Sequence[str]) -> Usage:
    """Return what the exchange took: our count of what was sent, and the pieces that came."""
    letters = len(request.system) + sum(len(message.text) for message in request.messages)
    sent = request.estimated_tokens or -(-letters // 4)
    return Usage(sent, len(thought) + len(said), reasoning_tokens=len(thought))


def _chunks(thought: Sequence[str], said: Sequence[str]) -> Iterator[Chunk]:
    yield from map(ReasoningChunk, thought)
    yield from map(TextChunk, said)


def _failure(reply: Reply) -> ProviderError:
    message = reply.text.strip() or _MESSAGES[reply.error]
    if reply.error == "busy":
        return ProviderBusy(message, retry_after=reply.retry_after)
    return {"unreachable": ProviderUnreachable, "refused": ProviderRefused}.get(
        reply.error, ProviderError
    )(message)


_MESSAGES = {
    "busy": "the script says: too many requests",
    "unreachable": "the script says: no server answers",
    "refused": "the script says: the request is refused",
    "broken": "the script says: the reply broke off",
}
