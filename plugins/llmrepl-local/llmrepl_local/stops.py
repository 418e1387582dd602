"""Text that ends at the first of some strings, given on as early as it can be."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """Takes pieces of text, and gives on what no stop string can begin in any more.

    Args:
        strings: where to stop; empty ones are passed over.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self.met = False
        self._strings = [string for string in strings if string]
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return the text that is certain now; once a string was `met`, what stood before it."""
        text = self._held + piece
        found = [at for at in (text.find(string) for string in self._strings) if at >= 0]
        if found:
            self.met = True
            self._held = ""
            return text[: min(found)]
        keep = max((_overlap(text, string) for string in self._strings), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """Return what is left where the text ends without a stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, string: str) -> int:
    """Return how long the longest end of `text` is that `string` begins with."""
    longest = min(len(text), len(string) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(string[:n])), 0)
