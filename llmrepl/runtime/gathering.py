"""Pieces of a message that come one by one gather, so that few of them are waited for.

To be woken by a piece costs a connection and its reader more than to take ten that are there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.01
"""Seconds in which pieces gather, after one that was waited for."""

AT_ONCE = 0.001
"""Seconds within which a piece comes that was there already."""

SHORT = 0.1
"""Seconds from the first piece in which none are let gather: a short message loses no time."""


async def gathered(pieces: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Yield `pieces`; of a message that goes on, they come in clusters."""
    clock = asyncio.get_running_loop().time
    first = asked = float("inf")
    async for piece in pieces:
        came = clock()
        first = min(first, came)
        yield piece
        if came - asked > AT_ONCE and came - first > SHORT:
            await asyncio.sleep(PAUSE)
        asked = clock()
