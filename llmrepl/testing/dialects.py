"""How Ollama and the chat-completions services (OpenAI, Groq) put a reply on the wire.

Each dialect is a table of what it answers; which reply it is, is the server's business. Shapes
follow Ollama's `/api/chat` and the chat-completions format with Groq's `x_groq`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any, Protocol

from llmrepl.providers.script import Reply

FAULT_OF_SERVER = 500
STAMP = "2026-01-01T00:00:00Z"
MESSAGES = {
    400: "the request is malformed",
    401: "Invalid API Key",
    404: "model {model!r} not found",
    429: "Rate limit reached, please try again later",
    500: "internal server error",
    503: "the server is overloaded",
}


@dataclass(frozen=True, slots=True)
class Wire:
    """How a server behaves on the wire, apart from what it says.

    Args:
        rate: tokens per second; 0 sends everything at once. A reply's own rate comes first.
        chunk: tokens per event.
        frame: bytes per HTTP chunk, whatever they cut through; 0 puts each event in one.
        usage: where token counts stand: `extra` (a chunk of their own, where the request asks for
            it), `x_groq`, `both` or `none`.
        reasoning: the field that reasoning stands in, outside Ollama.
        empty: events without text that come before each event with some.
        obeys_stop: whether stop strings end a reply.
        newline: what ends a line of a stream of events.
        comments: whether comment lines stand between events.
        refuses: request fields that are answered with status 400.
        headers: of every answer, besides its type and length.
        ids: whether calls have ids.
        indexes: whether calls are numbered; else each has the number 0.
        argument_size: characters of a call's arguments per event; 0 sends them whole.
        capabilities: what it says that its models can, where a client asks Ollama's way.
        counts: what it says that a request takes, given its body; None for a token every 4 bytes.
    """

    rate: float = 0.0
    chunk: int = 1
    frame: int = 0
    usage: str = "extra"
    reasoning: str = "reasoning"
    empty: int = 0
    obeys_stop: bool = True
    newline: str = "\n"
    comments: bool = False
    refuses: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    ids: bool = True
    indexes: bool = True
    argument_size: int = 8
    capabilities: tuple[str, ...] = ("completion",)
    counts: Callable[[Mapping[str, Any]], int] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A reply ready to be sent: tokens of reasoning and text, and the counts to report."""

    model: str
    reply: Reply
    thought: Sequence[str]
    text: Sequence[str]
    sent: int
    received: int
    wire: Wire


