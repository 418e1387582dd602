"""Finds `@path` in what a person wrote, and writes it. Pure.

A mention begins where a word could, so an address such as a@b.c is none; behind a backslash there
is none either. A path with spaces stands in quotes, or has a backslash before each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_MENTION = re.compile(
    r"(?<![\w\\@./+-])@"
    r'(?:"(?P<quoted>[^"\n]+)"|(?P<bare>(?:\\[^\n]|[^\s\\"\'`<>|])+))'
)
_ESCAPED = re.compile(r"\\([\s\\\"'`<>|@()&;])")
_NEEDS_QUOTES = re.compile(r"[\s\\\"'`<>|]|[.,;:!?)\]}]\Z")
_SPECIAL = re.compile(r"[\s\\\"'`<>|]")
_AFTER_A_SENTENCE = ".,;:!?)]}*_"
"""What ends a sentence and seldom a path."""

_BEGUN = re.compile(
    r"(?<![\w\\@./+-])@"
    r'(?:"(?P<quoted>[^"\n]*)|(?P<bare>(?:\\[^\n]|[^\s\\"\'`<>|])*))\Z'
)


class Mention(NamedTuple):
    """A place that may name a file.

    `paths` are the readings of it, the likeliest first, each with where it ends in the text: of
    `@a.py.` the path may be `a.py.` or `a.py`.
    """

    start: int
    paths: tuple[tuple[str, int], ...]


def mentions(text: str) -> Iterator[Mention]:
    """Yield the mentions in `text`, in their order."""
    for found in _MENTION.finditer(text):
        if found["quoted"] is not None:
            yield Mention(found.start(), ((found["quoted"], found.end()),))
            continue
        bare = found["bare"]
        readings = [bare]
        while bare and bare[-1] in _AFTER_A_SENTENCE:
            bare = bare[:-1]
            readings.append(bare)
        start = found.start("bare")
        paths = ((_ESCAPED.sub(r"\1", path), start + len(path)) for path in readings if path)
        yield Mention(found.start(), tuple(paths))


def mention(path: str) -> str:
    """Return the text that mentions `path`, which has no line break: in quotes where it needs them.

    A path with a quotation mark, which no quotes can hold, has backslashes instead.
    """
    if not _NEEDS_QUOTES.search(path):
        return f"@{path}"
    if '"' not in path:
        return f'@"{path}"'
    return "@" + _SPECIAL.sub(r"\\\g<0>", path)


def begun(before: str) -> tuple[str, int] | None:
    """Return the path that is being typed at the end of `before`, and where its `@` stands.

    Returns:
        None where the cursor is in no mention.
    """
    found = _BEGUN.search(before)
    if found is None:
        return None
    quoted = found["quoted"]
    path = _ESCAPED.sub(r"\1", found["bare"]) if quoted is None else quoted
    return path, found.start()
