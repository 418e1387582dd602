"""Colour for the terminal, and code highlighting; plain text where there is no colour."""

from __future__ import annotations

from collections.abc import Mapping

_DARK = {
    "dim": "2",
    "bold": "1",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}
CODES: Mapping[str, Mapping[str, str]] = {
    "dark": _DARK,
    "light": {**_DARK, "dim": "90", "yellow": "35", "cyan": "34"},
    "contrast": {
        **dict.fromkeys(("bold", "blue", "cyan"), "1"),
        "red": "1;91",
        "green": "1;92",
        "yellow": "1;93",
    },
    "none": {},
}
"""What a style looks like in each theme, in SGR codes; others look like nothing."""

_LEXERS = {"python": "python", "bash": "bash", "tool": "json"}
_COLOURED = frozenset({"dark", "light"})
"""Themes in which code has colours."""


class Paint:
    """Wraps text in SGR colours, or leaves it alone.

    Args:
        theme: a name in `CODES`; others mean `dark`.
    """

    def __init__(self, theme: str) -> None:
        self.theme = theme if theme in CODES else "dark"
        self._codes = CODES[self.theme]

    def __call__(self, text: str, style: str) -> str:
        """Return `text` in a style."""
        codes = self._codes.get(style)
        return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text

    def code(self, source: str, language: str) -> str:
        """Return `source` highlighted, without a final newline."""
        if self.theme not in _COLOURED or language not in _LEXERS:
            return source.rstrip("\n")
        from pygments import highlight
        from pygments.formatters.terminal import TerminalFormatter
        from pygments.lexers import get_lexer_by_name

        lexer = get_lexer_by_name(_LEXERS[language], stripnl=False)
        painted: str = highlight(source, lexer, TerminalFormatter(bg=self.theme))
        return painted.rstrip("\n")
