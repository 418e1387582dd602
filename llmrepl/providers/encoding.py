"""A request's body, in which each message of a conversation is encoded once.

A conversation is sent whole with every step; encoding it anew each time would make a step cost in
proportion to the session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmrepl.ports import ChatMessage, Request
from llmrepl.vector import Growing, Vector

Encode = Callable[[ChatMessage], Mapping[str, Any]]


class Bodies:
    """Makes the bodies of requests that go on with one another.

    Args:
        encode: returns a message as JSON-ready data.
        field: what the service calls the messages.
    """

    def __init__(self, encode: Encode, field: str = "messages") -> None:
        self._encode = encode
        self._head = f'{{"{field}":['.encode()
        self._source: Growing[ChatMessage] = Vector()
        self._encoded: list[bytes] = []

    def body(self, request: Request, fields: Mapping[str, Any]) -> bytes:
        """Return the body with the messages of `request`, the system prompt first, and `fields`."""
        system = {"role": "system", "content": request.system}
        rest = _json(fields)
        tail = rest[1:] if len(rest) == len(b"{}") else b"," + rest[1:]
        pieces = [_json(system)] if request.system else []
        pieces += self._messages(request.messages)
        pieces = pieces or [b""]
        pieces[0] = self._head + pieces[0]
        pieces[-1] += b"]" + tail
        return b",".join(pieces)

    def _messages(self, messages: Sequence[ChatMessage]) -> list[bytes]:
        if not isinstance(messages, Growing):
            return [_json(self._encode(message)) for message in messages]
        if not messages.extends(self._source):
            self._source, self._encoded = Vector(), []
        new = messages.since(len(self._source))
        self._encoded += [_json(self._encode(message)) for message in new]
        self._source = messages
        return self._encoded


def _json(data: Mapping[str, Any]) -> bytes:
    # A lone surrogate, which no UTF-8 has, is sent as the escape that JSON has for it.
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(data, separators=(",", ":")).encode()
