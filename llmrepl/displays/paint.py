"""Colour for the terminal, and code highlighting; plain text where there is no colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

_CODES = {
    "dim": "2",
    "bold": "1",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}
_LEXERS = {"python": "python", "bash": "bash", "tool": "json"}


class Paint:
    """Wraps text in SGR colours, or leaves it alone.

    Args:
        colour: whether colours may be used.
    """

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour

    @classmethod
    def for_stream(cls, stream: TextIO, environ: Mapping[str, str]) -> Paint:
        """Return the paint that suits `stream`: colour on a terminal without NO_COLOR."""
        plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
        return cls(colour=stream.isatty() and not plain)

    def __call__(self, text: str, *styles: str) -> str:
        """Return `text` in the given styles."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[s] for s in styles)}m{text}\x1b[0m"

    def code(self, source: str, language: str) -> str:
        """Return `source` highlighted, without a final newline."""
        if not self.colour or language not in _LEXERS:
            return source.rstrip("\n")
        from pygments import highlight
        from pygments.formatters.terminal import TerminalFormatter
        from pygments.lexers import get_lexer_by_name

        lexer = get_lexer_by_name(_LEXERS[language], stripnl=False)
        painted: str = highlight(source, lexer, TerminalFormatter())
        return painted.rstrip("\n")
