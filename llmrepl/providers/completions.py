"""The chat-completions dialect, which OpenAI, Groq and many other servers speak.

Requests are built and streams are read here; who sends them, and over what, is not known here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llmrepl.parts import Image, ToolCall
from llmrepl.ports import (
    ChatMessage,
    Chunk,
    Finish,
    ModelInfo,
    ReasoningChunk,
    Request,
    TextChunk,
    Tool,
    written,
)
from llmrepl.providers.encoding import Encoded
from llmrepl.providers.images import base64_of
from llmrepl.providers.native import Calls, Spoken, recovered
from llmrepl.providers.service import Service, message_in
from llmrepl.providers.sse import EventStream
from llmrepl.usage import Usage

if TYPE_CHECKING:
    import httpx

STOPS = {"length": "max_tokens", "content_filter": "refusal"}
"""Finish reasons that mean something other than the end of the model's turn."""

MOST_STOPS = 4
"""How many stop strings the services take. More are no loss: we end a reply at them, too."""

LINGER_SECONDS = 0.5
"""How long the end of a stream is waited for after its end mark, so that the connection is kept."""

_decode = json.JSONDecoder().raw_decode  # json.loads takes twice as long for short texts

CONTEXT_FIELDS = ("context_window", "context_length", "max_model_len", "max_context_length")
"""Where servers put the size of a model's context."""


def request_fields(request: Request, *, limit_field: str) -> dict[str, Any]:
    """Return the body of `request` without its messages; the token limit goes by `limit_field`."""
    body: dict[str, Any] = {
        "model": request.model,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    optional = {
        "stop": list(request.stop[:MOST_STOPS]) or None,
        limit_field: request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "tools": list(map(encode_tool, request.tools)) or None,
    }
    body.update((name, value) for name, value in optional.items() if value is not None)
    return body


def encode_tool(tool: Tool) -> dict[str, Any]:
    """Return a tool as the dialect, and Ollama, have it."""
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


def call_id(call: ToolCall) -> str:
    """Return what a call goes by on the wire, where a dot is not everywhere allowed."""
    return "call_" + call.call_id.replace(".", "_")


def encode_message(message: ChatMessage) -> Encoded:
    """Return a message as the dialect has it; results are a message each."""
    if message.results:
        return _results(message)
    if message.calls:
        calls = [
            {
                "id": call_id(call),
                "type": "function",
                "function": {"name": call.name, "arguments": written(call)},
            }
            for call in message.calls
        ]
        return {"role": message.role, "content": message.text or None, "tool_calls": calls}
    if not message.images:
        return {"role": message.role, "content": message.text}
    content = [{"type": "text", "text": message.text}, *map(_image, message.images)]
    return {"role": message.role, "content": content}


def _results(message: ChatMessage) -> Sequence[Mapping[str, Any]]:
    """Return results, with their images behind them: a result itself has only text."""
    encoded: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": call_id(result.call), "content": result.text}
        for result in message.results
    ]
    images = [image for result in message.results for image in result.images]
    if images:
        text = {"type": "text", "text": "The images of these results:"}
        encoded.append({"role": "user", "content": [text, *map(_image, images)]})
    return encoded


def _image(image: Image) -> dict[str, Any]:
    url = f"data:{image.media_type};base64,{base64_of(image)}"
    return {"type": "image_url", "image_url": {"url": url}}


async def read_reply(
    response: httpx.Response, service: Service, tools: Sequence[Tool] = ()
) -> AsyncGenerator[Chunk, None]:
    """Yield the chunks of a reply as they come, a `Finish` last.

    A server that does not stream is understood, too. Closing this does not close `response`.

    Args:
        response: an answer whose body is yet to be read.
        service: who sends it, for the messages of errors.
        tools: what was offered.

    Raises:
        ProviderError: the service reports an error, or the reply stops before its end.
    """
    media_type = response.headers.get("content-type", "")
    if "html" in media_type:
        raise service.no_api("a web page came")
    reply = ReplyReader(service, tools)
    if "json" in media_type:
        for chunk in reply.take((await response.aread()).decode("utf-8", "replace")):
            yield chunk
        for chunk in reply.close():
            yield chunk
        return
    pieces = response.aiter_bytes()
    async for piece in pieces:
        for chunk in reply.feed(piece):
            yield chunk
        if reply.ended:
            await _drain(pieces)
            break
    for chunk in reply.close():
        yield chunk


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Wait for the end of a body whose content is complete."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in pieces:
                pass


