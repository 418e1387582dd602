"""Text with SGR colours as prompt-toolkit takes it: runs of one style, not single characters."""

from __future__ import annotations

import re
from functools import cache

from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples, to_formatted_text

_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_COMMANDS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x07")


def visible(text: str) -> str:
    """Return `text` without what commands the terminal: colours, titles, links, bells."""
    return _COMMANDS.sub("", text)


def fragments(text: str) -> StyleAndTextTuples:
    """Return `text` in runs of one style. Colours hold until they are reset."""
    runs: StyleAndTextTuples = []
    codes = ""
    for at, piece in enumerate(_SGR.split(text)):
        if at % 2:
            codes = "" if piece in ("", "0") else f"{codes};{piece}".lstrip(";")
        elif piece := visible(piece):
            runs.append((_style(codes), piece))
    return runs


@cache
def _style(codes: str) -> str:
    return to_formatted_text(ANSI(f"\x1b[{codes}mx"))[0][0] if codes else ""
