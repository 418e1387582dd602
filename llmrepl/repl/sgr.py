"""Text with SGR colours: as prompt-toolkit takes it, as it is seen, and as rows on the screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from prompt_toolkit.data_structures import Point
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples, to_formatted_text

_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_COMMANDS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x07")


def visible(text: str) -> str:
    """Return `text` without what commands the terminal: colours, titles, links, bells."""
    return _COMMANDS.sub("", text)


def painted(text: str) -> str:
    """Return `text` with its colours and without anything else that commands the terminal."""
    return "".join(
        f"\x1b[{piece}m" if at % 2 else visible(piece) for at, piece in enumerate(_SGR.split(text))
    )


def rewritten(before: Sequence[str], after: Sequence[str], cursor: Point) -> str:
    """Return what turns the rows `before` into `after`, and leaves the cursor where it was.

    Args:
        before: rows as they are on the screen, each narrower than it.
        after: as many rows as before.
        cursor: where it is, counted from the first of the rows.
    """
    written, at = "", cursor.y
    for row, text in enumerate(after):
        if text != before[row]:
            written += f"\r{_moved(row - at)}{text}\x1b[0m\x1b[K"
            at = row
    if written:
        written += f"\r{_moved(cursor.y - at)}" + (f"\x1b[{cursor.x}C" if cursor.x else "")
    return written


def _moved(rows: int) -> str:
    return f"\x1b[{abs(rows)}{'B' if rows > 0 else 'A'}" if rows else ""


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
