"""Styled lines, and how text is broken into them. A line never holds a newline.

Widths are in terminal cells: a CJK character takes two, a combining mark none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wcwidth import wcwidth

TAB = 4
"""Columns between tab stops."""

# Between these a line may be broken anywhere.
_WIDE = (
    "\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff"
    "\ufe30-\ufe6f\uff00-\uff60\U00020000-\U0003fffd"
)
_WORDS = re.compile(rf" +|[^ {_WIDE}]+|[{_WIDE}]")
_SELECTOR = "\ufe0f"  # asks for the wide, coloured form of the character before it


class Span(NamedTuple):
    """Text in one style: names of the theme with spaces between; `link` is where it leads."""

    text: str
    style: str = ""
    link: str = ""


Line = tuple[Span, ...]
"""What one row of the terminal, or more where it is narrow, shows."""


def line(text: str, style: str = "") -> Line:
    """Return one line of plain text."""
    return (Span(text, style),)


def cells(text: str) -> int:
    """Return how many cells `text` takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    # What widens the character before it is counted as a cell: never too few are counted.
    return 1 if character == _SELECTOR else max(0, wcwidth(character))


def width_of(spans: Iterable[Span]) -> int:
    """Return how many cells a line takes."""
    return sum(cells(span.text) for span in spans)


def plain(spans: Iterable[Span]) -> str:
    """Return a line's text."""
    return "".join(span.text for span in spans)


def fold(spans: Line, width: int) -> list[Line]:
    """Return a line broken wherever it is full, as code and output are."""
    if width_of(spans) <= width:
        return [spans]
    lines: list[Line] = []
    current: list[Span] = []
    column = 0
    for span in spans:
        at = 0
        while at < len(span.text):
            end, size = _fitting(span.text, at, width - column, least=0 if column else 1)
            if end > at:
                current.append(span._replace(text=span.text[at:end]))
                at, column = end, column + size
            if at < len(span.text):
                lines.append(tuple(current))
                current, column = [], 0
    return [*lines, tuple(current)]


def _fitting(text: str, at: int, width: int, *, least: int) -> tuple[int, int]:
    """Return the end of what fits of `text` from `at` on, and its cells; `least` characters fit."""
    piece = text[at : at + max(width, least)]
    if piece.isascii():
        return at + len(piece), len(piece)
    column = 0
    for end in range(at, len(text)):
        size = _cells_of(text[end])
        if column + size > width and end - at >= least:
            return end, column
        column += size
    return len(text), column


def wrap(spans: Iterable[Span], width: int) -> list[Line]:
    """Return text broken between words, where a newline in it ends a line.

    A tab counts as a space, and spaces at a break are left out. A word that is wider than a line
    is cut.
    """
    filling = _Filling(width)
    for span in spans:
        first, *others = span.text.replace("\t", " ").split("\n")
        filling.add(span, first)
        for text in others:
            filling.end()
            filling.add(span, text)
    filling.end()
    return filling.lines


class _Filling:
    """Lines being filled with words. A word may go on from one span to the next."""

    def __init__(self, width: int) -> None:
        self.lines: list[Line] = []
        self._width = width
        self._line: list[Span] = []
        self._column = 0
        self._space: Span | None = None
        self._word: list[Span] = []
        self._size = 0

    def add(self, span: Span, text: str) -> None:
        for word in _WORDS.findall(text):
            if word[0] == " ":
                self._settle()
                if self._column:
                    self._space = span._replace(text=word)
            elif word.isascii():
                self._word.append(span if word == span.text else span._replace(text=word))
                self._size += len(word)
            else:
                if len(word) == 1:
                    self._settle()
                self._word.append(span._replace(text=word))
                self._size += cells(word)

    def end(self) -> None:
        self._settle()
        self._break()

    def _break(self) -> None:
        self.lines.append(_merged(self._line))
        self._line, self._column, self._space = [], 0, None

    def _settle(self) -> None:
        """Put the word on the line, or on the next."""
        if not self._word:
            return
        space = self._space
        gap = len(space.text) if space else 0
        if self._column and self._column + gap + self._size > self._width:
            self._break()
            space, gap = None, 0
        if space:
            self._line.append(space)
        self._space = None
        if self._size <= self._width:
            self._line += self._word
            self._column += gap + self._size
        else:
            *full, last = fold(tuple(self._word), self._width)
            self.lines += full
            self._line, self._column = list(last), width_of(last)
        self._word, self._size = [], 0


def _merged(spans: Sequence[Span]) -> Line:
    """Return `spans` with neighbours of the same style as one."""
    merged: list[Span] = []
    texts: list[str] = []
    for span in spans:
        if merged and merged[-1][1:] == span[1:]:
            texts.append(span.text)
            continue
        if texts:
            merged[-1] = merged[-1]._replace(text="".join(texts))
        merged.append(span)
        texts = [span.text]
    if texts:
        merged[-1] = merged[-1]._replace(text="".join(texts))
    return tuple(merged)


def indented(lines: Iterable[Line], first: Line, others: Line) -> list[Line]:
    """Return `lines` with `first` before the first and `others` before each other one.

    A line that is empty gets nothing but marks before it.
    """
    bare = () if plain(others).isspace() else others
    return [
        (*(others if at else first), *spans) if spans or not at else bare
        for at, spans in enumerate(lines)
    ]
