"""The wall time that a turn has, which does not run while a person looks at the turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once, when it has run for so many seconds.

    Args:
        seconds: how long it runs.
        ring: is called then.
    """

    def __init__(self, seconds: float, ring: Callable[[], object]) -> None:
        self._left = seconds
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def wind(self) -> None:
        """Run, for what is left."""
        self._handle = asyncio.get_running_loop().call_later(self._left, self._ring)

    def stop(self) -> None:
        """Run no more, until it is wound again. May be called twice."""
        if self._handle is not None:
            self._left = self._handle.when() - asyncio.get_running_loop().time()
            self._handle.cancel()
            self._handle = None
