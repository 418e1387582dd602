"""What a block writes to a pipe: text for displays as it arrives, head and tail for the result."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

from llmrepl.parts import Output
from llmrepl.sanitise import Sanitiser, clean

CHUNK = 1 << 16
MAX_LEFTOVERS = 16
LEFTOVER_BYTES = 16 << 20


class Kept:
    """The first and the last bytes of a stream, at most `most` together."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> bytes:
        """Take in `data`; return what of it belongs to the head."""
        self.total += len(data)
        head = data[: self._half - len(self._head)]
        self._head += head
        self._tail += data[len(head) :]
        if len(self._tail) > 2 * self._half + CHUNK:
            del self._tail[: -self._half]
        return head

    def part(self, stream: str) -> Output | None:
        """Return what was kept, safe to show, or None where nothing was written."""
        if not self.total:
            return None
        tail = bytes(self._tail[-self._half :])
        dropped = self.total - len(self._head) - len(tail)
        if not dropped:
            text = clean((self._head + tail).decode("utf-8", "replace"))
            return Output(stream, text)
        begin = tail.find(b"\n", 0, 4096) + 1  # a whole line, not half a character or sequence
        dropped += begin
        head = clean(self._head.decode("utf-8", "ignore"))
        rest = clean(tail[begin:].decode("utf-8", "replace"))
        return Output(stream, f"{head}\n[... {dropped} bytes cut here ...]\n{rest}", dropped)


class Pipe:
    """The reading end of a pipe whose writing end is given to a block.

    Args:
        stream: `stdout` or `stderr`.
        most: bytes to keep.
        show: called with text to show, as it arrives and while it is kept.
        count: called with the number of bytes that arrived.
    """

    def __init__(
        self,
        stream: str,
        most: int,
        show: Callable[[str, str], None],
        count: Callable[[int], None],
    ) -> None:
        self.stream = stream
        self.kept = Kept(most)
        self._live = Sanitiser()
        self._show = show
        self._count = count
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._loop = asyncio.get_running_loop()
        self._open = True

    def listen(self) -> None:
        """Take in what arrives, as it arrives, and not only at the end."""
        self._loop.add_reader(self._reader, self._readable)

    def handed_over(self) -> None:
        """Close our writing end, now that the block has its own."""
        os.close(self.writer)

    def _readable(self) -> None:
        data = self._read()
        if data == b"":
            self._loop.remove_reader(self._reader)
            self._open = False

    def _read(self) -> bytes | None:
        """Take in what one read returns: None where nothing has arrived, b"" at the end."""
        try:
            data = os.read(self._reader, CHUNK)
        except BlockingIOError:
            return None
        if data:
            text = self._live.feed(self.kept.add(data))
            if text:
                self._show(self.stream, text)
            self._count(len(data))
        return data

    def finish(self, most: int, leftovers: Leftovers) -> None:
        """Take in what is in the pipe, at most `most` bytes.

        Where a process that outlives the block still has it open, `leftovers` reads on.
        """
        if self._open:
            self._loop.remove_reader(self._reader)
            data: bytes | None = b"-"
            while data and self.kept.total <= most:
                data = self._read()
            self._open = data != b""
        if self._open:
            leftovers.add(self._reader)
        else:
            os.close(self._reader)
        text = self._live.close() if self.kept.total else ""
        if text:
            self._show(self.stream, text)


class Leftovers:
    """Pipes that a background process of a Python block still writes to: read and thrown away.

    Closing them would kill the process with SIGPIPE. There are at most `MAX_LEFTOVERS`, the oldest
    is closed first, and one that brings more than `LEFTOVER_BYTES` is closed too.
    """

    def __init__(self) -> None:
        self._brought: dict[int, int] = {}
        self._order: deque[int] = deque()

    def add(self, fd: int) -> None:
        """Read `fd`, which is ours now, until it ends."""
        while len(self._order) >= MAX_LEFTOVERS:
            self._close(self._order[0])
        self._order.append(fd)
        self._brought[fd] = 0
        asyncio.get_running_loop().add_reader(fd, self._readable, fd)

    def _readable(self, fd: int) -> None:
        try:
            count = len(os.read(fd, CHUNK))
        except BlockingIOError:
            return
        self._brought[fd] += count
        if not count or self._brought[fd] > LEFTOVER_BYTES:
            self._close(fd)

    def _close(self, fd: int) -> None:
        asyncio.get_running_loop().remove_reader(fd)
        self._order.remove(fd)
        del self._brought[fd]
        os.close(fd)

    def close(self) -> None:
        """Close all of them."""
        for fd in list(self._order):
            self._close(fd)
