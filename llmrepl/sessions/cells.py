"""Text of anybody's made fit for a place on the screen: one line, cleaned, measured in cells."""

from __future__ import annotations

from wcwidth import wcwidth

from llmrepl.sanitise import clean

ELLIPSIS = "…"


def one_line(text: str) -> str:
    """Return `text` safe to show, its white space as single spaces."""
    return " ".join(clean(text).split())


def cells(text: str) -> int:
    """Return how many cells `text` takes: a CJK character two, a combining mark none."""
    return len(text) if text.isascii() else sum(max(0, wcwidth(sign)) for sign in text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` in exactly `width` cells: filled with spaces, or cut with an ellipsis."""
    if cells(text) > width:
        text = cut(text, width - 1) + ELLIPSIS if width > 0 else ""
    space = " " * max(0, width - cells(text))
    return space + text if right else text + space


def cut(text: str, width: int) -> str:
    """Return the beginning of `text` that takes at most `width` cells."""
    if text.isascii():
        return text[:width]
    for place, sign in enumerate(text):
        width -= max(0, wcwidth(sign))
        if width < 0:
            return text[:place]
    return text


def wrapped(text: str, width: int) -> list[str]:
    """Return cleaned text of several lines as lines of at most `width` cells.

    Lines break between words where that leaves no line half empty, else within a word.
    """
    lines: list[str] = []
    for line in clean(text).expandtabs(4).split("\n"):
        rest = line.rstrip()
        while cells(rest) > width:
            head = cut(rest, width) or rest[:1]  # a sign that is wider than all there is
            space = head.rfind(" ")
            end = space if space > len(head) // 2 else len(head)
            lines.append(rest[:end].rstrip())
            rest = rest[end:].lstrip(" ")
        lines.append(rest)
    return lines
