"""Keeps line readers that split at Unicode's line separators from cutting JSON strings in two.

httpx's line reader is one, and JSON allows the separators inside a string. Here they are escaped on
their way in, which leaves the JSON's meaning as it is. Imports httpx: import it where it is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

ESCAPES = (
    (b"\xc2\x85", b"\\u0085"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)
CUT_SHORT = (b"\xe2\x80", b"\xe2", b"\xc2")
"""How one of these can be cut by the end of what has come."""


class Escaped(httpx.AsyncByteStream):
    """A body of JSON lines with every line separator but the real ones escaped."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = b""
        async for data in self._stream:
            whole = held + data
            held = next((cut for cut in CUT_SHORT if whole.endswith(cut)), b"")
            whole = whole[: len(whole) - len(held)]
            for separator, escape in ESCAPES:
                whole = whole.replace(separator, escape)
            if whole:
                yield whole
        if held:
            yield held

    async def aclose(self) -> None:
        """Close the body underneath."""
        await self._stream.aclose()


async def escape_line_ends(response: httpx.Response) -> None:
    """Escape the separators in `response`; made to be an httpx response hook."""
    assert isinstance(response.stream, httpx.AsyncByteStream)
    response.stream = Escaped(response.stream)
