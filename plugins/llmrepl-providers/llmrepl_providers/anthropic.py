"""Anthropic's Messages API.

Everything that repeats from one request to the next is marked for its prompt cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from llmrepl.parts import Image, Reasoning
from llmrepl.ports import (
    CallResult,
    ChatMessage,
    Chunk,
    ModelInfo,
    ReasoningChunk,
    Request,
    TextChunk,
)
from llmrepl.sdk import base64_of, call_id, count_in, name_in
from llmrepl.usage import Usage
from llmrepl_providers.rations import Headers
from llmrepl_providers.reading import Event, Reader
from llmrepl_providers.vendor import (
    Address,
    Vendor,
    alone,
    content_of,
    is_blank,
    present,
    result_of,
)

VERSION = "2023-06-01"
MODEST_TOKENS = 8192
"""The limit of a reply where the service does not say what the model's is; it wants one."""

ALLOWED_FOR = 1.3
"""What our estimate of what is sent may be off by."""

TOLD = ("remaining", "limit", "reset")
"""The ends of the names of headers that tell of a limit."""

CACHED = {"type": "ephemeral"}
STOPS = {
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
}
SIGNED, HIDDEN = "anthropic:", "anthropic-redacted:"
"""What the seal of a thought begins with: its signature, or all of a thought that is not shown."""

STATUSES = {"overloaded_error": 529, "rate_limit_error": 429, "timeout_error": 408}
"""Errors in a stream that mean: later."""


class ReplyReader(Reader):
    """Reads one reply."""

    def take(self, event: Event) -> Iterable[Chunk]:
        """Return what is in an event; one of a kind that is not known is passed over."""
        match event:
            case {"type": "content_block_delta", "delta": dict(delta)}:
                return self._go_on(event.get("index"), delta)
            case {"type": "content_block_start", "content_block": dict(block)}:
                return self._begin(event.get("index"), block)
            case {"type": "message_start", "message": {"usage": dict(counts)}}:
                self.count(counts)
            case {"type": "message_delta"}:
                ended = event.get("delta") or {}
                if reason := ended.get("stop_reason"):
                    self.stop = STOPS.get(reason, "end_turn")
                self.note = (ended.get("stop_details") or {}).get("explanation") or self.note
                self.count(event.get("usage"))
            case {"type": "message_stop"}:
                self.ended, self.stop = True, self.stop or "end_turn"
            case {"error": error} if error:
                self.fail(error, STATUSES)
        return []

    def _begin(self, index: Any, block: Mapping[str, Any]) -> list[Chunk]:
        """Return what is in the beginning of a block; the arguments of a call come later."""
        match block:
            case {"type": "tool_use"}:
                begun = {"id": block.get("id"), "index": index, "name": block.get("name")}
                self.calls.add([{**begun, "arguments": block.get("input") or None}])
            case {"type": "redacted_thinking", "data": str(hidden)}:
                return [ReasoningChunk("", HIDDEN + hidden)]
            case {"text": str(text)} if text:
                return [TextChunk(text)]
        return []

    def _go_on(self, index: Any, delta: Mapping[str, Any]) -> list[Chunk]:
        """Return what more there is of a block."""
        match delta:
            case {"text": str(text)} if text:
                return [TextChunk(text)]
            case {"thinking": str(thought)} if thought:
                return [ReasoningChunk(thought)]
            case {"signature": str(signature)}:
                return [ReasoningChunk("", SIGNED + signature)]
            case {"partial_json": str(text)}:
                self.calls.add([{"index": index, "arguments": text}])
        return []

    def usage(self) -> Usage:
        """Return the usage in the counts, in which what is cached stands beside the input."""
        counts = self.counts
        read = count_in(counts, "cache_read_input_tokens")
        write = count_in(counts, "cache_creation_input_tokens")
        return Usage(
            input_tokens=count_in(counts, "input_tokens") + read + write,
            output_tokens=count_in(counts, "output_tokens"),
            cache_read=read,
            cache_write=write,
            reasoning_tokens=count_in(counts.get("output_tokens_details"), "thinking_tokens"),
        )


