"""Text of anybody's made fit for a place on the screen: cleaned, on one line or on several."""

from __future__ import annotations

from llmrepl.cells import cells, cut
from llmrepl.sanitise import clean


def one_line(text: str) -> str:
    """Return `text` safe to show, its white space as single spaces."""
    return " ".join(clean(text).split())


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
