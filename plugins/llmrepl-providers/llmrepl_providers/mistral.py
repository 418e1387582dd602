"""Mistral's chat completions, a dialect of their own.

A seed has another name, thoughts come in parts of the content, and a field that is not known is
refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from llmrepl.parts import Image, ToolCall
from llmrepl.ports import (
    CallResult,
    ChatMessage,
    Chunk,
    Finish,
    ModelInfo,
    ReasoningChunk,
    Request,
    TextChunk,
    written,
)
from llmrepl.sdk import Calls, Encoded, Rejected, Service, base64_of, encode_tool, takes_tools
from llmrepl.usage import Usage
from llmrepl_providers.rations import Headers
from llmrepl_providers.reading import Event, Reader
from llmrepl_providers.vendor import Address, Vendor, is_blank, present, words

STOPS = {"length": "max_tokens", "model_length": "max_tokens", "content_filter": "refusal"}
"""Finish reasons that mean something other than the end of the model's turn."""

BROKEN = "error"
NO_MODEL, NOT_FOUND = "invalid_model", 404
LATER = {"rate_limited": 429, "service_tier_capacity_exceeded": 429, "overloaded": 503}


class Mistral(Vendor):
    """Mistral's service.

    Its options are more fields for each request, like `{"prompt_mode": "reasoning"}`.
    """

    name = "mistral"
    address = Address(
        "Mistral", "MISTRAL", "https://api.mistral.ai", "/v1", "console.mistral.ai/api-keys"
    )
    models_path = "/v1/models"
    limits = MappingProxyType(
        {
            kind: Headers(f"x-ratelimit-remaining-{name}", f"x-ratelimit-limit-{name}")
            for kind, name in (("requests", "req-minute"), ("tokens", "tokens-minute"))
        }
    )

    def _headers(self, key: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {key}"}

    def _encoded(self, message: ChatMessage) -> Encoded:
        return encode_message(message)

    async def takes_tools(self, model: str) -> bool | None:
        """Return whether a model takes tools, which the service says."""
        known = (await self._facts_about(model)).get("capabilities") or {}
        found = known.get("function_calling")
        return found if isinstance(found, bool) else takes_tools(model)

    async def _asked(self, request: Request) -> tuple[str, bytes]:
        fields = self._options | present(
            {
                "model": request.model,
                "stream": True,
                "stop": list(request.stop) or None,
                "max_tokens": request.max_tokens,
                "temperature": request.temperature,
                "random_seed": request.seed,
                "tools": list(map(encode_tool, request.tools)) or None,
            }
        )
        return "/v1/chat/completions", self._bodies.body(request, fields)

    def _reader(self) -> Reader:
        return ReplyReader(self._service)

    def _listed(self, answer: Mapping[str, Any]) -> Sequence[ModelInfo]:
        return tuple(
            ModelInfo(
                model["id"],
                model.get("max_context_length"),
                {"name": model["name"]} if model.get("name") else {},
            )
            for model in answer.get("data") or ()
            if (model.get("capabilities") or {}).get("completion_chat", True)
        )

    def _meant(self, rejected: Rejected) -> Rejected:
        """Return an unknown model, which has status 400, as what it is."""
        try:
            kind = json.loads(rejected.body)["type"]
        except (ValueError, LookupError, TypeError):
            return rejected
        if kind != NO_MODEL:
            return rejected
        return Rejected(NOT_FOUND, rejected.body, rejected.headers)


def encode_message(message: ChatMessage) -> Encoded:
    """Return a message as the API has it; results are a message each."""
    if message.results:
        return list(map(_result, message.results))
    if message.calls:
        calls = [
            {
                "id": short_id(call),
                "type": "function",
                "function": {"name": call.name, "arguments": written(call)},
            }
            for call in message.calls
        ]
        return {"role": message.role, "content": message.text, "tool_calls": calls}
    if not message.images:
        return {"role": message.role, "content": words(message)}
    content = list(map(_image, message.images))
    if not is_blank(message):
        content.append({"type": "text", "text": message.text})
    return {"role": message.role, "content": content}


def short_id(call: ToolCall) -> str:
    """Return what a call goes by: nine letters or digits, as the service wants it."""
    return sha256(call.call_id.encode()).hexdigest()[:9]


def _result(result: CallResult) -> dict[str, Any]:
    content = [{"type": "text", "text": result.text}, *map(_image, result.images)]
    return {
        "role": "tool",
        "tool_call_id": short_id(result.call),
        "name": result.call.name,
        "content": content if result.images else result.text,
    }


def _image(image: Image) -> dict[str, str]:
    url = f"data:{image.media_type};base64,{base64_of(image)}"
    return {"type": "image_url", "image_url": url}


class ReplyReader:
    """Reads one reply. An event without anything is its end mark."""

    def __init__(self, service: Service) -> None:
        self.ended = False
        self.calls = Calls()
        self._service = service
        self._stop = ""
        self._counts: Mapping[str, Any] = {}

    def take(self, event: Event) -> Iterable[Chunk]:
        """Return what is in an event."""
        self.ended = not event
        if error := event if event.get("object") == "error" else event.get("error"):
            self._fail(error)
        self._counts = event.get("usage") or self._counts
        chunks: list[Chunk] = []
        for choice in (event.get("choices") or ())[:1]:
            delta = choice.get("delta") or {}
            chunks += read_content(delta.get("content"))
            self.calls.add(delta.get("tool_calls") or ())
            reason = choice.get("finish_reason")
            if reason == BROKEN:
                raise self._service.broken("it ended with an error")
            if reason:
                self._stop = STOPS.get(reason, "end_turn")
        return chunks

    def _fail(self, error: Any) -> None:
        kind = error.get("type") if isinstance(error, Mapping) else None
        if kind in LATER:
            raise Rejected(LATER[kind], json.dumps(error), {})
        said = error.get("message") if isinstance(error, Mapping) else error
        raise self._service.broken(str(said or kind))

    def finish(self) -> Finish | None:
        """Return the last chunk; None where the reply stopped before its end."""
        return Finish(self._stop, read_usage(self._counts)) if self._stop else None


def read_content(content: Any) -> list[Chunk]:
    """Return what is in a delta's content, which is text or a list of parts."""
    if isinstance(content, str):
        return [TextChunk(content)] if content else []
    chunks: list[Chunk] = []
    for part in content or ():
        if part.get("type") == "text" and part.get("text"):
            chunks.append(TextChunk(part["text"]))
        thoughts = (thought.get("text") for thought in part.get("thinking") or ())
        chunks += [ReasoningChunk(text) for text in thoughts if text]
    return chunks


def read_usage(counts: Mapping[str, Any]) -> Usage | None:
    """Return the usage in the service's counts."""
    if not counts:
        return None
    sent = counts.get("prompt_tokens_details") or {}
    received = counts.get("completion_tokens_details") or {}
    return Usage(
        input_tokens=counts.get("prompt_tokens") or 0,
        output_tokens=counts.get("completion_tokens") or 0,
        cache_read=sent.get("cached_tokens") or counts.get("num_cached_tokens") or 0,
        reasoning_tokens=received.get("reasoning_tokens") or 0,
    )
