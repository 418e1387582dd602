"""Somebody's Markdown made harmless to a reader of Markdown: it swallows, runs and loads nothing.

Its last fence is closed, tags of HTML are shown as they were written, and an image becomes a link.
Code stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import groupby
from typing import Any

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_BACKTICKS = re.compile(r"\\.|`+", re.DOTALL)
_ACTIVE = re.compile(r"(\\*)(<(?=[A-Za-z/!?])|!(?=\[))")
_ANYWHERE = (("<", "&lt;"), ("![", "&#33;["))
Escape = Callable[[str], str]
TAGS = frozenset({"html_block", "html_inline", "image"})
"""Kinds of tokens that a reader of Markdown would obey."""


def tame(text: str) -> str:
    """Return Markdown that shows what `text` shows, and does nothing.

    Where it cannot be told what a reader would take for code, code is escaped as well.
    """
    text = text.strip("\n")
    tamed = _closed(text, _outside_code)
    if _is_tame(tamed):
        return tamed
    for active, shown in _ANYWHERE:
        text = text.replace(active, shown)
    return _closed(text, str)


def _closed(text: str, escape: Escape) -> str:
    """Return `text` with its last fence closed, and what stands outside of fences escaped."""
    fence = ""
    done: list[str] = []
    prose: list[str] = []
    for line in text.split("\n"):
        found = _FENCE.fullmatch(line)
        was, fence = fence, _following(fence, found)
        if was or fence:
            done += [*_paragraphs(prose, escape), line]
            prose = []
        else:
            prose.append(line)
    done += _paragraphs(prose, escape)
    return "\n".join([*done, fence] if fence else done)


def _following(fence: str, found: re.Match[str] | None) -> str:
    """Return the fence that is open behind a line: the one before it, a new one, or none."""
    if found is None:
        return fence
    run, rest = found.groups()
    if not fence:
        return "" if run[0] == "`" and "`" in rest else run
    return "" if run.startswith(fence) and not rest.strip() else fence


def _paragraphs(lines: list[str], escape: Escape) -> list[str]:
    """Return the lines escaped: code in backticks does not go on behind an empty line."""
    done: list[str] = []
    for filled, group in groupby(lines, key=lambda line: bool(line.strip())):
        found = list(group)
        done += escape("\n".join(found)).split("\n") if filled else found
    return done


def _outside_code(prose: str) -> str:
    """Return a paragraph with what is not in backticks escaped."""
    runs = [found for found in _BACKTICKS.finditer(prose) if found[0][0] == "`"]
    closings: list[int | None] = [None] * len(runs)
    nearest: dict[int, int] = {}
    for number in range(len(runs) - 1, -1, -1):
        length = len(runs[number][0])
        closings[number] = nearest.get(length)
        nearest[length] = number
    done, at, number = "", 0, 0
    while number < len(runs):
        closing = closings[number]
        if closing is not None:
            done += _ACTIVE.sub(_escaped, prose[at : runs[number].start()])
            at = runs[closing].end()
            done += prose[runs[number].start() : at]
        number = (number if closing is None else closing) + 1
    return done + _ACTIVE.sub(_escaped, prose[at:])


def _escaped(found: re.Match[str]) -> str:
    backslashes, active = found.groups()
    return found[0] if len(backslashes) % 2 else f"{backslashes}\\{active}"


def _is_tame(text: str) -> bool:
    """Say whether a reader that knows HTML finds none, and no image."""
    tokens = [part for token in _reader().parse(text) for part in (token, *(token.children or ()))]
    return not any(token.type in TAGS for token in tokens)


@cache
def _reader() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])
