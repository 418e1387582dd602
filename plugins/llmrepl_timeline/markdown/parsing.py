"""Markdown's blocks: CommonMark and tables, without what only later text could decide.

References such as `[x][y]` stay as they are written, for their definitions may come at the end.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

NESTING = 40
"""How deep blocks lie in each other before the rest is left out."""

_BLANK = re.compile(r"[ \t>]*\Z")


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING})
    return parser.enable(["table", "strikethrough"]).disable("reference")


def parse(source: str) -> list[list[Token]]:
    """Return the tokens of `source`, those of each top-level block together."""
    return siblings(_parser().parse(source))


def siblings(tokens: list[Token]) -> list[list[Token]]:
    """Return `tokens` split into the blocks that lie next to each other."""
    groups: list[list[Token]] = []
    depth = begun = 0
    for at, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            groups.append(tokens[begun : at + 1])
            begun = at + 1
    return groups


def begin(block: list[Token]) -> int:
    """Return the index of the source line that `block` begins in."""
    assert block[0].map is not None
    return block[0].map[0]


def is_blank(source_line: str) -> bool:
    """Return whether nothing but the marks of quotes stands in a line of the source."""
    return _BLANK.match(source_line) is not None
