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

Encoded = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A message as JSON-ready data; some services have several where llmrepl has one."""

Encode = Callable[[ChatMessage], Encoded]


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
        self._encoded = bytearray()  # one piece: thousands of small ones leave gaps in memory

    def body(self, request: Request, fields: Mapping[str, Any]) -> bytes:
        """Return the body with the messages of `request`, the system prompt first, and `fields`."""
        system = {"role": "system", "content": request.system}
        first = _json(system) if request.system else b""
        messages = self._messages(request.messages)
        separator = b"," if first and messages else b""
        rest = _json(fields)
        tail = rest[1:] if len(rest) == len(b"{}") else b"," + rest[1:]
        return b"".join((self._head, first, separator, messages, b"]", tail))

    def _messages(self, messages: Sequence[ChatMessage]) -> bytes | bytearray:
        if not isinstance(messages, Growing):
            return b",".join(_several(self._encode(message)) for message in messages)
        if not messages.extends(self._source):
            self._source, self._encoded = Vector(), bytearray()
        new = messages.since(len(self._source))
        added = b",".join(_several(self._encode(message)) for message in new)
        if self._encoded and added:
            self._encoded += b","
        self._encoded += added
        self._source = messages
        return self._encoded


def _several(encoded: Encoded) -> bytes:
    return _json(encoded) if isinstance(encoded, Mapping) else b",".join(map(_json, encoded))


def _json(data: Mapping[str, Any]) -> bytes:
    # A lone surrogate, which no UTF-8 has, is sent as the escape that JSON has for it.
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(data, separators=(",", ":")).encode()
