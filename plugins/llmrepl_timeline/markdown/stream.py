"""Markdown that is still being written: what can change no more is given away line by line.

Of the blocks in a text only the last can change with what comes, and of that one only its last
item where it is a list, and nothing but the line being written where it is code or a table.
So a text's lines are the same however it arrives, and each part of it is drawn about once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmrepl_timeline.code import Highlighter
from llmrepl_timeline.lines import Line
from llmrepl_timeline.markdown.drawing import (
    Look,
    code_lines,
    draw_block,
    draw_items,
    fence_body,
    first_number,
    language_of,
)
from llmrepl_timeline.markdown.parsing import begin, is_blank, parse, siblings
from llmrepl_timeline.markdown.tables import MEASURED, Table, table_of

if TYPE_CHECKING:
    from markdown_it.token import Token

    Block = list[Token]

SMALL = 600
"""Characters of an unfinished block that are parsed whenever a line could have ended it."""

GROWTH = 1.5
"""How much a longer one has to grow before it is parsed again, so that all parsing is linear."""

PREVIEWED = 6_000
"""Characters at the end of an unfinished block that a preview is made from."""


_MARKS = re.compile(r" {0,3}[#>`~|*+=_0-9-]")


@dataclass
class _Fence:
    """Code whose lines so far are given away; `lead` opens it again."""

    lead: list[str]
    highlighter: Highlighter

    def draw(self, block: Block, _: list[str], look: Look) -> list[Line]:
        return code_lines(fence_body(block[0]), self.highlighter, look)

    def copy(self) -> _Fence:
        return _Fence(self.lead, self.highlighter.copy())


@dataclass
class _Rows:
    """A table whose rows so far are given away; `lead` are the titles and the rule."""

    lead: list[str]
    table: Table

    def draw(self, block: Block, _: list[str], look: Look) -> list[Line]:
        rows = table_of(block, links=look.links)[1]
        return [line for row in rows for line in self.table.row(row, look.width)]

    def copy(self) -> _Rows:
        return self


@dataclass
class _Items:
    """A list whose items so far are given away; `number` is that of the next.

    `lead` is an item in their place, without which the next might be no list.
    """

    lead: list[str]
    number: int | None

    def draw(self, block: Block, source: list[str], look: Look) -> list[Line]:
        return draw_items(siblings(block[1:-1])[1:], source, look, self.number)

    def copy(self) -> _Items:
        return self


@dataclass
class _Given:
    """What of a text is given away already, as far as the rest depends on it.

    `begun` is a block of which a part is; `started` says that something is, and `blank` that the
    line of the source where the rest begins follows a blank one.
    """

    begun: _Fence | _Rows | _Items | None = None
    started: bool = False
    blank: bool = False

    def copy(self) -> _Given:
        return _Given(self.begun and self.begun.copy(), self.started, self.blank)


class MarkdownStream:
    """Texts in pieces, one after another. They must be safe to show."""

    def __init__(self) -> None:
        self._lines: list[str] = []  # complete, and not given away
        self._last: list[str] = []  # the pieces of the line that is being written
        self._given = _Given()
        self._size = 0
        self._enough = 0  # the size from which on `_lines` are worth parsing
        self._news = False

    def feed(self, text: str) -> None:
        """Take in more of the text."""
        first, *others = text.split("\n")
        self._last.append(first)
        for piece in others:
            self._end_line()
            self._last.append(piece)

    def _end_line(self) -> None:
        line = "".join(self._last)
        self._last = []
        self._news = self._news or (
            isinstance(self._given.begun, _Fence | _Rows)
            or is_blank(line)
            or _MARKS.match(line) is not None
            or (bool(self._lines) and is_blank(self._lines[-1]))
        )
        self._lines.append(line)
        self._size += len(line) + 1

    def advance(self, look: Look) -> list[Line]:
        """Return the lines of what has become final."""
        if not self._news or self._size < self._enough:
            return []
        self._news = False
        drawn, self._lines = _draw(self._lines, self._given, look, whole=False)
        self._size = sum(map(len, self._lines)) + len(self._lines)
        self._enough = 0 if self._size <= SMALL else int(self._size * GROWTH)
        return drawn

    def close(self, look: Look) -> list[Line]:
        """Return all other lines: the text has ended, and the next may begin."""
        drawn, _ = _draw(self._rest(), self._given, look, whole=True)
        self._lines, self._last, self._given = [], [], _Given()
        self._size = self._enough = 0
        self._news = False
        return drawn

    def preview(self, look: Look) -> list[Line]:
        """Return how what is not given away looks so far; of a long block the end."""
        lines = self._rest()
        if sum(map(len, lines)) > PREVIEWED:
            lines = "\n".join(lines)[-PREVIEWED:].split("\n")
        return _draw(lines, self._given.copy(), look, whole=True)[0]

    def _rest(self) -> list[str]:
        last = "".join(self._last)
        self._last = [last]
        return [*self._lines, last] if last else self._lines


def _draw(
    lines: list[str], given: _Given, look: Look, *, whole: bool
) -> tuple[list[Line], list[str]]:
    """Return what `lines` look like as far as it is final, or all of it, and those not drawn.

    `given` is brought up to date.
    """
    source = [*(given.begun.lead if given.begun else ()), *lines]
    blocks = parse("".join(line + "\n" for line in source))
    drawn: list[Line] = []
    for block in blocks:
        at = begin(block)
        if at:
            given.blank = is_blank(source[at - 1])
        goes_on = isinstance(given.begun, _Fence | _Rows)
        gap: list[Line] = [()] if given.blank and given.started and not goes_on else []
        if whole or block is not blocks[-1] or _is_final(block, source):
            draw = given.begun.draw if given.begun else draw_block
            drawn += gap + draw(block, source, look)
            given.begun = None
        elif part := _part(block, source, given.begun, look):
            some, given.begun, rest = part
            drawn += gap + some
            given.started = True
            given.blank = bool(rest) and is_blank(source[len(source) - len(rest) - 1])
            return drawn, rest
        else:
            return drawn, source[max(at, len(source) - len(lines)) :]
        given.started = True
    given.blank = is_blank(source[-1]) if source else given.blank
    return drawn, []


def _is_final(block: Block, source: list[str]) -> bool:
    """Return whether the last block of `source` can change no more."""
    match block[0].type:
        case "heading_open":
            return "|" not in source[-1]  # else the next line may make a table of it
        case "hr":
            return True
        case "paragraph_open" | "table_open":
            return is_blank(source[-1])
        case "fence":
            begin, end = block[0].map or (0, 0)
            return end - begin == block[0].content.count("\n") + 2
        case _:
            return False


def _part(
    block: Block, source: list[str], begun: _Fence | _Rows | _Items | None, look: Look
) -> tuple[list[Line], _Fence | _Rows | _Items, list[str]] | None:
    """Return the lines of what is final of the last block, what goes on, and the source of that."""
    at = begin(block)
    match block[0].type:
        case "fence":
            if not begun and "|" in source[at] and at == len(source) - 1:
                return None  # the next line may make a table of it
            if not begun:
                indent = len(source[at]) - len(source[at].lstrip(" "))
                lead = " " * indent + block[0].markup
                begun = _Fence([lead], Highlighter(language_of(block[0])))
            return begun.draw(block, source, look), begun, []
        case "table_open":
            table, rows = table_of(block, links=look.links, listed=look.words)
            if isinstance(begun, _Rows):
                return begun.draw(block, source, look), begun, []
            if len(rows) < MEASURED:
                return None
            lines = draw_block(block, source, look)
            return lines, _Rows(source[at : at + 2], table), []
        case "bullet_list_open" | "ordered_list_open":
            *items, last = siblings(block[1:-1])
            number = first_number(block[0])
            if isinstance(begun, _Items):
                number, items = begun.number, items[1:]
            if not items:
                return None
            after = None if number is None else number + len(items)
            lead = ("" if after is None else "1") + block[0].markup + "    x"
            lines = draw_items(items, source, look, number)
            return lines, _Items([lead], after), source[begin(last) :]
        case _:
            return None
