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
    spans: list[Span] = []
    styles = [style] if style else []
    link, linked_from = "", 0
    for child in token.children or ():
        match child.type:
            case "text":
                if child.content:
                    spans.append(Span(child.content, " ".join(styles), link))
            case "softbreak":
                spans.append(Span(" ", " ".join(styles), link))
            case "hardbreak":
                spans.append(Span("\n"))
            case "code_inline":
                spans.append(Span(child.content, " ".join([*styles, "code"]), link))
            case "link_open":
                target = str(child.attrs.get("href", ""))
                link = target if links and _TARGET.match(target) else ""
                linked_from = len(spans)
                styles.append("link")
            case "link_close":
                styles.remove("link")
                text = "".join(span.text for span in spans[linked_from:])
                if _untold(text, target, bool(link)):
                    spans += (Span(" "), Span(f"({target})", " ".join([*styles, "target"])))
                link = ""
            case "image":
                spans += _image(child, " ".join(styles))
            case kind if kind.endswith("_open"):
                styles.append(STYLES.get(kind.removesuffix("_open"), ""))
            case kind if kind.endswith("_close"):
                styles.remove(STYLES.get(kind.removesuffix("_close"), ""))
            case _:
                spans.append(Span(child.content, " ".join(styles), link))
    return spans


def _untold(text: str, target: str, linked: bool) -> bool:
    """Return whether the reader has to be shown where a link leads."""
    if text in (target, target.removeprefix("mailto:")):
        return False
    return not linked or _ADDRESS.search(text) is not None


def _image(token: Token, style: str) -> list[Span]:
    source = str(token.attrs.get("src", ""))
    spans = [Span(f"[image: {token.content}]", f"{style} emphasis".strip())]
    if source and not source.startswith("data:"):
        spans += (Span(" "), Span(f"({source})", f"{style} target".strip()))
    return spans
