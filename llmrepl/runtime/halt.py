"""What ends the work that is under way, on purpose and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Halt:
    """Whether work is to end: `reason` is why, and empty as long as it goes on."""

    def __init__(self) -> None:
        self.reason = ""
        self._waiting: asyncio.Future[Any] | None = None

    def over(self) -> bool:
        """Whether work is to end."""
        return bool(self.reason)

    async def wait(self, work: Coroutine[Any, Any, T], otherwise: Callable[[], T]) -> T:
        """Return what comes of `work`, or what `otherwise` gives where it was or is ended."""
        if self.over():  # that came between two pieces of work
            work.close()
            return otherwise()
        self._waiting = task = asyncio.ensure_future(work)
        try:
            return await task
        except asyncio.CancelledError:
            if not self.over():
                raise
            return otherwise()
        finally:
            self._waiting = None

    def end(self, reason: str) -> bool:
        """End what is waited for; return whether anything was."""
        self.reason = reason
        if self._waiting is None:
            return False
        self._waiting.cancel()
        return True
