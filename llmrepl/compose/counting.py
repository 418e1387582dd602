"""Counts the context of a session that is gone on with, in a thread.

Counting the messages of a long one takes seconds, and nobody who looks at it is to wait for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event

from llmrepl.accounting.tokens import Tokens
from llmrepl.context.tally import Tally
from llmrepl.context.window import Window
from llmrepl.conversation import Conversation, Message
from llmrepl.vector import Vector

FEW = 64
"""Messages that are counted when somebody asks: that takes no time."""


class Counting:
    """Counts what a window has not counted.

    Args:
        tokens: counts; what it counts before its vocabulary is loaded is only about right.
        window: keeps what was counted.
        state: returns the conversation as it is now.
    """

    def __init__(self, tokens: Tokens, window: Window, state: Callable[[], Conversation]) -> None:
        self._tokens = tokens
        self._window = window
        self._state = state
        self._task: asyncio.Task[None] | None = None

    @property
    def near(self) -> bool:
        """Whether all is counted, or so much that the rest takes no time."""
        return self._window.behind(self._state()) <= FEW

    def begin(self) -> None:
        """Count, in the background."""
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._count())

    def again(self) -> None:
        """Count another conversation, where `begin` was called for the one before."""
        if self._task is not None:
            self.begin()

    async def done(self) -> None:
        """Wait until all is counted."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Leave it at that."""
        if self._task is not None:
            self._task.cancel()
        await self.done()

    async def _count(self) -> None:
        if self.near:
            return
        tally, ended = self._window.tally(), Event()
        try:
            await asyncio.to_thread(self._take_in, tally, self._state().messages, ended)
        finally:
            ended.set()
        self._window.adopt(tally)

    def _take_in(self, tally: Tally, messages: Vector[Message], ended: Event) -> None:
        self._tokens.load()
        tally.take_in(messages, ended.is_set)
