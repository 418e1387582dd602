"""Lines of the status measured in terminal cells, and text broken into such lines."""

from __future__ import annotations

from collections.abc import Iterable

from llmrepl.cells import cells, elided
from llmrepl.standing import Fragment


def width_of(line: Iterable[Fragment]) -> int:
    """Return how many cells a line takes."""
    return sum(cells(text) for _, text in line)


def wrapped(text: str, width: int) -> list[str]:
    """Return `text` broken between words; a word that is wider than a line is elided."""
    lines: list[str] = []
    for whole in text.split():
        word = elided(whole, width)
        if lines and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
