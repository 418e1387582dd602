"""An HTTP proxy for what runs in the sandbox: the one way out, for the hosts that were named.

It runs on the host, takes connections that were accepted inside the sandbox, resolves names
itself and connects to the very address it judged. Each request is told before it is answered. What
goes through a tunnel is encrypted and not looked at, so a host stands for whatever it serves.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from llmrepl.events import NetworkRequested
from llmrepl.executors.network.allowlist import Address, Rule, literal, match, objection, parse
from llmrepl.executors.network.relay import CHUNK, Relay
from llmrepl.executors.network.request_head import MAX_HEAD, BadRequest, Body, Head, parse_head

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MOST_ADDRESSES = 4
"""Addresses of a host that are tried."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a proxy gives one session. Times in seconds.

    `connections` are served at the same time, more wait inside the sandbox; `requests` may be made
    until `Proxy.renew`.
    """

    connections: int = 64
    requests: int = 1000
    head: float = 10.0
    resolve: float = 10.0
    connect: float = 10.0
    idle: float = 300.0
    half: float = 30.0


class _Refusal(Exception):
    """An answer of the proxy's own, instead of the host's."""

    def __init__(self, code: int, told: str) -> None:
        super().__init__(told)
        self.code = code


class Proxy:
    """Serves the connections of one sandbox after the other, on the running event loop.

    `sent` and `received` count the bytes between clients and hosts.

    Args:
        net: the hosts that may be reached; see `allowlist.parse`.
        record: called with every request, before it is answered; the call's id is empty.
        resolve: returns the addresses of a name at a port; raises OSError.
        bounds: see `Bounds`.

    Raises:
        ValueError: a rule is none.
    """

    def __init__(
        self,
        net: Sequence[str],
        record: Callable[[NetworkRequested], None],
        resolve: Resolve | None = None,
        bounds: Bounds = Bounds(),
    ) -> None:
        self._rules = tuple(parse(text) for text in net)
        self._record = record
        self._resolve = resolve or look_up
        self._bounds = bounds
        self._door: socket.socket | None = None
        self._reading = False
        self._served: set[asyncio.Task[None]] = set()
        self._left = bounds.requests
        self.sent = self.received = 0

    @property
    def serving(self) -> int:
        """How many connections are open."""
        return len(self._served)

    def listen(self, door: socket.socket) -> None:
        """Serve the connections whose descriptors arrive at `door`, which is ours from now on."""
        self._shut()
        door.setblocking(False)
        self._door = door
        self._read_on()

    def renew(self) -> None:
        """Allow as many requests again as `Bounds.requests` says."""
        self._left = self._bounds.requests

    def serve(self, client: socket.socket) -> None:
        """Serve one connection, which is ours from now on."""
        client.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._serve(client))
        self._served.add(task)
        task.add_done_callback(self._over)

    async def close(self) -> None:
        """Break off every connection. May be called twice."""
        self._shut()
        served = tuple(self._served)
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)

    def _shut(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            if self._reading:
                asyncio.get_running_loop().remove_reader(door)
                self._reading = False
            door.close()

    def _read_on(self) -> None:
        """Read from the door exactly while there is room for another connection."""
        room = self._door is not None and len(self._served) < self._bounds.connections
        if self._door is None or room == self._reading:
            return
        loop = asyncio.get_running_loop()
        if room:
            loop.add_reader(self._door, self._arrived)
        else:
            loop.remove_reader(self._door)
        self._reading = room

    def _over(self, task: asyncio.Task[None]) -> None:
        self._served.discard(task)
        if not task.cancelled():
            task.exception()  # it was this connection's alone
        self._read_on()

    def _arrived(self) -> None:
        assert self._door is not None
        try:
            data, fds = _receive(self._door)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        for fd in fds[1:]:
            os.close(fd)
        if fds:
            try:
                self.serve(socket.socket(fileno=fds[0]))
            except OSError:
                os.close(fds[0])  # it is no socket
        if not data:
            self._shut()
        self._read_on()

    async def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                head, rest = await self._head(client)
                if head is not None:
                    await self._fulfil(client, head, rest)
            except _Refusal as refusal:
                with contextlib.suppress(OSError):
                    await _answer(client, refusal.code, str(refusal))
            except (OSError, BadRequest):
                pass  # a side broke off, or its body made no sense: the connection just ends

    async def _head(self, client: socket.socket) -> tuple[Head | None, bytes]:
        """Return the request and what came after it; None where nothing came at all."""
        data = bytearray()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._bounds.head):
                while (end := data.find(b"\r\n\r\n")) < 0 and len(data) <= MAX_HEAD:
                    more = await loop.sock_recv(client, CHUNK)
                    data += more
                    if not more:
                        break
        except TimeoutError:
            if data:
                self._refuse_unread(BadRequest(408, "the request took too long to arrive"))
            return None, b""
        if not data:
            return None, b""
        if max(end, len(data) if end < 0 else 0) > MAX_HEAD:
            told = f"the head of a request may have {MAX_HEAD} bytes"
            self._refuse_unread(BadRequest(431, told))
        if end < 0:
            self._refuse_unread(BadRequest(400, "the request ends in its middle"))
        try:
            return parse_head(bytes(data[: end + 4])), bytes(data[end + 4 :])
        except BadRequest as error:
            self._refuse_unread(error)

    def _refuse_unread(self, error: BadRequest) -> NoReturn:
        self._spend(Head("", "", 0))
        self._record(NetworkRequested(decision="deny", reason=str(error)))
        raise _Refusal(error.code, str(error))

    async def _fulfil(self, client: socket.socket, head: Head, rest: bytes) -> None:
        self._spend(head)
        addresses = await self._judged(head)
        with await self._connected(addresses, head) as server:
            relay = Relay(
                client,
                server,
                idle=self._bounds.idle,
                half=self._bounds.half,
                counted=self._count,
            )
            if head.tunnel:
                await asyncio.get_running_loop().sock_sendall(
                    client, b"HTTP/1.1 200 Connection established\r\n\r\n"
                )
                await relay.tunnel(rest)
            else:
                await relay.exchange(head.forward, rest, Body(head.body))

    def _spend(self, head: Head) -> None:
        self._left -= 1
        if self._left >= 0:
            return
        told = f"a block may make {self._bounds.requests} requests"
        if self._left == -1:
            self._tell(head, "deny", told)
        raise _Refusal(429, told)

    async def _judged(self, head: Head) -> Sequence[Address]:
        """Return the addresses that may be connected to; the request has been told then."""
        rule = match(self._rules, head.host, head.port)
        if rule is None:
            told = f"{_place(head)} is not allowed: {widened(head.host, head.port)} allows it"
            self._tell(head, "deny", told)
            raise _Refusal(403, told)
        try:
            found = await self._addresses(head)
        except (OSError, UnicodeError) as error:
            told = f"{head.host} has no address: {_why(error)}"
            self._tell(head, "allow", told, rule)
            raise _Refusal(502, told) from None
        good = [address for address in found if not objection(address, rule)]
        if not good:
            address = found[0]
            told = _private(head, rule, address)
            self._tell(head, "deny", told, rule, str(address))
            raise _Refusal(403, told)
        self._tell(head, "allow", "", rule, str(good[0]))
        return good[:MOST_ADDRESSES]

    async def _addresses(self, head: Head) -> Sequence[Address]:
        """Return at least one address of the host."""
        address = literal(head.host)
        if address is not None:
            return [address]
        async with asyncio.timeout(self._bounds.resolve):
            texts = await self._resolve(head.host, head.port)
        found = [address for text in dict.fromkeys(texts) if (address := literal(text))]
        if not found:
            raise OSError(errno.ENOENT, "nothing was found")
        return found

    async def _connected(self, addresses: Sequence[Address], head: Head) -> socket.socket:
        problem: OSError = OSError()
        for address in addresses:
            try:
                async with asyncio.timeout(self._bounds.connect / len(addresses)):
                    return await _connect(address, head.port)
            except OSError as error:  # a timeout is one, too
                problem = error
        raise _Refusal(502, f"{_place(head)} cannot be reached: {_why(problem)}")

    def _tell(
        self,
        head: Head,
        decision: str,
        reason: str,
        rule: Rule | None = None,
        address: str = "",
    ) -> None:
        self._record(
            NetworkRequested(
                method=head.method,
                host=head.host,
                port=head.port,
                address=address,
                decision=decision,
                rule=rule.text if rule else "",
                reason=reason,
            )
        )

    def _count(self, sent: int, received: int) -> None:
        self.sent += sent
        self.received += received


async def look_up(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system's resolver knows for `host`.

    In a thread that nobody waits for at the end: a lookup cannot be broken off.

    Raises:
        OSError: there is none.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(found: Sequence[str] | OSError) -> None:
        if future.done():
            return
        if isinstance(found, OSError):
            future.set_exception(found)
        else:
            future.set_result(found)

    def work() -> None:
        found: Sequence[str] | OSError
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = [str(row[4][0]) for row in rows]
        except OSError as error:
            found = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=work, name="llmrepl-lookup", daemon=True).start()
    return await future


def widened(host: str, port: int) -> str:
    """Return the option that allows a host at a port."""
    shown = f"[{host}]" if ":" in host else host
    return f"--net {shown}" if port in (80, 443) else f"--net {shown}:{port}"


def _place(head: Head) -> str:
    return f"[{head.host}]:{head.port}" if ":" in head.host else f"{head.host}:{head.port}"


def _private(head: Head, rule: Rule, address: Address) -> str:
    kind = objection(address, rule)
    told = f"{address} is a {kind} address, which the rule {rule.text} does not allow"
    if kind == "special":
        return told
    host = str(address) if kind == "link-local" else head.host
    shown = f"[{host}]" if ":" in host else host
    return f"{told}: --net {shown}:{head.port} does"


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not isinstance(error, socket.gaierror):
        return "it took too long"
    return getattr(error, "strerror", None) or "unknown error"


async def _connect(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


LINGER = 1.0
"""Seconds in which a client may finish what it sends before the connection is closed."""


async def _answer(client: socket.socket, code: int, told: str) -> None:
    """Send an answer of our own: the line stands in the status too, where clients show it."""
    body = f"llmrepl: {told}\n".encode()
    text = told.encode("ascii", "replace").decode()
    head = (
        f"HTTP/1.1 {code} {text}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            await loop.sock_sendall(client, head.encode() + body)
            client.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(client, CHUNK):
                pass


def _receive(door: socket.socket) -> tuple[bytes, list[int]]:
    """Return a byte and the descriptor that came with it."""
    fds = array.array("i")
    data, ancillary, _, _ = door.recvmsg(1, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)
