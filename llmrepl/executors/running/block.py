"""One block on its way through the sandbox: its output so far, and how it came to its end."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmrepl.events import NetworkRequested, ToolOutput, ToolRequested
from llmrepl.executors.inside.frames import Message
from llmrepl.executors.policy import Limits
from llmrepl.executors.running.capture import Leftovers, Pipe


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why the host ends a block: its status, the reason, and whether to ask before killing."""

    status: str
    reason: str
    gently: bool = True


class Block:
    """A block that runs, or has run.

    `reply` is what came back from the sandbox, {} where nothing did; `verdict` is set where the
    host ended it; `lost` says what was lost with it, in words, or ""; `refused` are the requests
    to the network that it was denied.
    """

    def __init__(self, request: ToolRequested, limits: Limits, flooded: Callable[[], None]) -> None:
        self.request = request
        self.language = request.language
        self.verdict: Verdict | None = None
        self.reply: Message = {}
        self.lost = ""
        self.ms = 0.0
        self._limits = limits
        self._flooded = flooded
        self.refused: list[NetworkRequested] = []
        self._events: deque[ToolOutput | NetworkRequested] = deque()
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._written = 0
        self.stdout = Pipe("stdout", limits.kept_output, self._show, self._count)
        self.stderr = Pipe("stderr", limits.kept_output, self._show, self._count)
        self._began = time.perf_counter()

    @property
    def writers(self) -> tuple[int, int]:
        """The descriptors the block writes its output to."""
        return self.stdout.writer, self.stderr.writer

    def handed_over(self) -> None:
        """Close our copies of the writers, now that the sandbox has them."""
        self.stdout.handed_over()
        self.stderr.handed_over()

    def listen(self) -> None:
        """Show what it writes as it arrives."""
        self.stdout.listen()
        self.stderr.listen()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    def end(self, reply: Message, leftovers: Leftovers) -> None:
        """Note that it has ended, and take in the rest of its output."""
        if self.over:
            return
        self.ms = (time.perf_counter() - self._began) * 1000
        self.reply = reply
        for pipe in (self.stdout, self.stderr):
            pipe.finish(self._limits.max_output, leftovers)
        self._over.set()
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Return whether it has ended after at most `seconds`."""
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def asked(self, event: NetworkRequested) -> None:
        """Take in a request that it made."""
        self._events.append(event)
        if event.decision == "deny":
            self.refused.append(event)
        self._news.set()

    async def outputs(self) -> AsyncIterator[ToolOutput | NetworkRequested]:
        """Yield what it writes and asks the network for, until it has ended."""
        while True:
            while self._events:
                yield self._events.popleft()
            if self.over:
                return
            self._news.clear()
            await self._news.wait()

    def _show(self, stream: str, text: str) -> None:
        call_id = self.request.call_id
        self._events.append(ToolOutput(call_id=call_id, stream=stream, text=text))
        self._news.set()

    def _count(self, arrived: int) -> None:
        self._written += arrived
        if self._written > self._limits.max_output and not self.over:
            self._flooded()


def seconds_for(arguments: Mapping[str, Any], limits: Limits) -> tuple[float, str]:
    """Return how long a block may take, and what to say where it asked for more than it may."""
    asked = arguments.get("timeout")
    if not isinstance(asked, int | float) or isinstance(asked, bool):
        return limits.seconds, ""
    if math.isnan(asked) or asked <= 0:
        return limits.seconds, ""
    if asked > limits.max_seconds:
        told = f" (it asked for {asked:g} s; {limits.max_seconds:g} s is the most a block can have)"
        return limits.max_seconds, told
    return float(asked), ""
