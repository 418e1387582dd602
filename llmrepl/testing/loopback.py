"""A small HTTP/1.1 server for this machine only: keep-alive, chunked answers, pauses, cut lines.

What needs no pause is written at once, in one call, so that a request costs tens of microseconds.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

LARGEST_HEAD = 65536
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


class Ending(Enum):
    """How an answer can end other than well."""

    CUT = "cut"  # the connection is closed in the middle
    RESET = "reset"  # it is torn down, without what was not sent before
    HANG = "hang"  # nothing more is sent, and the connection stays open


@dataclass(frozen=True, slots=True)
class Until:
    """Send nothing before this many seconds after the answer began."""

    seconds: float


Piece = bytes | Until | Ending


@dataclass(slots=True)
class Exchange:
    """A request as it came, and how its answer went.

    `at` is Unix time in seconds, `connection` numbers the connection from 1, `tokens` counts what
    was served. `ended` is set when the answer is complete or the client has gone; `left` says that
    the client went first.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes
    connection: int
    at: float = field(default_factory=time.time)
    tokens: int = 0
    status: int = 0
    left: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def body(self) -> Any:
        """The request's body as JSON; None where there was none."""
        return json.loads(self.content) if self.content else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send: a whole body, or pieces of one as they are due."""

    status: int = 200
    media_type: str = "application/json"
    body: bytes = b""
    pieces: Iterator[Piece] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Respond = Callable[[Exchange], Answer]


class Connection(asyncio.Protocol):
    """One client's connection: its requests are answered one after the other.

    Args:
        respond: what makes an answer of a request.
        number: this connection's number.
    """

    def __init__(self, respond: Respond, number: int) -> None:
        self._respond = respond
        self._number = number
        self._buffer = bytearray()
        self._size = 0  # of the request that is arriving, once its head is here
        self._exchange: Exchange | None = None
        self._pieces: Iterator[Piece] = iter(())
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, _error: Exception | None) -> None:
        """Note that the client left before its answer was complete."""
        self._pieces = iter(())
        if self._exchange is not None:
            self._exchange.left = True
            self._exchange.ended.set()
            self._exchange = None

    def drop(self) -> None:
        """Close the connection at once, whatever is under way."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer the requests that are complete by now."""
        self._buffer += data
        while self._exchange is None and not self._transport.is_closing():
            exchange = self._next_request()
            if exchange is None:
                return
            self._exchange = exchange
            self._answer(exchange)

    def _next_request(self) -> Exchange | None:
        """Return the next request once all of it is here."""
        buffer = self._buffer
        if not self._size:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > LARGEST_HEAD:
                    self._transport.close()
                return None
            first, *lines = buffer[:end].decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            self._first = first
            self._headers = {name.lower(): value.strip() for name, _, value in pairs}
            self._body = end + 4
            self._size = self._body + int(self._headers.get("content-length", 0))
        if len(buffer) < self._size:
            return None
        content = bytes(buffer[self._body : self._size])
        del buffer[: self._size]
        self._size = 0
        method, path, _ = self._first.split(" ", 2)
        return Exchange(method, path.partition("?")[0], self._headers, content, self._number)

    def _answer(self, exchange: Exchange) -> None:
        answer = self._respond(exchange)
        exchange.status = answer.status
        headers = {"content-type": answer.media_type, **answer.headers}
        if answer.pieces is None:
            headers["content-length"] = str(len(answer.body))
        else:
            headers["transfer-encoding"] = "chunked"
        reason = REASONS.get(answer.status, "Status")
        lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if answer.pieces is None:
            self._transport.write(head + answer.body)
            self._finish()
        else:
            self._pieces, self._began = answer.pieces, self._loop.time()
            self._pump([head])

    def _pump(self, due: list[bytes]) -> None:
        """Write every piece that is due; the first call brings the head."""
        for piece in self._pieces:
            match piece:
                case bytes():
                    due.append(b"%x\r\n%b\r\n" % (len(piece), piece))
                case Until(seconds):
                    when = self._began + seconds
                    if when > self._loop.time() or not seconds:
                        self._transport.writelines(due)
                        self._loop.call_at(when, self._pump, [])
                        return
                case Ending.RESET:
                    self._reset()
                    return
                case Ending():
                    self._transport.writelines(due)
                    if piece is Ending.CUT:
                        self._transport.close()
                    return
        if self._exchange is not None:
            due.append(b"0\r\n\r\n")
            self._transport.writelines(due)
            self._finish()
            self.data_received(b"")

    def _reset(self) -> None:
        """Tear the connection down, which the client's next read fails by."""
        linger = struct.pack("ii", 1, 0)  # at once, and nothing is waited for
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self._transport.abort()

    def _finish(self) -> None:
        if self._exchange is not None:
            self._exchange.ended.set()
            self._exchange = None
