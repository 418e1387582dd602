"""Where vi's motions lead in a text. Pure: a text, a place in it, and how often."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

_WORD = re.compile(r"\w+|[^\w\s]+")
_BLANKED = re.compile(r"\S+")


class Reach(NamedTuple):
    """The place that a motion leads to; whether an operator takes that place in, or whole lines."""

    at: int
    inclusive: bool = False
    lines: bool = False


Motion = Callable[[str, int, int], Reach]


def line_of(text: str, at: int) -> tuple[int, int]:
    """Return where the line begins that a place is in, and where its text ends."""
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return begin, len(text) if end < 0 else end


def on_text(text: str, at: int) -> int:
    """Return the place of a cursor that stands on a character: before the end of its line."""
    begin, end = line_of(text, at)
    return max(begin, min(at, end - 1))


def _aside(by: int) -> Motion:
    def reach(text: str, at: int, count: int) -> Reach:
        begin, end = line_of(text, at)
        return Reach(min(max(at + by * count, begin), end))

    return reach


def _lines(by: int) -> Motion:
    def reach(text: str, at: int, count: int) -> Reach:
        column = at - line_of(text, at)[0]
        for _ in range(count):
            begin, end = line_of(text, at)
            if by < 0 < begin:
                at = begin - 1
            elif by > 0 and end < len(text):
                at = end + 1
        begin, end = line_of(text, at)
        return Reach(min(begin + column, end), lines=True)

    return reach


def _next_word(word: re.Pattern[str]) -> Motion:
    def reach(text: str, at: int, count: int) -> Reach:
        begins = [found.start() for found in word.finditer(text) if found.start() > at]
        return Reach(begins[count - 1] if count <= len(begins) else len(text))

    return reach


def _word_before(word: re.Pattern[str]) -> Motion:
    def reach(text: str, at: int, count: int) -> Reach:
        begins = [found.start() for found in word.finditer(text) if found.start() < at]
        return Reach(begins[-count] if count <= len(begins) else 0)

    return reach


def _end_of_word(word: re.Pattern[str]) -> Motion:
    def reach(text: str, at: int, count: int) -> Reach:
        ends = [found.end() - 1 for found in word.finditer(text) if found.end() - 1 > at]
        last = max(0, len(text) - 1)
        return Reach(ends[count - 1] if count <= len(ends) else last, inclusive=True)

    return reach


def _begin_of_line(text: str, at: int, _: int) -> Reach:
    return Reach(line_of(text, at)[0])


def _first_of_line(text: str, at: int, _: int) -> Reach:
    begin, end = line_of(text, at)
    return Reach(begin + len(text[begin:end]) - len(text[begin:end].lstrip()))


def _end_of_line(text: str, at: int, _: int) -> Reach:
    return Reach(line_of(text, at)[1])


def _first_line(text: str, at: int, _: int) -> Reach:
    del text, at
    return Reach(0, lines=True)


def _last_line(text: str, at: int, _: int) -> Reach:
    del at
    return Reach(line_of(text, len(text))[0], lines=True)


MOTIONS: Mapping[str, Motion] = {
    "h": _aside(-1),
    "l": _aside(1),
    " ": _aside(1),
    "j": _lines(1),
    "k": _lines(-1),
    "w": _next_word(_WORD),
    "W": _next_word(_BLANKED),
    "b": _word_before(_WORD),
    "B": _word_before(_BLANKED),
    "e": _end_of_word(_WORD),
    "E": _end_of_word(_BLANKED),
    "0": _begin_of_line,
    "^": _first_of_line,
    "$": _end_of_line,
    "gg": _first_line,
    "G": _last_line,
}
"""What each key leads to."""


def found(key: str, letter: str, text: str, at: int, count: int) -> Reach | None:
    """Return where `f`, `F`, `t` or `T` and a letter lead in the line; None where it is not there.

    Args:
        key: which of them.
        letter: what is looked for.
        text: the text.
        at: where to begin.
        count: the how manieth.
    """
    begin, end = line_of(text, at)
    ahead = key in "ft"
    places = range(at + 1, end) if ahead else range(at - 1, begin - 1, -1)
    hits = [place for place in places if text[place] == letter]
    if count > len(hits):
        return None
    place = hits[count - 1]
    if key in "tT":
        place += -1 if ahead else 1
    return Reach(place, inclusive=ahead)
