"""The connections of httpx clients, the SDKs' own included, made for streams of small events.

httpx's stock transport takes every HTTP chunk through some ten coroutines; this one hands over all
that has arrived at once. It imports httpx, so import it only where a client is made.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence

import httpx

from llmrepl.providers.http1 import Framing, Head, Unframed, framing_of, keeps_alive, read_head

HIGH_WATER = 1 << 20
"""Bytes that may wait to be taken before the server is kept waiting."""

KEPT_IDLE = 4
IDLE_SECONDS = 60.0
HAPPY_EYEBALLS = 0.25
"""Seconds before the next address of a name is tried beside the first (RFC 8305)."""

Origin = tuple[str, str, int]


class Line(asyncio.Protocol):
    """One connection, and what has come on it and was not taken yet."""

    def __init__(self) -> None:
        self.closed = False
        self.idle_since = 0.0
        self._received: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def silent(self) -> bool:
        """Whether the connection is open and nothing waits to be taken."""
        return not self.closed and not self._received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        """Keep `data` until it is taken."""
        self._received.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER:
            self.transport.pause_reading()
        self._wake()

    def connection_lost(self, _error: Exception | None) -> None:
        """Note the end."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self, timeout: float | None) -> bytes:  # noqa: ASYNC109 - a timer is cheaper here
        """Return everything that has come, waiting for something; empty at the end.

        Raises:
            httpx.ReadTimeout: nothing came for `timeout` seconds.
        """
        if self.silent:
            await self._wait(timeout)
        data = b"".join(self._received)
        self._received.clear()
        if self._size > HIGH_WATER and not self.closed:
            self.transport.resume_reading()
        self._size = 0
        return data

    async def _wait(self, timeout: float | None) -> None:  # noqa: ASYNC109 - as above
        self._waiter = self._loop.create_future()
        timer = None if timeout is None else self._loop.call_later(timeout, self._wake)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        if self.silent:
            raise httpx.ReadTimeout(f"nothing came for {timeout:g} s")


class Body(httpx.AsyncByteStream):
    """A response's body as it comes. Read to its end it frees the connection for the next request.

    Args:
        line: the connection.
        framing: what tells where the body ends.
        start: what came together with the head.
        timeout: seconds to wait for more.
        release: called once: with True where the connection may be used again.
    """

    def __init__(
        self,
        line: Line,
        framing: Framing,
        start: bytes,
        timeout: float | None,
        release: Callable[[bool], None],
    ) -> None:
        self._line = line
        self._framing = framing
        self._start = start
        self._timeout = timeout
        self._release: Callable[[bool], None] | None = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        framing, data = self._framing, self._start
        while True:
            try:
                body = framing.feed(data)
            except ValueError as error:
                raise httpx.RemoteProtocolError(str(error)) from None
            if framing.complete:
                self._free(reusable=not framing.extra)
            if body:
                yield body
            if framing.complete:
                return
            data = await self._line.take(self._timeout)
            if not data:
                if isinstance(framing, Unframed):
                    return
                raise httpx.RemoteProtocolError("the connection closed in the middle of the reply")

    async def aclose(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._free(reusable=False)

    def _free(self, *, reusable: bool) -> None:
        release, self._release = self._release, None
        if release is not None:
            release(reusable)


class Transport(httpx.AsyncBaseTransport):
    """Connects, and keeps a few idle connections. Belongs to one event loop.

    Args:
        tls: makes the TLS settings; called in a thread, at the first https request.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        self._idle: dict[Origin, list[Line]] = {}
        self._busy: set[Line] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; the response's body is yet to be read.

        Raises:
            httpx.TransportError: no connection, no answer, or none that is HTTP.
        """
        url = request.url
        origin = (url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80))
        timeouts = request.extensions.get("timeout", {})
        sent = _head_of(request) + await request.aread()
        line = self._kept(origin) or await self._connect(origin, timeouts.get("connect"))
        self._busy.add(line)
        try:
            line.transport.write(sent)
            head, start = await _answer(line, timeouts.get("read"))
            framing = framing_of(head, request.method)
        except ValueError as error:
            self._release(origin, line, reusable=False)
            raise httpx.RemoteProtocolError(str(error)) from None
        except BaseException:
            self._release(origin, line, reusable=False)
            raise

        def release(reusable: bool) -> None:
            self._release(origin, line, reusable=reusable and keeps_alive(head))

        return httpx.Response(
            head.status,
            headers=head.headers,
            stream=Body(line, framing, start, timeouts.get("read"), release),
            extensions={"http_version": head.version, "reason_phrase": head.reason},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for line in (*self._busy, *(line for idle in self._idle.values() for line in idle)):
            line.transport.abort()
        self._busy.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # so that the sockets are closed, not only about to be

    def _kept(self, origin: Origin) -> Line | None:
        """Return an idle connection that is still good."""
        idle = self._idle.get(origin, [])
        while idle:
            line = idle.pop()
            if line.silent and time.monotonic() - line.idle_since < IDLE_SECONDS:
                return line
            line.transport.abort()
        return None

    def _release(self, origin: Origin, line: Line, *, reusable: bool) -> None:
        self._busy.discard(line)
        idle = self._idle.setdefault(origin, [])
        if reusable and line.silent and len(idle) < KEPT_IDLE:
            line.idle_since = time.monotonic()
            idle.append(line)
        else:
            line.transport.abort()

    async def _connect(self, origin: Origin, timeout: float | None) -> Line:  # noqa: ASYNC109 - httpx hands it over as a number
        scheme, host, port = origin
        secure = scheme == "https"
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                tls = await asyncio.to_thread(self._tls) if secure else None
                _, line = await loop.create_connection(
                    Line, host, port, ssl=tls, happy_eyeballs_delay=HAPPY_EYEBALLS if tls else None
                )
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no connection within {timeout} s") from None
        except UnicodeError as error:
            raise httpx.ConnectError(str(error)) from socket.gaierror("no name of a host")
        except OSError as error:
            raise httpx.ConnectError(str(error)) from _of_one_address(error)
        return line


def _of_one_address(error: OSError) -> OSError:
    """Return what failed; asyncio tells of several addresses in one error without a number."""
    if error.errno is None and f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return ConnectionRefusedError(errno.ECONNREFUSED, "refused at every address")
    return error


def _head_of(request: httpx.Request) -> bytes:
    lines: Sequence[bytes] = [
        b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path),
        *(b"%b: %b" % pair for pair in request.headers.raw),
        b"\r\n",
    ]
    head = b"\r\n".join(lines)
    if head.count(b"\r") + head.count(b"\n") != 2 * len(lines) or b"\0" in head:
        # The value may be a key, so the message does not show it.
        raise httpx.LocalProtocolError("a header holds a line break or a NUL")
    return head


async def _answer(line: Line, timeout: float | None) -> tuple[Head, bytes]:  # noqa: ASYNC109 - as above
    data = b""
    while True:
        more = await line.take(timeout)
        if not more:
            raise httpx.RemoteProtocolError("the server closed the connection without an answer")
        data += more
        answer = read_head(data)
        if answer is not None:
            return answer
