"""One end of a socket that carries frames, on the event loop and without waiting."""

from __future__ import annotations

import array
import asyncio
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence

from llmrepl.executors.inside.frames import FrameBuffer, FrameError, Message, encode_frame

CHUNK = 1 << 16


class Channel:
    """Sends frames and hands those that arrive to `receive`; `lost` is called once at the end.

    The other side is not trusted: what is not a frame ends the channel, and descriptors it sends
    are closed by the operating system unseen.
    """

    def __init__(
        self, sock: socket.socket, receive: Callable[[Message], None], lost: Callable[[], None]
    ) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._receive = receive
        self._lost = lost
        self._buffer = FrameBuffer()
        self._waiting: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._take)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent or will arrive."""
        return self._socket.fileno() < 0

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send a frame, now or as soon as the other side reads; the caller keeps its `fds`.

        Raises:
            FrameError: the message is longer than a frame may be.
        """
        frame = memoryview(encode_frame(message))
        if self.closed:
            return
        rest, left = frame, tuple(fds)
        if not self._waiting:
            rest = self._push(frame, left)
            if not rest:
                return
            if len(rest) < len(frame):
                left = ()  # they went with the first byte
            self._loop.add_writer(self._socket, self._flush)
        self._waiting.append((rest, tuple(os.dup(fd) for fd in left)))

    def _push(self, frame: memoryview, fds: tuple[int, ...]) -> memoryview:
        """Return what of `frame` could not be sent yet."""
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            sent = self._socket.sendmsg([frame], ancillary)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(frame)  # it is gone; the reader finds out
        return frame[sent:]

    def _flush(self) -> None:
        while self._waiting:
            frame, fds = self._waiting.popleft()
            rest = self._push(frame, fds)
            if len(rest) < len(frame):
                _close_all(fds)
                fds = ()
            if rest:
                self._waiting.appendleft((rest, fds))
                return
        self._loop.remove_writer(self._socket)

    def pump(self) -> None:
        """Take in all that has arrived."""
        while not self.closed and self._take():
            pass

    def linger(self, seconds: float) -> None:
        """Take in the next answer if it arrives within `seconds`, without sleeping until then."""
        end = time.perf_counter() + seconds
        while not self.closed and not self._take() and time.perf_counter() < end:
            os.sched_yield()  # the other side may need this very processor

    def _take(self) -> bool:
        """Take in what one call returns; say whether there may be more."""
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        try:
            messages = self._buffer.feed(data)
        except FrameError:
            messages, data = [], b""
        for message in messages:
            self._receive(message)
        if not data:
            self._end()
        return True

    def _end(self) -> None:
        if not self.closed:
            self.close()
            self._lost()

    def close(self) -> None:
        """Close this end; `lost` is not called."""
        if self.closed:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        while self._waiting:
            _close_all(self._waiting.popleft()[1])


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
