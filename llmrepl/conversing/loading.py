"""What turns need, made ready in the background; what failed is tried again when it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmrepl.compose import Assembly


class Loading:
    """An assembly that will be there.

    Args:
        load: makes it.
    """

    def __init__(self, load: Callable[[], Coroutine[Any, Any, Assembly]]) -> None:
        self._load = load
        self._task: asyncio.Task[Assembly] | None = None

    @property
    def done(self) -> Assembly | None:
        """The assembly, once it is ready."""
        task = self._task
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def begin(self) -> asyncio.Task[Assembly]:
        """Begin, if nothing has begun; return what is under way."""
        if self._task is None or (self._task.done() and self.done is None):
            self._task = asyncio.get_running_loop().create_task(self._load())
        return self._task

    async def wait(self) -> Assembly:
        """Return the assembly when it is ready; an interruption does not end its making.

        Raises:
            LlmreplError: it could not be made.
        """
        return await asyncio.shield(self.begin())

    async def end(self) -> Assembly | None:
        """Make nothing any more; return what is ready, for somebody to close it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        return self.done
