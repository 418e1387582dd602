"""Inline Markdown: from the tokens of a paragraph to spans."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmrepl_timeline.lines import Span

if TYPE_CHECKING:
    from markdown_it.token import Token

STYLES = {"strong": "strong", "em": "emphasis", "s": "strike"}
"""Styles by what a token that opens one is called."""

LONGEST = 32_768
"""Characters of a paragraph from which on it is shown as it was written."""

_TARGET = re.compile(r"(?:https?|ftp|mailto):[!-~]{1,2000}\Z", re.IGNORECASE)
_ADDRESS = re.compile(r"://|\bwww\.|@\w")


def inline(token: Token, style: str = "", *, links: bool = False) -> list[Span]:
    """Return the spans of an inline token; a newline in one ends a line.

    Args:
        token: the token.
        style: what all of it is drawn in.
        links: whether the terminal shows links; otherwise the target is written out.
    """
    if len(token.content) > LONGEST:
        return [Span(token.content, style)]
    walk = _Walk(style, links=links)
    for child in token.children or ():
        walk.take(child)
    return walk.spans


class _Walk:
    """The spans so far, and the styles and the link that hold now."""

    def __init__(self, style: str, *, links: bool) -> None:
        self.spans: list[Span] = []
        self._styles = [style] if style else []
        self._links = links
        self._link = self._target = ""
        self._linked_from = 0

    def take(self, token: Token) -> None:
        """Take in the next token."""
        match token.type:
            case "softbreak":
                self._add(" ")
            case "hardbreak":
                self.spans.append(Span("\n"))
            case "code_inline":
                self._add(token.content, "code")
            case "link_open":
                self._open_link(str(token.attrs.get("href", "")))
            case "link_close":
                self._close_link()
            case "image":
                self._image(token)
            case _ if token.nesting > 0:
                self._styles.append(STYLES[token.tag])
            case _ if token.nesting < 0:
                self._styles.remove(STYLES[token.tag])
            case _:
                self._add(token.content)

    def _add(self, text: str, *styles: str) -> None:
        if text:
            self.spans.append(Span(text, " ".join((*self._styles, *styles)), self._link))

    def _open_link(self, target: str) -> None:
        self._target = target
        self._link = target if self._links and _TARGET.match(target) else ""
        self._linked_from = len(self.spans)
        self._styles.append("link")

    def _close_link(self) -> None:
        self._styles.remove("link")
        linked, self._link = bool(self._link), ""
        text = "".join(span.text for span in self.spans[self._linked_from :])
        if _untold(text, self._target, linked=linked):
            self._add(" ")
            self._add(f"({self._target})", "target")

    def _image(self, token: Token) -> None:
        self._add(f"[image: {token.content}]", "emphasis")
        source = str(token.attrs.get("src", ""))
        if source and not source.startswith("data:"):
            self._add(" ")
            self._add(f"({source})", "target")


def _untold(text: str, target: str, *, linked: bool) -> bool:
    """Return whether the reader has to be shown where a link leads."""
    if text in (target, target.removeprefix("mailto:")):
        return False
    return not linked or _ADDRESS.search(text) is not None
