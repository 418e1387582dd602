"""HTTP/1.1 responses as bytes, without any I/O: the head, and a body in one of its three framings.

Everything takes its input in any pieces and gives back the same. What is not HTTP is a ValueError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LARGEST_HEAD = 1 << 18
"""Bytes of a head, or of a chunk's size line, that are taken for one that never ends."""

LONGEST_SIZE = 15
"""Digits of a chunk's size; no chunk is so large that it takes more."""

HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")
SWITCHING, FIRST_FINAL = 101, 200
WITHOUT_BODY = (204, 304)

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"(HTTP/1\.[01]) (\d{3})(?: (.*))?")


@dataclass(frozen=True, slots=True)
class Head:
    """A response's status line and headers."""

    version: bytes
    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> bytes:
        """Return the value of the first header called `name` (lower case), or nothing."""
        return next((v for k, v in self.headers if k.lower() == name), b"")


def read_head(data: bytes) -> tuple[Head, bytes] | None:
    """Return the final response's head and the bytes after it; None while it is incomplete.

    Raises:
        ValueError: this is no HTTP response.
    """
    while True:
        if data[:5] != b"HTTP/"[: len(data)]:
            raise ValueError("what came is not HTTP")
        end = _END_OF_HEAD.search(data)
        if end is None:
            if len(data) > LARGEST_HEAD:
                raise ValueError("the response's head never ends")
            return None
        head = _parse(data[: end.start()])
        data = data[end.end() :]
        if head.status >= FIRST_FINAL:
            return head, data
        if head.status == SWITCHING:
            raise ValueError("the server wants another protocol")


def _parse(data: bytes) -> Head:
    first, *lines = (line.rstrip(b"\r") for line in data.split(b"\n"))
    match = _STATUS.fullmatch(first)
    if match is None:
        raise ValueError("the response has no status line")
    pairs = (line.partition(b":") for line in lines)
    headers = tuple((name.strip(), value.strip()) for name, _, value in pairs)
    return Head(match[1], int(match[2]), match[3] or b"", headers)


class Sized:
    """A body whose length is known."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.extra = b""

    @property
    def complete(self) -> bool:
        """Whether all of the body has been fed."""
        return not self._left

    def feed(self, data: bytes) -> bytes:
        """Return what of `data` belongs to the body; the rest is `extra`."""
        body = data[: self._left]
        self._left -= len(body)
        self.extra += data[len(body) :]
        return body


class Chunked:
    """A body in chunks."""

    def __init__(self) -> None:
        self.complete = False
        self.extra = b""
        self._left = 0  # of the current chunk
        self._after = False  # between a chunk and the line end that follows it
        self._trailers = False

    def feed(self, data: bytes) -> bytes:
        """Return the body's bytes in `data`; what follows the body is `extra`.

        Raises:
            ValueError: this is no chunked body.
        """
        data = self.extra + data
        out: list[bytes] = []
        at = 0
        while not self.complete:
            if self._left:
                part = data[at : at + self._left]
                out.append(part)
                at += len(part)
                self._left -= len(part)
                self._after = not self._left
                if self._left:
                    break
            end = data.find(b"\r\n", at)
            if end < 0:
                if len(data) - at > LARGEST_HEAD:
                    raise ValueError("a chunk's size never ends")
                break
            self._left = self._line(data[at:end])
            at = end + 2
            past = at + self._left
            if self._left and data[past : past + 2] == b"\r\n":
                # The whole chunk is here, as nearly always: take it and its line end at once.
                out.append(data[at:past])
                at = past + 2
                self._left = 0
        self.extra = data[at:]
        return b"".join(out)

    def _line(self, line: bytes) -> int:
        """Return the size of the chunk that begins after `line`; 0 where none does."""
        if self._after:
            if line:
                raise ValueError("a chunk is longer than it says")
            self._after = False
            return 0
        if self._trailers:
            self.complete = not line
            return 0
        digits = line if line.isalnum() else line.partition(b";")[0].rstrip(b" \t")
        if not 0 < len(digits) <= LONGEST_SIZE or not HEXADECIMAL.issuperset(digits):
            raise ValueError("a chunk says no size")
        size = int(digits, 16)
        self._trailers = not size
        return size


class Unframed:
    """A body that lasts as long as its connection."""

    complete = False
    extra = b""

    def feed(self, data: bytes) -> bytes:
        """Return `data`."""
        return data


Framing = Sized | Chunked | Unframed


def framing_of(head: Head, method: str) -> Framing:
    """Return how the body after `head` is framed.

    Raises:
        ValueError: the length is no number.
    """
    if method == "HEAD" or head.status in WITHOUT_BODY:
        return Sized(0)
    if b"chunked" in head.get(b"transfer-encoding").lower():
        return Chunked()
    length = head.get(b"content-length")
    if not length:
        return Unframed()
    if not length.isdigit():
        raise ValueError("the response's length is no number")
    return Sized(int(length))


def keeps_alive(head: Head) -> bool:
    """Return whether the connection may be used again after the body."""
    return head.version == b"HTTP/1.1" and b"close" not in head.get(b"connection").lower()