class Dialect(Protocol):
    """How a service puts a reply on the wire; a plugin's tests may bring one to a server.

    `media_type` is that of a stream.
    """

    media_type: str

    def streams(self, body: Mapping[str, Any]) -> bool:
        """Return whether a request wants a stream."""
        ...

    def error(self, message: str, status: int) -> dict[str, Any]:
        """Return an error's body."""
        ...

    def failure(self, message: str, wire: Wire) -> bytes:
        """Return what ends a stream in the middle."""
        ...

    def limits(self, body: Mapping[str, Any]) -> tuple[Sequence[str], int | None]:
        """Return a request's stop strings and token limit."""
        ...

    def events(self, said: Said) -> Iterator[bytes]:
        """Yield the tokens, in groups as the wire wants them."""
        ...

    def end(self, said: Said, body: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield what follows after the last token."""
        ...

    def whole(self, said: Said) -> dict[str, Any]:
        """Return the reply as one body."""
        ...


def groups(tokens: Sequence[str], size: int) -> list[str]:
    """Return the tokens of a reply as its events hold them, `size` in each."""
    if size == 1:
        return list(tokens)
    return ["".join(tokens[i : i + size]) for i in range(0, len(tokens), size)]


class Ollama:
    """Ollama's own API: one JSON object a line."""

    media_type = "application/x-ndjson"

    def streams(self, body: Mapping[str, Any]) -> bool:
        """Return whether a request wants a stream."""
        return body.get("stream", True) is not False

    def error(self, message: str, status: int) -> dict[str, Any]:
        """Return an error's body."""
        return {"error": message} if status else {"error": message, "status": 500}

    def failure(self, message: str, _wire: Wire) -> bytes:
        """Return the line that ends a stream in the middle."""
        return json.dumps(self.error(message, 0)).encode() + b"\n"

    def limits(self, body: Mapping[str, Any]) -> tuple[Sequence[str], int | None]:
        """Return a request's stop strings and token limit."""
        options = body.get("options") or {}
        return _strings(options.get("stop")), options.get("num_predict")

    def events(self, said: Said) -> Iterator[bytes]:
        """Yield one line for each group of tokens."""
        head = f'{{"model":{json.dumps(said.model)},"created_at":"{STAMP}","message":'
        head += '{"role":"assistant","content":'
        empty = [f'{head}""}},"done":false}}\n'.encode()] * said.wire.empty
        for group in groups(said.thought, said.wire.chunk):
            yield from empty
            yield f'{head}"","thinking":{encode_basestring(group)}}},"done":false}}\n'.encode()
        for group in groups(said.text, said.wire.chunk):
            yield from empty
            yield f'{head}{encode_basestring(group)}}},"done":false}}\n'.encode()
        for number, (name, arguments) in enumerate(said.reply.calls):
            index = number if said.wire.indexes else 0
            call: dict[str, Any] = {"function": {"index": index, "name": name}}
            call["function"]["arguments"] = arguments
            if said.wire.ids:
                call["id"] = f"call_{number:08}"
            calls = json.dumps([call])
            yield f'{head}"","tool_calls":{calls}}},"done":false}}\n'.encode()

    def end(self, said: Said, _body: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield the last line."""
        last = {
            "model": said.model,
            "created_at": STAMP,
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "length" if said.reply.stop == "max_tokens" else "stop",
            **self._counts(said),
        }
        yield json.dumps(last).encode() + b"\n"

    def whole(self, said: Said) -> dict[str, Any]:
        """Return the reply as one body, for a request that wants no stream."""
        (last,) = self.end(said, {})
        message = {"role": "assistant", "content": "".join(said.text)}
        if said.thought:
            message["thinking"] = "".join(said.thought)
        return {**json.loads(last), "message": message}

    def _counts(self, said: Said) -> dict[str, int]:
        if said.wire.usage == "none":
            return {}
        return {
            "total_duration": 1_000_000,
            "load_duration": 0,
            "prompt_eval_count": said.sent,
            "prompt_eval_duration": 0,
            "eval_count": said.received,
            "eval_duration": 1_000_000,
        }


class ChatCompletions:
    """The chat-completions API: server-sent events."""

    media_type = "text/event-stream"
    stops: Mapping[str, str] = {"max_tokens": "length", "refusal": "content_filter"}
    codes: Mapping[int, str] = {
        401: "invalid_api_key",
        404: "model_not_found",
        429: "rate_limit_exceeded",
    }

    def streams(self, body: Mapping[str, Any]) -> bool:
        """Return whether a request wants a stream."""
        return body.get("stream", False) is not False

    def error(self, message: str, status: int) -> dict[str, Any]:
        """Return an error's body."""
        kind = "invalid_request_error" if status < FAULT_OF_SERVER else "internal_server_error"
        return {"error": {"message": message, "type": kind, "code": self.codes.get(status)}}

    def failure(self, message: str, wire: Wire) -> bytes:
        """Return the event that ends a stream in the middle."""
        data = json.dumps(self.error(message, 500))
        return f"event: error{wire.newline}data: {data}{wire.newline * 2}".encode()

    def limits(self, body: Mapping[str, Any]) -> tuple[Sequence[str], int | None]:
        """Return a request's stop strings and token limit."""
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        return _strings(body.get("stop")), limit

    def events(self, said: Said) -> Iterator[bytes]:
        """Yield one event for each group of tokens, the role before them."""
        wire = said.wire
        head = f"data: {self._head(said)}"
        head += ',"choices":[{"index":0,"delta":{'
        tail = f'}},"logprobs":null,"finish_reason":null}}]}}{wire.newline * 2}'
        role = f'{head}"role":"assistant","content":""{tail}'
        if wire.comments:
            role = f": processing{wire.newline * 2}{role}"
        yield role.encode()
        empty = [f'{head}"content":""{tail}'.encode()] * wire.empty
        for group in groups(said.thought, wire.chunk):
            yield from empty
            yield f'{head}"{wire.reasoning}":{encode_basestring(group)}{tail}'.encode()
        for group in groups(said.text, wire.chunk):
            yield from empty
            yield f'{head}"content":{encode_basestring(group)}{tail}'.encode()
        for delta in called(said):
            yield f'{head}"tool_calls":[{json.dumps(delta)}]{tail}'.encode()

    def end(self, said: Said, body: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield the finish reason, the counts where the wire puts them, and the end mark."""
        wire, head = said.wire, self._head(said)
        counts = json.dumps(self._counts(said))
        stop = self.stops.get(said.reply.stop, "tool_calls" if said.reply.calls else "stop")
        groq = ""
        if wire.usage in ("x_groq", "both"):
            groq = f',"x_groq":{{"id":"req_1","usage":{counts}}}'
        choice = f'{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"{stop}"}}'
        ends = wire.newline * 2
        yield f'data: {head},"choices":[{choice}]{groq}}}{ends}'.encode()
        asked = (body.get("stream_options") or {}).get("include_usage")
        if wire.usage == "both" or (wire.usage == "extra" and asked):
            yield f'data: {head},"choices":[],"usage":{counts}}}{ends}'.encode()
        yield f"data: [DONE]{ends}".encode()

    def whole(self, said: Said) -> dict[str, Any]:
        """Return the reply as one body, for a request that wants no stream."""
        message = {"role": "assistant", "content": "".join(said.text)}
        if said.thought:
            message[said.wire.reasoning] = "".join(said.thought)
        stop = self.stops.get(said.reply.stop, "tool_calls" if said.reply.calls else "stop")
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": said.model,
            "choices": [{"index": 0, "message": message, "finish_reason": stop}],
            "usage": self._counts(said),
        }

    def _head(self, said: Said) -> str:
        model = json.dumps(said.model)
        return (
            '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,'
            f'"model":{model},"system_fingerprint":"fp_1"'
        )

    def _counts(self, said: Said) -> dict[str, Any]:
        usage = said.reply.usage
        counts: dict[str, Any] = {
            "prompt_tokens": said.sent,
            "completion_tokens": said.received,
            "total_tokens": said.sent + said.received,
        }
        if usage is not None and usage.cache_read:
            counts["prompt_tokens_details"] = {"cached_tokens": usage.cache_read}
        thought = len(said.thought) if usage is None else usage.reasoning_tokens
        if thought:
            counts["completion_tokens_details"] = {"reasoning_tokens": thought}
        return counts


def called(said: Said) -> Iterator[dict[str, Any]]:
    """Yield the calls of a reply in pieces, as the chat-completions API has them."""
    wire = said.wire
    for number, (name, arguments) in enumerate(said.reply.calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        size = wire.argument_size or len(text) or 1
        index = {"index": number if wire.indexes else 0}
        first = {"id": f"call_{number}"} if wire.ids else {}
        function = {"name": name, "arguments": text[:size]}
        yield {**index, **first, "type": "function", "function": function}
        for at in range(size, len(text), size):
            yield {**index, "function": {"arguments": text[at : at + size]}}


def _strings(stop: Any) -> Sequence[str]:
    return [stop] if isinstance(stop, str) else stop or []
