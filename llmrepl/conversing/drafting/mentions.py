"""Finds `@path` in what a person wrote, and writes it. Pure.

A mention begins where a word could, so an address such as a@b.c is none; behind a backslash there
is none either. A path with spaces stands in quotes, or has a backslash before each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Patterns stay texts: the first prompt waits for none to be compiled.
_MENTION = (
    r"(?<![\w\\@./+-])@"
    r'(?:"(?P<quoted>[^"\n]+)"|(?P<bare>(?:\\[^\n]|[^\s\\"\'`<>|])+))'
)
_ESCAPED = r"\\([\s\\\"'`<>|@()&;])"
_NEEDS_QUOTES = r"[\s\\\"'`<>|]|[.,;:!?)\]}]\Z"
_SPECIAL = r"[\s\\\"'`<>|]"
_AFTER_A_SENTENCE = ".,;:!?)]}*_"
"""What ends a sentence and seldom a path."""

_BEGUN = (
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
    for found in re.finditer(_MENTION, text):
        if found["quoted"] is not None:
            yield Mention(found.start(), ((found["quoted"], found.end()),))
            continue
        bare = found["bare"]
        readings = [bare]
        while bare and bare[-1] in _AFTER_A_SENTENCE:
            bare = bare[:-1]
            readings.append(bare)
        start = found.start("bare")
        paths = ((re.sub(_ESCAPED, r"\1", path), start + len(path)) for path in readings if path)
        yield Mention(found.start(), tuple(paths))


def mention(path: str) -> str:
    """Return the text that mentions `path`, which has no line break: in quotes where it needs them.

    A path with a quotation mark, which no quotes can hold, has backslashes instead.
    """
    if not re.search(_NEEDS_QUOTES, path):
        return f"@{path}"
    if '"' not in path:
        return f'@"{path}"'
    return "@" + re.sub(_SPECIAL, r"\\\g<0>", path)


def begun(before: str) -> tuple[str, int] | None:
    """Return the path that is being typed at the end of `before`, and where its `@` stands.

    Returns:
        None where the cursor is in no mention.
    """
    found = re.search(_BEGUN, before)
    if found is None:
        return None
    quoted = found["quoted"]
    path = re.sub(_ESCAPED, r"\1", found["bare"]) if quoted is None else quoted
    return path, found.start()
