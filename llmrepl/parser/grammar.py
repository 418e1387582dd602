"""The tags and fences of helper blocks, one line at a time; `<helper>` is taken for `<helpers>`.

The functions named `may_…` take a line that may still go on. If one of them says no to the
beginning of a line, no continuation of it is what they look for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

LANGUAGES = {
    "python": "python",
    "python3": "python",
    "py": "python",
    "bash": "bash",
    "sh": "bash",
    "shell": "bash",
    "tool": "tool",
    "json": "tool",
}
"""What a `lang` attribute or a fence may say, in any case, and the language it means."""

LONGEST_TAG_LINE = 200
"""A longer line, blanks included, neither closes a block nor closes a fence in one."""

LONGEST_FENCE = 100
"""More backticks or tildes open no fence in a block."""

MOST_INDENT = 3
"""Spaces before a tag or a fence; one more is an indented code block in Markdown."""

Certainty = Literal["text", "open", "held"]
"""Of a line so far: surely text; open until there is more of it; held back to its end."""

BLANK = " \t\r"

SINGLE_LINE = (
    "a block on a single line does not run;"
    " write <helpers>, the code and </helpers> each on lines of their own"
)
SELF_CLOSED = (
    "<helpers/> holds no code; write <helpers>, the code and </helpers> each on lines of their own"
)

_FORM = 'write <helpers>, or <helpers lang="bash" timeout="20">, alone on its line'
_OPENING = re.compile(r" {0,3}<helpers?(?=[\s/>]|\Z)", re.ASCII | re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""[ \t]+([a-z][\w-]*)[ \t]*=[ \t]*(?:"([^"]*)"|'([^']*)'|([^\s"'<>=`/]+))""",
    re.ASCII | re.IGNORECASE,
)
_OPENING_LAST = re.compile(r"<helpers?(?:[ \t][^<>]*)?>[ \t\r]*\Z", re.ASCII | re.IGNORECASE)
_OPENING_END = re.compile(r"[ \t]*>[ \t\r]*\Z")
_SELF_CLOSING = re.compile(r"[^>]*/[ \t]*>[ \t\r]*\Z")
_CLOSING = re.compile(r"[ \t]*</helpers?[ \t]*>[ \t\r]*", re.ASCII | re.IGNORECASE)
_SECONDS = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Opening:
    """What an opening tag says; `timeout` in seconds; a `problem` refuses the whole block."""

    language: str = "python"
    timeout: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Fence:
    """The opening line of a code fence: `length` times `mark`, and the first word after it."""

    mark: str
    length: int
    word: str

    def may_close(self, line: str) -> bool:
        """Return whether `line`, which may still go on, could be the fence's closing line."""
        return len(line) <= LONGEST_TAG_LINE and not line.strip(BLANK).strip(self.mark)

    def closes(self, line: str) -> bool:
        """Return whether the complete `line` is the fence's closing line."""
        return self.may_close(line) and len(line.strip(BLANK)) >= self.length


def looks_like_opening(line: str) -> bool:
    """Return whether `line` begins as an opening tag does, well formed or not."""
    return _OPENING.match(line) is not None


def ends_with_opening(line: str) -> bool:
    """Return whether a whole opening tag is the last thing on `line`."""
    return _OPENING_LAST.search(line) is not None


def refuse_opening(line: str) -> str:
    """Return why `line`, which looks like an opening tag, is only text; "" if it opens a block."""
    if "</helper" in line.lower():
        return SINGLE_LINE
    return SELF_CLOSED if _SELF_CLOSING.match(line) else ""


def read_opening(line: str) -> Opening:
    """Return what `line`, which looks like an opening tag, says, with a problem if it is wrong."""
    tag = _OPENING.match(line)
    at = tag.end() if tag else 0
    opening, seen = Opening(), set[str]()
    while attribute := _ATTRIBUTE.match(line, at):
        at = attribute.end()
        name = attribute[1].lower()
        name = "lang" if name == "language" else name
        if name in seen:
            return replace(opening, problem=f"{name[:40]} is given twice; {_FORM}")
        seen.add(name)
        value = attribute[2] or attribute[3] or attribute[4] or ""
        opening = _READERS.get(name, _read_unknown)(opening, name, value.strip())
    if not _OPENING_END.match(line, at):
        return replace(opening, problem=f"the opening tag is malformed or not alone; {_FORM}")
    return opening


def _read_language(opening: Opening, _: str, value: str) -> Opening:
    language = LANGUAGES.get(value.lower(), value.lower())
    if language not in LANGUAGES.values():
        form = 'write lang="python", lang="bash" or lang="tool"'
        problem = f"{value[:40]!r} is not a language that runs here; {form}"
        return replace(opening, language=language, problem=opening.problem or problem)
    return replace(opening, language=language)


def _read_timeout(opening: Opening, _: str, value: str) -> Opening:
    seconds = float(value) if _SECONDS.fullmatch(value) else 0.0
    if seconds > 0 and isfinite(seconds):
        return replace(opening, timeout=seconds)
    problem = f'timeout {value[:40]!r} is not a number of seconds above 0; write timeout="20"'
    return replace(opening, problem=opening.problem or problem)


def _read_unknown(opening: Opening, name: str, _: str) -> Opening:
    accepted = 'accepted are lang="python", "bash" or "tool" and timeout="20" in seconds'
    problem = f"unknown attribute {name[:40]!r}; {accepted}"
    return replace(opening, problem=opening.problem or problem)


_READERS = {"lang": _read_language, "timeout": _read_timeout}


def is_closing(line: str) -> bool:
    """Return whether the complete `line` is a closing tag alone."""
    return len(line) <= LONGEST_TAG_LINE and _CLOSING.fullmatch(line) is not None


def is_part_of_closing(line: str) -> bool:
    """Return whether `line` is blank or the beginning of a closing tag, not all of it."""
    return "</helpers".startswith(line.strip(BLANK).lower())


def may_close(line: str) -> bool:
    """Return whether `line`, which may still go on, could be a closing tag alone."""
    return len(line) <= LONGEST_TAG_LINE and (is_part_of_closing(line) or is_closing(line))


def may_open_fence(line: str) -> bool:
    """Return whether `line`, which may still go on, could open a fence in a block."""
    text = line.lstrip(" ")
    start = text[:3]
    few = len(line) - len(text) <= MOST_INDENT
    return few and (start == "`" * len(start) or start == "~" * len(start))


def read_fence(line: str) -> Fence | None:
    """Return the code fence that `line` opens in a block, or None."""
    match = _FENCE.match(line)
    if match is None or len(match[1]) > LONGEST_FENCE:
        return None
    mark, info = match[1][0], match[2].split(maxsplit=1)
    if mark == "`" and "`" in match[2]:
        return None  # inline code
    return Fence(mark, len(match[1]), info[0].lower() if info else "")