class ReplyReader:
    """Reads a reply from the bytes of its event stream; `ended` once its end mark was there."""

    def __init__(self, service: Service, tools: Sequence[Tool] = ()) -> None:
        self.ended = False
        self._service = service
        self._tools = tools
        self._spoken = Spoken(tools)
        self._events = EventStream()
        self._stop = ""
        self._usage: Usage | None = None
        self._calls = Calls()

    def feed(self, piece: bytes) -> Iterator[Chunk]:
        """Yield what is complete by now.

        Raises:
            ProviderError: the service reports an error, or sends what is no reply.
        """
        for _, data in self._events.feed(piece):
            if data == "[DONE]":
                self.ended = True
            elif not self.ended:
                yield from self.take(data)

    def take(self, data: str) -> list[Chunk]:
        """Return the chunks in one event, or in a reply that came whole.

        Raises:
            ProviderError: as with `feed`.
        """
        event = self._object_in(data)
        groq = event.get("x_groq") or {}
        if error := event.get("error") or groq.get("error"):
            said = recovered(error, self._tools) if isinstance(error, Mapping) else None
            if not said:
                raise self._service.broken(message_in(json.dumps(error)))
            self.ended = True
            return said
        if usage := event.get("usage") or groq.get("usage"):
            self._usage = read_usage(usage)
        chunks: list[Chunk] = []
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or choice.get("message") or {}
            if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                chunks.append(ReasoningChunk(thought))
            if text := self._spoken.feed(delta.get("content") or ""):
                chunks.append(TextChunk(text))
            if refusal := delta.get("refusal"):
                self._stop = "refusal"
                chunks.append(TextChunk(refusal))
            self._calls.add(delta.get("tool_calls") or ())
            if reason := choice.get("finish_reason"):
                self._stop = self._stop or STOPS.get(reason, "end_turn")
        return chunks

    def _object_in(self, data: str) -> dict[str, Any]:
        try:
            found, end = _decode(data)
            if end != len(data):
                found = json.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._service.broken("what came is no JSON object")
        return found

    def close(self) -> Iterator[Chunk]:
        """Yield the calls that the service was asked for, and the last chunk.

        Raises:
            ProviderError: the stream stopped before the reply did.
        """
        if not (self._stop or self.ended):
            raise self._service.broken("the stream stopped in the middle")
        if text := self._spoken.close(self._calls):
            yield TextChunk(text)
        yield from self._calls.chunks(self._tools)
        yield Finish(self._stop or "end_turn", self._usage)


def read_usage(counts: Mapping[str, Any]) -> Usage:
    """Return the usage in a service's counts."""
    sent = counts.get("prompt_tokens_details") or {}
    received = counts.get("completion_tokens_details") or {}
    return Usage(
        input_tokens=counts.get("prompt_tokens") or 0,
        output_tokens=counts.get("completion_tokens") or 0,
        cache_read=sent.get("cached_tokens") or 0,
        reasoning_tokens=received.get("reasoning_tokens") or 0,
    )


def read_models(listing: Mapping[str, Any]) -> Sequence[ModelInfo]:
    """Return the models in a service's answer to `GET /models`."""
    return tuple(
        ModelInfo(
            model["id"],
            next((model[name] for name in CONTEXT_FIELDS if model.get(name)), None),
            {"owner": model["owned_by"]} if model.get("owned_by") else {},
        )
        for model in listing.get("data") or ()
    )
