"""How quick models were: in this process, and before it, which a thread reads once.

Nobody waits for that longer than a person would notice.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from statistics import median

from llmrepl.accounting.speeds import MEASURED
from llmrepl.errors import LlmreplError

HURRY = 0.05
"""Seconds that a choice waits for what is being read; with the next one, it is there."""

History = Callable[[], Mapping[str, Sequence[float]]]
"""Reads what messages took before, in milliseconds by provider/model, the oldest first."""


class Measures:
    """What the messages of models took.

    Args:
        history: reads what they took before; where it raises a LlmreplError, nobody knows.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._reading: Future[Mapping[str, Sequence[float]]] | None = None
        self._here: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MEASURED))

    def begin(self) -> None:
        """Begin to read what was before, if that has not begun."""
        if self._reading is None:
            thread = ThreadPoolExecutor(1, thread_name_prefix="llmrepl-measures")
            self._reading = thread.submit(self._read)
            thread.shutdown(wait=False)

    async def ready(self) -> None:
        """Wait a moment for what is being read."""
        self.begin()
        assert self._reading is not None
        if not self._reading.done():
            await asyncio.wait([asyncio.wrap_future(self._reading)], timeout=HURRY)

    def add(self, name: str, ms: float) -> None:
        """Take in what a message of a model took."""
        self._here[name].append(ms)

    def of(self, name: str) -> float | None:
        """Return what the last messages of a model took, by their median; None for none."""
        here = self._here.get(name, ())
        times = [*self._before(name), *here][-MEASURED:]
        return median(times) if times else None

    def _before(self, name: str) -> Sequence[float]:
        reading = self._reading
        if reading is None or not reading.done():
            return ()
        return reading.result().get(name, ())

    def _read(self) -> Mapping[str, Sequence[float]]:
        with suppress(LlmreplError):  # `llmrepl check` says what is wrong with it
            return self._history()
        return {}

    async def close(self) -> None:
        """Let what is being read come to its end."""
        if self._reading is not None:
            await asyncio.wait([asyncio.wrap_future(self._reading)])
