"""What is taken of what a service sends: bodies of bounded length, and JSON that ends somewhere.

A service may be broken or mean harm: nothing it sends fills the memory or stops the program.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

MIB = 2**20
LARGEST_REPLY = 256 * MIB
"""Bytes of a stream; the longest answers there are take a tenth of it."""

LARGEST_EVENT = 8 * MIB
"""Bytes of one event of a stream, or of a reply that comes whole."""

LARGEST_PAGE = 16 * MIB
"""Bytes of an answer that is no reply, such as a list of models."""

LARGEST_ERROR = MIB
ERROR_SECONDS = 10.0
"""What of an error's body is read, and for how long: its status says most of it."""

LONGEST_NAME = 256
"""Characters of a model's name."""


class TooLarge(ValueError):
    """More came than what is sent there can be."""


async def pieces_of(response: httpx.Response, most: int = LARGEST_REPLY) -> AsyncIterator[bytes]:
    """Yield a body in pieces as they come.

    Args:
        response: an answer whose body is yet to be read.
        most: the bytes that it may have.

    Raises:
        TooLarge: it has more.
    """
    taken = 0
    async for piece in response.aiter_bytes():
        taken += len(piece)
        if taken > most:
            raise TooLarge(f"it sent more than {most // MIB} MiB")
        yield piece


async def json_of(response: httpx.Response) -> Any:
    """Return what the body of an answer holds, and close it.

    Raises:
        ValueError: it is no JSON, or too large.
    """
    try:
        return read_json(b"".join([piece async for piece in pieces_of(response, LARGEST_PAGE)]))
    finally:
        await response.aclose()


async def beginning_of(response: httpx.Response) -> str:
    """Return the body of an error as far as it came in time, and was not too much."""
    import httpx

    taken = bytearray()
    # A body that breaks off, or cannot be unpacked, leaves the status as it is.
    with suppress(TooLarge, TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(ERROR_SECONDS):
            async for piece in pieces_of(response, LARGEST_ERROR):
                taken += piece
    return taken.decode("utf-8", "replace")


def read_json(text: str | bytes) -> Any:
    """Return what a JSON text holds.

    Raises:
        ValueError: it is none, or is nested deeper than anybody means it.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", "", 0) from None


def name_in(value: Any) -> str:
    """Return a model's name; empty where that is none."""
    if isinstance(value, str) and len(value) <= LONGEST_NAME and value.isprintable():
        return value
    return ""
