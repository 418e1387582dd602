"""How fast a replay goes, and the keys that change it: waiting is all it does."""

from __future__ import annotations

import asyncio

FASTEST, SLOWEST = 1000.0, 0.01


class Pacing:
    """Waits between the records of a replay.

    Args:
        speed: how many times as fast as it was.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self.paused = False
        self.ended = False
        self._steps = 0
        self._news = asyncio.Event()

    def press(self, key: str) -> None:
        """Take in a key: space, n or the right arrow, + and -, q; any other does nothing."""
        match key:
            case " ":
                self.paused = not self.paused
                self._steps = 0
            case "n" | "\x1b[C" | "\x1bOC":
                self.paused = True
                self._steps += 1
            case "+":
                self.speed = min(self.speed * 2, FASTEST)
            case "-":
                self.speed = max(self.speed / 2, SLOWEST)
            case "q" | "\x03" | "\x04":
                self.ended = True
        self._news.set()

    def shown(self, step: bool) -> None:
        """Note that a record was shown; a step ends with it where `step` says so."""
        if step and self._steps:
            self._steps -= 1

    async def wait(self, seconds: float) -> bool:
        """Return when the next record is due: True, or False where the replay was ended.

        Args:
            seconds: how long after the last one it came; none while a person steps.
        """
        left = seconds
        loop = asyncio.get_running_loop()
        while not self.ended:
            if self._steps or (left <= 0 and not self.paused):
                return True
            self._news.clear()
            began, speed = loop.time(), self.speed
            try:
                await asyncio.wait_for(self._news.wait(), None if self.paused else left / speed)
            except TimeoutError:
                return True
            if not self.paused:
                left -= (loop.time() - began) * speed
        return False
