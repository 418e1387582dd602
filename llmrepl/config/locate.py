"""Where in a TOML text each key stands. The text must be valid: tomllib has read it before.

tomllib gives values without their place; this finds the places, and leaves values alone.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BLANK = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_LINE_END = re.compile(r"[^\n]*\n?")
_OPENING = re.compile(r"(?:#[^\n]*\n)+(?=\r?\n|\Z)")  # a comment about the whole file
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'  # up to two quotes may stand before the closing three
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\r\n]+")

Path = tuple[str, ...]


class Span(NamedTuple):
    """Where a key stands: its line, counted from 1, and its value's start and end offset.

    A table that a header opens has no value: its offsets are both that of the header's end.
    """

    line: int
    start: int
    end: int


class Section(NamedTuple):
    """A table header, or the top of the file, and where its last own line ends."""

    path: Path
    end: int


class Places(NamedTuple):
    """Everything that was found in a text. An array's tables share one path; the first counts."""

    spans: dict[Path, Span]
    sections: list[Section]

    def line(self, path: Path) -> int:
        """Return the line of a key or table, else of the nearest table around it, else 1."""
        while path:
            if path in self.spans:
                return self.spans[path].line
            for key, span in self.spans.items():
                if key[: len(path)] == path:
                    return span.line
            path = path[:-1]
        return 1


def locate(text: str) -> Places:
    """Return where each key and table of a valid TOML text stands."""
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.spans: dict[Path, Span] = {}

    def document(self) -> Places:
        opening = _OPENING.match(self.text)
        sections = [Section((), opening.end() if opening else 0)]
        self.skip(_GAP)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                sections.append(Section(self.header(), self.line_end()))
            else:
                self.pair(sections[-1].path)
                sections[-1] = sections[-1]._replace(end=self.line_end())
            self.skip(_GAP)
        return Places(self.spans, sections)

    def header(self) -> Path:
        start = self.at
        brackets = 2 if self.text.startswith("[[", start) else 1
        self.at += brackets
        path = self.key()
        self.at += brackets
        self.found(path, start, self.at)
        return path

    def pair(self, table: Path) -> None:
        begin = self.at
        path = (*table, *self.key())
        self.at += 1  # the equals sign
        self.skip(_BLANK)
        start = self.at
        self.value(path)
        self.found(path, begin, start)

    def key(self) -> Path:
        """Read a dotted key and the white space behind it."""
        parts = []
        while True:
            self.skip(_BLANK)
            quoted = self.text[self.at] in "\"'"
            part = self.skip(_STRING if quoted else _BARE_KEY)
            parts.append(_unquoted(part) if quoted else part)
            self.skip(_BLANK)
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def value(self, path: Path) -> None:
        opening = self.text[self.at]
        if opening in "\"'":
            self.skip(_STRING)
        elif opening in "[{":
            self.members(path, opening)
        else:
            bare = self.skip(_BARE_VALUE)
            self.at -= len(bare) - len(bare.rstrip())

    def members(self, path: Path, opening: str) -> None:
        """Read an array or an inline table."""
        read, closing = (self.value, "]") if opening == "[" else (self.pair, "}")
        self.at += 1
        self.skip(_GAP)
        while self.text[self.at] != closing:
            read(path)
            self.skip(_GAP)
            if self.text[self.at] == ",":
                self.at += 1
                self.skip(_GAP)
        self.at += 1

    def found(self, path: Path, begin: int, start: int) -> None:
        line = self.text.count("\n", 0, begin) + 1
        self.spans.setdefault(path, Span(line, start, self.at))

    def line_end(self) -> int:
        match = _LINE_END.match(self.text, self.at)
        return match.end() if match else self.at

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Move behind what `pattern` matches here and return it."""
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"unexpected TOML at offset {self.at}")
        self.at = match.end()
        return match[0]


def _unquoted(text: str) -> str:
    if text[0] == "'" or "\\" not in text:
        return text[1:-1]
    import tomllib

    return next(iter(tomllib.loads(f"{text} = 0")))
