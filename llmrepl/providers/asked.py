"""Questions to a service that are asked once at a time: who asks meanwhile gets the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Asked(Generic[T]):
    """Keeps the questions that are under way."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def once(self, question: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the answer. Nobody who stops waiting for it takes it from the others.

        Args:
            question: what is asked.
            ask: asks it, where nobody else does at this time.
        """
        key = (asyncio.get_running_loop(), question)
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.get_running_loop().create_task(ask())
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)
