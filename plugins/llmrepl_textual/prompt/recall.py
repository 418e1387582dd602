"""Goes back and forth in what was sent, among what begins like the prompt. Pure."""

from __future__ import annotations

from collections.abc import Callable


class Recall:
    """What was sent, the newest first.

    Args:
        load: returns it; called when it is first needed.
    """

    def __init__(self, load: Callable[[], list[str]]) -> None:
        self._load = load
        self._sent: list[str] | None = None
        self._typed = ""
        self._at = -1

    @property
    def sent(self) -> list[str]:
        """All of it."""
        if self._sent is None:
            self._sent = self._load()
        return self._sent

    def add(self, text: str) -> None:
        """Take what was sent just now."""
        self.sent.insert(0, text)
        self.reset()

    def reset(self) -> None:
        """Begin anew with what is typed next."""
        self._at = -1

    def back(self, typed: str) -> str | None:
        """Return what was sent before; None where nothing was that begins so."""
        if self._at < 0:
            self._typed = typed
        shown = self._typed if self._at < 0 else self.sent[self._at]
        for at in range(self._at + 1, len(self.sent)):
            if self.sent[at].startswith(self._typed) and self.sent[at] != shown:
                self._at = at
                return self.sent[at]
        return None

    def forward(self) -> str | None:
        """Return what was sent after, and what was typed behind the newest; None at the end."""
        if self._at < 0:
            return None
        shown = self.sent[self._at]
        for at in range(self._at - 1, -1, -1):
            if self.sent[at].startswith(self._typed) and self.sent[at] != shown:
                self._at = at
                return self.sent[at]
        self._at = -1
        return self._typed

    def suggestion(self, typed: str) -> str:
        """Return how the newest goes on that begins like `typed`."""
        if not typed:
            return ""
        longer = (text for text in self.sent if text.startswith(typed) and text != typed)
        return next(longer, typed)[len(typed) :]
