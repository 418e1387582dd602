"""Bytes from one socket to another and back, no faster than the slower side takes them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from llmrepl.executors.network.request_head import Body

CHUNK = 1 << 16


class Relay:
    """Two connected sockets that do not wait, and the bytes between them.

    It holds at most one chunk for each direction. Whoever made the sockets closes them.

    Args:
        client: who asked.
        server: who answers.
        idle: seconds without a byte in either direction after which it gives up.
        half: the same, once one side has finished sending: often that side has gone altogether.
        counted: called with the number of bytes sent to the server and to the client.
    """

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        *,
        idle: float,
        half: float,
        counted: Callable[[int, int], None],
    ) -> None:
        self._client = client
        self._server = server
        self._idle = idle
        self._half = half
        self._counted = counted
        self._loop = asyncio.get_running_loop()
        self._alarm = asyncio.timeout(idle)

    async def tunnel(self, first: bytes) -> None:
        """Pass everything on, `first` first, until both sides have finished.

        Raises:
            OSError: a side broke off; TimeoutError where nothing came for too long.
        """
        await self._both(self._send_all(first), until_answered=False)

    async def exchange(self, request: bytes, first: bytes, body: Body) -> None:
        """Pass on one request and the whole answer to it; what comes after the body is not read.

        Args:
            request: its head.
            first: what has come of its body, and perhaps of more.
            body: where the body ends.

        Raises:
            OSError: a side broke off; TimeoutError where nothing came for too long.
            BadRequest: the body has no end that could be found.
        """
        await self._both(self._send_body(request, first, body), until_answered=True)

    async def _both(self, upload: Coroutine[Any, Any, None], *, until_answered: bool) -> None:
        up = self._loop.create_task(upload)
        down = self._loop.create_task(self._answer())
        try:
            async with self._alarm:
                pending = {up, down}
                while pending:
                    done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
                    if until_answered and down in done:
                        return
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    def _moved(self) -> None:
        self._alarm.reschedule(self._loop.time() + self._idle)

    async def _pump(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        while data := await self._loop.sock_recv(source, CHUNK):
            await self._give(sink, data, up)
        self._finish(sink)

    async def _give(self, sink: socket.socket, data: bytes, up: bool) -> None:
        self._moved()
        await self._loop.sock_sendall(sink, data)
        self._counted(*((len(data), 0) if up else (0, len(data))))
        self._moved()

    def _finish(self, sink: socket.socket) -> None:
        sink.shutdown(socket.SHUT_WR)
        self._idle = min(self._idle, self._half)
        self._moved()

    async def _answer(self) -> None:
        await self._pump(self._server, self._client, up=False)

    async def _send_all(self, first: bytes) -> None:
        if first:
            await self._give(self._server, first, up=True)
        await self._pump(self._client, self._server, up=True)

    async def _send_body(self, request: bytes, first: bytes, body: Body) -> None:
        await self._give(self._server, request + first[: body.take(first)], up=True)
        while not body.done:
            data = await self._loop.sock_recv(self._client, CHUNK)
            if not data:
                self._finish(self._server)
                return
            await self._give(self._server, data[: body.take(data)], up=True)
