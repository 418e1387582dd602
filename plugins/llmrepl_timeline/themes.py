"""Themes: what each style looks like, as one table of SGR codes per theme.

Painting is the only way to the terminal, and lets no character through that would command it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmrepl.sanitise import clean
from llmrepl_timeline.lines import TAB, Line, Span

_SHAPES = {
    "strong": "1",
    "emphasis": "3",
    "strike": "9",
    "title": "1;4",
    "link": "4",
}

THEMES: Mapping[str, Mapping[str, str]] = {
    "dark": {
        **_SHAPES,
        "prompt": "1",
        "dim": "2",
        "frame": "2",
        "comment": "2",
        "target": "2",
        "place": "36",
        "mark": "36",
        "quote": "36",
        "call": "36",
        "code": "36",
        "name": "94",
        "keyword": "35",
        "builtin": "36",
        "string": "32",
        "number": "33",
        "added": "32",
        "removed": "31",
        "ok": "32",
        "bad": "31",
        "warn": "33",
    },
    "light": {
        **_SHAPES,
        "prompt": "1",
        "dim": "90",
        "frame": "90",
        "comment": "90",
        "target": "90",
        "mark": "34",
        "quote": "34",
        "call": "34",
        "code": "34",
        "name": "34",
        "place": "34",
        "keyword": "35",
        "builtin": "36",
        "string": "32",
        "number": "31",
        "added": "32",
        "removed": "31",
        "ok": "32",
        "bad": "31",
        "warn": "35",
    },
    "contrast": {
        **_SHAPES,
        "prompt": "1",
        "mark": "1",
        "quote": "1",
        "call": "1",
        "code": "1",
        "keyword": "1",
        "added": "1;92",
        "removed": "1;91",
        "ok": "1;92",
        "bad": "1;91",
        "warn": "1;93",
    },
    "none": {},
}
"""What a style is called, and its codes; what a theme does not name is not set off."""


class Painter:
    """Turns lines into what the terminal is sent.

    Args:
        theme: a name in `THEMES`; others mean `dark`.
        links: whether the terminal shows links.
    """

    def __init__(self, theme: str, *, links: bool = False) -> None:
        self.theme = theme
        self._codes = THEMES.get(theme, THEMES["dark"])
        self._links = links
        self._known: dict[str, str] = {"": ""}

    def like(self, theme: str) -> Painter:
        """Return a painter with another theme."""
        return Painter(theme, links=self._links)

    def paint(self, lines: Iterable[Line]) -> list[str]:
        """Return `lines` as text with control sequences, and none but these."""
        return ["".join(map(self._paint, spans)) for spans in lines]

    def _paint(self, span: Span) -> str:
        text, style, link = span
        if not text.isprintable():
            text = clean(text.expandtabs(TAB)).replace("\n", " ")
        codes = self._known.get(style)
        if codes is None:
            found = (self._codes.get(name, "") for name in style.split())
            codes = self._known[style] = ";".join(filter(None, found))
        if codes and text:
            text = f"\x1b[{codes}m{text}\x1b[0m"
        if link and self._links and link.isascii() and link.isprintable():
            text = f"\x1b]8;;{link}\x1b\\{text}\x1b]8;;\x1b\\"
        return text
