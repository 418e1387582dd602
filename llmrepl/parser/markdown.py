"""Where prose stands in Markdown: what shows a helper block there does not run it.

In doubt a line counts as quoted. So a fence lasts until both CommonMark's reading and a reading
in which fences nest have ended it: models nest fences that CommonMark does not.
"""

from __future__ import annotations

import re

from llmrepl.parser.grammar import (
    BLANK,
    MOST_INDENT,
    ends_with_opening,
    is_closing,
    looks_like_opening,
)

_ELSE = "to run a block, write <helpers> alone on its line"
IN_FENCE = f"a helper block in a code fence does not run; {_ELSE}, outside any fence"
AS_FENCE = f"a code fence named helpers does not run; {_ELSE}, without a fence"
IN_QUOTE = f"a helper block in a quote does not run; {_ELSE}, without > before it"
IN_CODE = (
    "a helper block in inline code does not run, and a ` before it in the paragraph is still open;"
    f" {_ELSE}, after an empty line"
)
INDENTED = f"a helper block indented by more than 3 spaces does not run; {_ELSE}, not indented"
AFTER_TEXT = f"a helper block that begins after other text does not run; {_ELSE}"
ORPHAN = f"a closing tag without its opening tag does nothing; {_ELSE} before the code"

_CONTAINERS = r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*"
_FENCE = re.compile(rf"({_CONTAINERS})(`{{3,}}|~{{3,}})(.*)", re.DOTALL)
_QUOTE = re.compile(r" {0,3}>[ \t>]*")
_TICKS = re.compile(r"(\\*)(`+)")


_LAST_CLOSING = re.compile(r"^[ \t>]*</helpers?[ \t]*>[ \t\r]*$", re.IGNORECASE | re.MULTILINE)


def is_last_word(message: str, start: int) -> bool:
    """Return whether the message ends with the refused block that begins at `start`.

    A block whose closing tag is missing ends it too: the provider stopped at the tag.
    """
    after = _LAST_CLOSING.split(message[start:])
    return len(after) == 1 or not after[-1].strip(" \t\r\n`~")


class Markdown:
    """Reads the lines of prose in order."""

    def __init__(self) -> None:
        self._fence: tuple[str, int, int] | None = None  # CommonMark's: mark, length, column
        self._outer = ("", 0)  # mark and length of the fence in which others nest
        self._depth = 0  # how many fences nest, that one included
        self._told = False  # whether this fence has been reported
        self._ticks = 0  # length of the backtick run that opened inline code
        self._paired = False  # whether the next closing tag belongs to an opening reported before

    @property
    def in_code(self) -> bool:
        """Whether the next line is inside inline code that is still open."""
        return self._ticks > 0

    @property
    def in_fence(self) -> bool:
        """Whether the next line is inside a code fence."""
        return self._fence is not None or self._depth > 0

    def read(self, line: str) -> str:
        """Take the next line; return why the helper block it seems to be does not run, or ""."""
        if not line.strip(BLANK):
            self._ticks = 0
            return ""
        fence = _FENCE.match(line)
        if fence and fence[2][0] == "`" and "`" in fence[3]:
            fence = None  # inline code
        if self.in_fence:
            told = self._told or not looks_like_opening(line.lstrip())
            self._told = self._told or not told
            if fence:
                self._read_fence(fence[1], fence[2], fence[3])
            return "" if told else IN_FENCE
        if fence:
            self._told = False
            self._ticks = 0
            self._read_fence(fence[1], fence[2], fence[3])
            named = fence[3].strip().lower() in ("helpers", "helper")
            self._told = named
            return AS_FENCE if named else ""
        if quote := _QUOTE.match(line):
            self._ticks = 0
            return IN_QUOTE if looks_like_opening(line[quote.end() :]) else ""
        return self._read_text(line)

    def _read_fence(self, before: str, marks: str, info: str) -> None:
        mark, length, column = marks[0], len(marks), len(before.expandtabs(4))
        bare = not info.strip(BLANK) and not before.strip(BLANK)
        if self._fence is None:
            self._fence = (mark, length, column)
        else:
            opener, shortest, indent = self._fence
            within = column <= max(MOST_INDENT, indent)
            if bare and mark == opener and length >= shortest and within:
                self._fence = None
        if self._depth == 0:
            self._outer, self._depth = (mark, length), 1
        elif mark == self._outer[0] and length >= self._outer[1]:
            self._depth += -1 if bare else 1

    def _read_text(self, line: str) -> str:
        was_code = self._ticks > 0
        for escape, run in _TICKS.findall(line):
            self._count(len(escape), len(run))
        if "<" not in line:
            return ""
        if looks_like_opening(line.lstrip()):
            self._paired = "</helper" not in line.lower()
            return IN_CODE if was_code else "" if looks_like_opening(line) else INDENTED
        if self._ticks == 0 and ends_with_opening(line):
            self._paired = True
            return AFTER_TEXT
        if is_closing(line):
            paired, self._paired = self._paired, False
            return "" if paired or was_code else ORPHAN
        return ""

    def _count(self, backslashes: int, ticks: int) -> None:
        if self._ticks == 0:
            self._ticks = ticks - backslashes % 2
        elif self._ticks == ticks:
            self._ticks = 0