class Anthropic(Vendor):
    """Anthropic's service.

    Its options are more fields for each request, like `{"thinking": {"type": "adaptive"}}`.
    """

    name = "anthropic"

    address = Address(
        "Anthropic", "ANTHROPIC", "https://api.anthropic.com", "/v1", "console.anthropic.com"
    )
    models_path = "/v1/models?limit=1000"
    reader = ReplyReader
    limits = MappingProxyType(
        {
            kind: Headers(*(f"anthropic-ratelimit-{kind}-{what}" for what in TOLD))
            for kind in ("requests", "tokens")
        }
    )

    def _headers(self, key: str) -> Mapping[str, str]:
        return {"anthropic-version": VERSION, "x-api-key": key}

    def _encoded(self, message: ChatMessage) -> Mapping[str, Any]:
        return encode_message(message, thinks=self._thinks)

    async def _asked(self, request: Request) -> tuple[str, bytes]:
        most = request.max_tokens or self._options.get("max_tokens")
        if most is None:
            most = longest(await self._facts_about(request.model), request.estimated_tokens)
        # The system prompt has a mark of its own, so that it is found in the cache when the
        # conversation was gone back in; the other one moves along with the last message. Both last
        # equally long: the service refuses one that lasts longer than one before it.
        mark = self._options.get("cache_control", CACHED)
        system = [{"type": "text", "text": request.system, "cache_control": mark}]
        fields = {
            "cache_control": mark,
            **self._options,
            **present(
                {
                    "system": system if request.system else None,
                    "stop_sequences": [stop for stop in request.stop if stop.strip()] or None,
                    "temperature": None if self._thinks else request.temperature,
                    "tools": [
                        {
                            "name": tool.name,
                            "description": tool.description,
                            "input_schema": tool.parameters,
                        }
                        for tool in request.tools
                    ]
                    or None,
                }
            ),
            "model": request.model,
            "max_tokens": most,
            "stream": True,
        }
        if shape := self._shapes.fields(request):
            fields["output_config"] = {**(fields.get("output_config") or {}), **shape}
        return "/v1/messages", self._bodies.body(alone(request), fields)

    def _forms(self, schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return ({"format": {"type": "json_schema", "schema": closed(schema)}},)

    @property
    def _thinks(self) -> bool:
        """Whether the options ask for thinking, beside which a temperature is refused."""
        asked = self._options.get("thinking") or {"type": "disabled"}
        return bool(asked != {"type": "disabled"})

    def _listed(self, answer: Mapping[str, Any]) -> Sequence[ModelInfo]:
        return tuple(
            ModelInfo(
                name,
                count_in(model, "max_input_tokens") or None,
                {"name": shown} if (shown := name_in(model.get("display_name"))) else {},
            )
            for model in answer.get("data") or ()
            if (name := name_in(model["id"]))
        )


def closed(schema: Any) -> Any:
    """Return a schema whose objects have no other properties, which the service insists on."""
    if isinstance(schema, list):
        return list(map(closed, schema))
    if not isinstance(schema, Mapping):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    if found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def longest(facts: Mapping[str, Any], estimated: int) -> int:
    """Return how many tokens a reply may have.

    Some models refuse a request whose reply would have no room, however long it will be.

    Args:
        facts: what the service says of the model.
        estimated: how many tokens are sent, by our count.
    """
    most = count_in(facts, "max_tokens") or MODEST_TOKENS
    size = count_in(facts, "max_input_tokens")
    room = size - round(estimated * ALLOWED_FOR)
    return min(most, max(room, MODEST_TOKENS)) if size else most


def encode_message(message: ChatMessage, *, thinks: bool = False) -> dict[str, Any]:
    """Return a message as the API has it, with its sealed thoughts for a model that `thinks`."""
    if message.results:
        return {"role": "user", "content": list(map(_result, message.results))}
    if message.calls:
        blocks = [_thought(thought) for thought in message.thoughts if thinks]
        if not is_blank(message):
            blocks.append({"type": "text", "text": message.text})
        blocks += [
            {"type": "tool_use", "id": call_id(call), "name": call.name, "input": call.arguments}
            for call in message.calls
        ]
        return {"role": message.role, "content": [block for block in blocks if block]}
    return {"role": message.role, "content": content_of(message, _image)}


def _thought(thought: Reasoning) -> dict[str, Any]:
    """Return a thought as the service gave it; nothing for another's."""
    if thought.seal.startswith(HIDDEN):
        return {"type": "redacted_thinking", "data": thought.seal.removeprefix(HIDDEN)}
    if not thought.seal.startswith(SIGNED):
        return {}
    signature = thought.seal.removeprefix(SIGNED)
    return {"type": "thinking", "thinking": thought.text, "signature": signature}


def _result(result: CallResult) -> dict[str, Any]:
    said = {
        "type": "tool_result",
        "tool_use_id": call_id(result.call),
        "content": result_of(result, _image),
    }
    return {**said, "is_error": True} if result.failed else said


def _image(image: Image) -> dict[str, Any]:
    source = {"type": "base64", "media_type": image.media_type, "data": base64_of(image)}
    return {"type": "image", "source": source}
