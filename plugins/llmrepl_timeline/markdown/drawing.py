"""From Markdown's blocks to lines. How a block is drawn depends on nothing that comes after it.

So a list's marks are as wide as each one is, and a blank line stands where the source has one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmrepl_timeline.code import Highlighter
from llmrepl_timeline.lines import Line, Span, fold, indented, line, wrap
from llmrepl_timeline.markdown.inline import inline
from llmrepl_timeline.markdown.parsing import begin, is_blank, parse, siblings
from llmrepl_timeline.markdown.tables import table_of

if TYPE_CHECKING:
    from markdown_it.token import Token

LEAST = 12
"""Cells that indentation leaves for text; where less would be left, nothing is indented further."""

RULE = 80
BULLETS = "•◦▪"
CODE_INDENT = "  "


@dataclass(frozen=True)
class Look:
    """How wide a text is drawn, how deep in lists it is, and whether the terminal shows links.

    `words` does without rules and boxes, which a screen reader would read out.
    """

    width: int
    links: bool = False
    depth: int = 0
    words: bool = False

    def within(self, first: Span, others: str) -> tuple[Look, Line, Line]:
        """Return the look of what stands behind a mark, and what its lines begin with."""
        room = self.width - len(others)
        if room < LEAST:
            return self, (), ()
        return replace(self, width=room), (first,), (first._replace(text=others),)


def draw(text: str, look: Look) -> list[Line]:
    """Return the lines of a whole text, which must be safe to show."""
    complete = text if text.endswith("\n") else text + "\n"
    return draw_blocks(parse(complete), complete.split("\n"), look)


def draw_blocks(blocks: list[list[Token]], source: list[str], look: Look) -> list[Line]:
    """Return the lines of blocks that lie next to each other."""
    lines: list[Line] = []
    for block in blocks:
        if block is not blocks[0] and is_blank(source[begin(block) - 1]):
            lines.append(())
        lines += draw_block(block, source, look)
    return lines


def draw_block(block: list[Token], source: list[str], look: Look) -> list[Line]:
    """Return the lines of one block."""
    opening = block[0]
    match opening.type:
        case "paragraph_open":
            return wrap(inline(block[1], links=look.links), look.width)
        case "heading_open":
            style = "title" if opening.tag in ("h1", "h2") else "strong"
            mark = Span("#" * int(opening.tag[1]) + " ", "mark")
            return wrap([mark, *inline(block[1], style, links=look.links)], look.width)
        case "hr":
            return [()] if look.words else [line("─" * min(look.width, RULE), "frame")]
        case "fence" | "code_block":
            return code_lines(fence_body(opening), Highlighter(language_of(opening)), look)
        case "blockquote_open":
            mark = Span("> " if look.words else "▌ ", "quote")
            inner, first, others = look.within(mark, mark.text)
            return indented(draw_blocks(siblings(block[1:-1]), source, inner), first, others)
        case "bullet_list_open" | "ordered_list_open":
            return draw_items(siblings(block[1:-1]), source, look, first_number(opening))
        case "table_open":
            table, rows = table_of(block, links=look.links, listed=look.words)
            lines = table.head(look.width)
            for row in rows:
                lines += table.row(row, look.width)
            return lines
        case _:
            return wrap([Span(token.content) for token in block if token.content], look.width)


def first_number(opening: Token) -> int | None:
    """Return the number of a list's first item, None for a list without numbers."""
    if opening.type == "bullet_list_open":
        return None
    return int(opening.attrs.get("start", 1))


def draw_items(
    items: list[list[Token]], source: list[str], look: Look, number: int | None
) -> list[Line]:
    """Return the lines of a list's items, the first of which has `number`."""
    lines: list[Line] = []
    for at, item in enumerate(items):
        if at and is_blank(source[begin(item) - 1]):
            lines.append(())
        bullet = "-" if look.words else BULLETS[look.depth % len(BULLETS)]
        mark = f"{bullet} " if number is None else f"{number + at}. "
        inner, first, others = look.within(Span(mark, "mark"), " " * len(mark))
        inner = replace(inner, depth=look.depth + 1)
        drawn = draw_blocks(siblings(item[1:-1]), source, inner) or [()]
        if not first:
            lines.append((Span(mark, "mark"),))
        lines += indented(drawn, first, others)
    return lines


def language_of(fence: Token) -> str:
    """Return the language that a fence names, if it does."""
    return next(iter(fence.info.split()), "")


def fence_body(token: Token) -> list[str]:
    """Return the lines of code in a fence, closed or not, or in an indented block."""
    return token.content.removesuffix("\n").split("\n") if token.content else []


def code_lines(body: list[str], highlighter: Highlighter, look: Look) -> list[Line]:
    """Return lines of code, indented; one that is too long goes on below."""
    indent = () if look.width < LEAST else (Span(CODE_INDENT),)
    width = look.width - len(CODE_INDENT) * len(indent)
    lines: list[Line] = []
    for text in body:
        rows = fold(highlighter.line(text), width)
        lines += ((*indent, *row) if row else () for row in rows)
    return lines
