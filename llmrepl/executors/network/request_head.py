"""A request to a proxy, read strictly: what could be understood in two ways is refused.

Pure: bytes in, a `Head` or an error out; and the end of a request's body, found in its bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmrepl.executors.network.allowlist import canonical

MAX_HEAD = 32 << 10
"""Most bytes of a request's first line and headers."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/1\.[01]")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\0\r\n]*?)[ \t]*")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@]+)(?::([0-9]{1,5}))?")
_URL = re.compile(r"http://([^/?#]*)([/?][^#]*)?(?:#.*)?", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")

HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"upgrade")
)
"""Headers meant for the proxy alone."""

CHUNKED = -1


class BadRequest(ValueError):
    """A head that is no request; `code` is the status to answer with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Head:
    """What is asked for.

    `body` is how many bytes follow, `CHUNKED` where they say so themselves. `forward` is the head
    to send on, empty where a tunnel is asked for.
    """

    method: str
    host: str
    port: int
    body: int = 0
    forward: bytes = b""

    @property
    def tunnel(self) -> bool:
        """Whether a connection is asked for rather than an answer."""
        return self.method == "CONNECT"


def parse_head(data: bytes) -> Head:
    """Return the request in `data`, which ends with an empty line.

    Raises:
        BadRequest: it is none that a proxy understands.
    """
    first, *lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    found = _LINE.fullmatch(first)
    if found is None:
        raise BadRequest(400, "this is no request to an HTTP proxy")
    method, target = found[1].decode(), found[2].decode()
    if len(method) > _MAX_METHOD:
        raise BadRequest(400, "the method is too long")
    fields = [_field(line) for line in lines]
    if method == "CONNECT":
        host, port = _authority(target, None)
        return Head(method, host, port)
    url = _URL.fullmatch(target)
    if url is None:
        raise BadRequest(400, "a proxy is asked for http://HOST/PATH, or with CONNECT")
    host, port = _authority(url[1], 80)
    path = url[2] or "/"
    path = path if path.startswith("/") else "/" + path
    body = _body(fields)
    shown = f"[{host}]" if ":" in host else host
    kept = [
        (name, value)
        for name, value in fields
        if name.lower() not in HOP_BY_HOP and name.lower() != b"host"
    ]
    head = [
        f"{method} {path} HTTP/1.1".encode(),
        f"Host: {shown if port == 80 else f'{shown}:{port}'}".encode(),  # noqa: PLR2004 - HTTP
        *(name + b": " + value for name, value in kept),
        b"Connection: close",  # so that each request is a connection, and none goes unseen
    ]
    return Head(method, host, port, body, b"\r\n".join([*head, b"", b""]))


_MAX_METHOD = 20


def _field(line: bytes) -> tuple[bytes, bytes]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise BadRequest(400, "a header of the request is malformed")
    return found[1], found[2]


def _authority(text: str, default: int | None) -> tuple[str, int]:
    found = _AUTHORITY.fullmatch(text)
    host = canonical(found[1]) if found else ""
    port = int(found[2]) if found and found[2] else default or 0
    if not host or port not in range(1, 65536):
        raise BadRequest(400, "the request names no host and port")
    return host, port


def _body(fields: list[tuple[bytes, bytes]]) -> int:
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        raise BadRequest(400, "the request gives the length of its body twice")
    if codings:
        if codings[0].lower() != b"chunked":
            raise BadRequest(400, "the body's transfer encoding is not chunked")
        return CHUNKED
    if not lengths:
        return 0
    if not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise BadRequest(400, "the length of the body is no number")
    return int(lengths[0])


class Body:
    """Tells where a body ends: `take` returns how much of some bytes belongs to it.

    Args:
        length: as `Head.body` has it.
    """

    def __init__(self, length: int) -> None:
        self._chunked = length == CHUNKED
        self._left = 0 if self._chunked else length
        self._line = bytearray()
        self._state = "size"
        self.done = length == 0

    def take(self, data: bytes) -> int:
        """Return how many bytes of `data` are the body's.

        Raises:
            BadRequest: its chunks are malformed.
        """
        place = 0
        while place < len(data) and not self.done:
            if self._left:
                used = min(self._left, len(data) - place)
                self._left -= used
                place += used
                self.done = not self._chunked and not self._left
            else:
                place = self._framing(data, place)
        return place

    def _framing(self, data: bytes, place: int) -> int:
        end = data.find(b"\n", place) + 1
        stop = end or len(data)
        self._line += data[place:stop]
        if len(self._line) > MAX_HEAD:
            raise BadRequest(400, "a chunk's size does not end")
        if end:
            line = bytes(self._line)
            self._line.clear()
            if not line.endswith(b"\r\n"):
                raise BadRequest(400, "a chunk's line ends wrongly")
            self._next(line[:-2])
        return stop

    def _next(self, line: bytes) -> None:
        if self._state == "size":
            found = _CHUNK.fullmatch(line)
            if found is None:
                raise BadRequest(400, "a chunk's size is no number")
            self._left = int(found[1], 16)
            self._state = "end" if self._left else "trailer"
        elif self._state == "end":
            if line:
                raise BadRequest(400, "a chunk is longer than it says")
            self._state = "size"
        else:
            self.done = not line
