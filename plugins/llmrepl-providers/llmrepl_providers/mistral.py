"""Mistral's chat completions, a dialect of their own.

A seed has another name, thoughts come in parts of the content, and a field that is not known is
refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from llmrepl.errors import ProviderRefused
from llmrepl.parts import Image, ToolCall
from llmrepl.ports import (
    CallResult,
    ChatMessage,
    Chunk,
    ModelInfo,
    Request,
    Traits,
)
from llmrepl.sdk import (
    Encoded,
    Rejected,
    base64_of,
    count_in,
    encode_calls,
    encode_tool,
    name_in,
    read_content,
    read_json,
    response_formats,
    takes_tools,
)
from llmrepl.usage import Usage
from llmrepl_providers.rations import Headers
from llmrepl_providers.reading import Event, Reader
from llmrepl_providers.vendor import Address, Vendor, content_of, present, result_of

STOPS = {"length": "max_tokens", "model_length": "max_tokens", "content_filter": "refusal"}
"""Finish reasons that mean something other than the end of the model's turn."""

BROKEN = "error"
NO_MODEL, NOT_FOUND = "invalid_model", 404
LATER = {"rate_limited": 429, "service_tier_capacity_exceeded": 429, "overloaded": 503}


class ReplyReader(Reader):
    """Reads one reply. An event without anything is its end mark."""

    def take(self, event: Event) -> Iterator[Chunk]:
        """Yield what is in an event."""
        self.ended = not event
        if error := event if event.get("object") == "error" else event.get("error"):
            self.fail(error, LATER)
        self.count(event.get("usage"))
        for choice in (event.get("choices") or ())[:1]:
            delta = choice.get("delta") or {}
            yield from read_content(delta.get("content"))
            self.calls.add(delta.get("tool_calls") or ())
            reason = choice.get("finish_reason")
            if reason == BROKEN:
                raise self.service.broken("it ended with an error")
            if reason:
                self.stop = STOPS.get(reason, "end_turn")

    def usage(self) -> Usage:
        """Return the usage in the counts."""
        counts = self.counts
        cached = count_in(counts.get("prompt_tokens_details"), "cached_tokens")
        return Usage(
            input_tokens=count_in(counts, "prompt_tokens"),
            output_tokens=count_in(counts, "completion_tokens"),
            cache_read=cached or count_in(counts, "num_cached_tokens"),
            reasoning_tokens=count_in(counts.get("completion_tokens_details"), "reasoning_tokens"),
        )


class Mistral(Vendor):
    """Mistral's service.

    Its options are more fields for each request, like `{"prompt_mode": "reasoning"}`.
    """

    name = "mistral"
    address = Address(
        "Mistral", "MISTRAL", "https://api.mistral.ai", "/v1", "console.mistral.ai/api-keys"
    )
    models_path = "/v1/models"
    reader = ReplyReader
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
        found = _can(await self._facts_about(model)).get("function_calling")
        return found if isinstance(found, bool) else takes_tools(model)

    def describe(self, model: str) -> Traits:
        """Return whether a model sees images, which the service says once it was asked."""
        found = _can(self._facts.get(model, {})).get("vision")
        return Traits(images=found) if isinstance(found, bool) else super().describe(model)

    async def learn(self, model: str) -> None:
        """Ask the service, once, what a model can."""
        with suppress(ProviderRefused):  # there is no key; the request itself will say so
            await self._facts_about(model)

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
        fields |= self._shapes.fields(request)
        return "/v1/chat/completions", self._bodies.body(request, fields)

    def _forms(self, schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return response_formats(schema)

    def _listed(self, answer: Mapping[str, Any]) -> Sequence[ModelInfo]:
        return tuple(
            ModelInfo(
                name,
                count_in(model, "max_context_length") or None,
                {"name": shown} if (shown := name_in(model.get("name"))) else {},
            )
            for model in answer.get("data") or ()
            if (name := name_in(model["id"]))
            and (model.get("capabilities") or {}).get("completion_chat", True)
        )

    def _meant(self, rejected: Rejected) -> Rejected:
        """Return an unknown model, which has status 400, as what it is."""
        try:
            kind = read_json(rejected.body)["type"]
        except (ValueError, LookupError, TypeError):
            return rejected
        if kind != NO_MODEL:
            return rejected
        return Rejected(NOT_FOUND, rejected.body, rejected.headers)


def _can(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a model can, as far as the facts about it say."""
    found = facts.get("capabilities")
    return found if isinstance(found, Mapping) else {}


def encode_message(message: ChatMessage) -> Encoded:
    """Return a message as the API has it; results are a message each."""
    if message.results:
        return list(map(_result, message.results))
    if message.calls:
        calls = encode_calls(message.calls, short_id)
        return {"role": message.role, "content": message.text, "tool_calls": calls}
    return {"role": message.role, "content": content_of(message, _image)}


def short_id(call: ToolCall) -> str:
    """Return what a call goes by: nine letters or digits, as the service wants it."""
    return sha256(call.call_id.encode()).hexdigest()[:9]


def _result(result: CallResult) -> dict[str, Any]:
    return {
        "role": "tool",
        "tool_call_id": short_id(result.call),
        "name": result.call.name,
        "content": result_of(result, _image),
    }


def _image(image: Image) -> dict[str, str]:
    url = f"data:{image.media_type};base64,{base64_of(image)}"
    return {"type": "image_url", "image_url": url}
