"""The chat-completions dialect, which OpenAI, Groq and many other servers speak.

Requests are built and streams are read here; who sends them, and over what, is not known here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
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
from llmrepl.providers.service import Service, words_in
from llmrepl.providers.sse import EventStream
from llmrepl.providers.taking import name_in, pieces_of, read_json
from llmrepl.providers.thoughts import FIELD, SEAL
from llmrepl.usage import Usage, whole

if TYPE_CHECKING:
    import httpx

STOPS = {"length": "max_tokens", "content_filter": "refusal"}
"""Finish reasons that mean something other than the end of the model's turn."""

MOST_STOPS = 4
"""How many stop strings the services take. More are no loss: we end a reply at them, too."""

LINGER_SECONDS = 0.5
"""How long the end of a stream is waited for after its end mark, so that the connection is kept."""

_decode = json.JSONDecoder().raw_decode  # json.loads takes twice as long for short texts

MOST_TOKENS = 10**8
"""What is counted is less, ten times what any model takes; a larger number is no count."""

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


def encode_calls(
    calls: Sequence[ToolCall], name: Callable[[ToolCall], str] = call_id
) -> Sequence[Mapping[str, Any]]:
    """Return calls as the dialect has them; `name` returns what one goes by on the wire."""
    return [
        {
            "id": name(call),
            "type": "function",
            "function": {"name": call.name, "arguments": written(call)},
        }
        for call in calls
    ]


def encode_message(message: ChatMessage) -> Encoded:
    """Return a message as the dialect has it; results are a message each."""
    if message.results:
        return _results(message)
    if message.calls:
        calls = encode_calls(message.calls)
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
    if "html" in response.headers.get("content-type", ""):
        raise service.no_api("a web page came")
    reply = ReplyReader(service, tools)
    pieces = pieces_of(response)
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
        self._unsealed = False

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
            if not said:  # nothing of a call that it could not read: that may be asked for again
                raise self._service.told(error if said is None else words_in(error))
            self.ended = True
            return said
        if usage := event.get("usage") or groq.get("usage"):
            self._usage = read_usage(usage) or self._usage
        chunks: list[Chunk] = []
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or choice.get("message") or {}
            thought, text = delta.get(FIELD) or delta.get("reasoning"), delta.get("content") or ""
            if thought and type(thought) is str:
                self._unsealed = bool(self._tools and delta.get(FIELD))
                chunks.append(ReasoningChunk(thought))
            if type(text) is str:
                chunks += self._said(text)
            else:
                for part in read_content(text):
                    chunks += self._said(part.text) if isinstance(part, TextChunk) else (part,)
            if (refusal := delta.get("refusal")) and type(refusal) is str:
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
                found = read_json(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._service.broken("what came is no JSON object")
        return found

    def close(self) -> Iterator[Chunk]:
        """Yield the calls that the service was asked for, and the last chunk.

        Raises:
            ProviderError: the stream stopped before the reply did.
        """
        for _, data in self._events.close():
            yield from self.take(data)
        if not (self._stop or self.ended):
            raise self._service.broken("the stream stopped in the middle")
        yield from self._sealed()
        if text := self._spoken.close(self._calls):
            yield TextChunk(text)
        yield from self._calls.chunks(self._tools)
        yield Finish(self._stop or "end_turn", self._usage)

    def _said(self, text: str) -> Sequence[Chunk]:
        """Return what is surely text, behind the end of the thought before it."""
        said = self._spoken.feed(text) if text else ""
        return (*self._sealed(), TextChunk(said)) if said else ()

    def _sealed(self) -> list[Chunk]:
        """Return the end of a thought that has to go back, where one was not ended yet."""
        found: list[Chunk] = [ReasoningChunk("", SEAL)] if self._unsealed else []
        self._unsealed = False
        return found


def read_content(content: Any) -> Iterator[TextChunk | ReasoningChunk]:
    """Yield what is in a content, which is text, or parts as Mistral's models have them."""
    if isinstance(content, str) and content:
        yield TextChunk(content)
    for part in _parts(content):
        if isinstance(text := part.get("text"), str) and text:
            yield TextChunk(text)
        for thought in _parts(part.get("thinking")):
            if isinstance(text := thought.get("text"), str) and text:
                yield ReasoningChunk(text)


def _parts(content: Any) -> Sequence[Mapping[str, Any]]:
    found = content if isinstance(content, list) else ()
    return [part for part in found if isinstance(part, Mapping)]


def read_usage(counts: Any) -> Usage | None:
    """Return the usage in a service's counts; None where they are none, or count nothing."""
    if not isinstance(counts, Mapping):
        return None
    sent = counts.get("prompt_tokens_details")
    received = counts.get("completion_tokens_details")
    usage = Usage(
        input_tokens=count_in(counts, "prompt_tokens"),
        output_tokens=count_in(counts, "completion_tokens"),
        cache_read=count_in(sent, "cached_tokens"),
        reasoning_tokens=count_in(received, "reasoning_tokens"),
    )
    return None if usage == Usage() else whole(usage)


def count_in(counts: Any, *names: str) -> int:
    """Return the first count of these names; 0 where there is none that is a number."""
    for name in names if isinstance(counts, Mapping) else ():
        value = counts.get(name)
        if type(value) in (int, float) and 0 < value < MOST_TOKENS:
            return int(value)
    return 0


def read_models(listing: Mapping[str, Any]) -> Sequence[ModelInfo]:
    """Return the models in a service's answer to `GET /models`."""
    return tuple(
        ModelInfo(
            name,
            count_in(model, *CONTEXT_FIELDS) or None,
            {"owner": owner} if (owner := name_in(model.get("owned_by"))) else {},
        )
        for model in listing.get("data") or ()
        if (name := name_in(model["id"]))
    )
