"""What was entered while a turn runs: it waits, is seen, and is never lost."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 3
"""Queued texts that are shown; there are more where the heading says so."""

WIDTH = 60
"""Characters that are shown of each."""


class Queue:
    """Texts in the order in which they will be taken."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def first(self) -> str:
        """The text that is taken next; empty where there is none."""
        return self._texts[0] if self._texts else ""

    def put(self, text: str) -> None:
        """Add a text at the end."""
        self._texts.append(text)

    def put_first(self, texts: Sequence[str]) -> None:
        """Put texts before all others."""
        self._texts[:0] = texts

    def take(self) -> str:
        """Take the first text out."""
        return self._texts.pop(0)

    def take_last(self) -> str:
        """Take the last text out."""
        return self._texts.pop()

    def take_all(self) -> list[str]:
        """Take all texts out."""
        texts, self._texts = self._texts, []
        return texts

    def lines(self, steering: Sequence[str] = ()) -> list[str]:
        """Return what is shown of it, and of the texts that are on their way to the model."""
        lines = []
        if steering:
            lines += ["── steering, with the next results ──", *_short(steering)]
        if self._texts:
            lines += [f"── {len(self)} queued · ↑ edits · Ctrl-S steers ──", *_short(self._texts)]
        return lines


def _short(texts: Sequence[str]) -> list[str]:
    lines = []
    for text in texts[:SHOWN]:
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        lines.append("  " + (line[: WIDTH - 1] + "…" if len(line) > WIDTH else line))
    return lines
