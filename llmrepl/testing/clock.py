"""A clock that goes only when it is told to."""

from __future__ import annotations


class FakeClock:
    """Implements `llmrepl.ports.Clock`.

    Args:
        start: Unix time in milliseconds at the beginning.
        tick: seconds that pass each time the clock is read.
    """

    def __init__(self, start: int = 1_767_225_600_000, *, tick: float = 0.0) -> None:
        self._start = start
        self._tick = tick
        self._passed = 0.0

    def now(self) -> int:
        """Return Unix time in milliseconds."""
        return self._start + round(self.monotonic() * 1000)

    def monotonic(self) -> float:
        """Return seconds since the beginning."""
        passed = self._passed
        self._passed += self._tick
        return passed

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass.

        Raises:
            ValueError: they are negative.
        """
        if seconds < 0:
            raise ValueError(f"a clock does not go back: {seconds} s")
        self._passed += seconds
