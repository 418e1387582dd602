"""Text measured in terminal cells: a CJK character takes two, a combining mark none."""

from __future__ import annotations

from collections.abc import Iterable

from wcwidth import wcwidth

from llmrepl.standing import Fragment

ELLIPSIS = "…"


def cells(text: str) -> int:
    """Return how many cells `text` takes."""
    return len(text) if text.isascii() else sum(max(0, wcwidth(sign)) for sign in text)


def width_of(line: Iterable[Fragment]) -> int:
    """Return how many cells a line takes."""
    return sum(cells(text) for _, text in line)


def elided(text: str, width: int) -> str:
    """Return `text` in at most `width` cells: its beginning, and `…` for the rest."""
    if cells(text) <= width:
        return text
    kept, room = "", width - 1
    for sign in text:
        room -= cells(sign)
        if room < 0:
            break
        kept += sign
    return kept + ELLIPSIS if width > 0 else ""


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` filled with spaces up to `width` cells."""
    space = " " * max(0, width - cells(text))
    return space + text if right else text + space


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
