"""Text measured in terminal cells: a CJK character takes two, a combining mark none.

Pure functions from text to text, for what goes on one line and is clean.
"""

from __future__ import annotations

from wcwidth import wcwidth

ELLIPSIS = "…"


def cells(text: str) -> int:
    """Return how many cells `text` takes."""
    return len(text) if text.isascii() else sum(max(0, wcwidth(sign)) for sign in text)


def cut(text: str, width: int) -> str:
    """Return the beginning of `text` that takes at most `width` cells."""
    if text.isascii():
        return text[: max(0, width)]
    for place, sign in enumerate(text):
        width -= max(0, wcwidth(sign))
        if width < 0:
            return text[:place]
    return text


def elided(text: str, width: int) -> str:
    """Return `text` in at most `width` cells: its beginning, and `…` for the rest."""
    if cells(text) <= width:
        return text
    return cut(text, width - 1) + ELLIPSIS if width > 0 else ""


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` filled up to `width` cells with spaces, before it where it stands `right`."""
    space = " " * max(0, width - cells(text))
    return space + text if right else text + space


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` in exactly `width` cells: filled with spaces, or cut with an ellipsis."""
    return padded(elided(text, width), width, right=right)
