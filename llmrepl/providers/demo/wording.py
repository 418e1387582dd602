"""How answers are worded: names, numbers, sizes and foreign text in Markdown.

Text from files and messages stands in code spans and fences only, so that nothing in it can be
taken for a helper block or for markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmrepl.figures import counted

SHOWN = 12
"""How many names of a longer list an answer has."""

LONGEST_SPAN = 200
_KILO = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def code(text: str) -> str:
    """Return `text` as a code span of one line, with what cannot be printed escaped."""
    line = text if text.isprintable() else "".join(map(_printable, text))
    if len(line) > LONGEST_SPAN:
        line = line[:LONGEST_SPAN] + "…"
    ticks = _longer(line, 1)
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{edge}{line}{edge}{ticks}" if line else "``(empty)``"


def _printable(char: str) -> str:
    return char if char.isprintable() else repr(char)[1:-1]


def fenced(text: str, language: str = "") -> str:
    """Return `text` in a fence that nothing in it can end."""
    ticks = _longer(text, 3)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def _longer(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)


def names(items: Sequence[str], total: int | None = None) -> str:
    """Return `items` as a list of code spans; `total` is how many there are in truth."""
    shown = ", ".join(map(code, items[:SHOWN]))
    more = (len(items) if total is None else total) - min(len(items), SHOWN)
    return f"{shown} and {more} more" if more > 0 else shown


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `number` with its noun, in bold: **1 file**, **3 files**."""
    return f"**{number:,} {noun if number == 1 else plural or noun + 's'}**"


def listed(items: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def size(octets: int) -> str:
    """Return a number of bytes: 200 bytes, 3.1 kB, 1.2 MB."""
    if octets < _KILO:
        return counted(octets, "byte")
    power = next(power for power in (4, 3, 2, 1) if octets >= _KILO**power or power == 1)
    return f"{octets / _KILO**power:.1f} {_UNITS[power]}"


def number(text: str) -> str:
    """Return a number that Python printed as people write it: 36.0 is 36."""
    if re.fullmatch(r"-?[0-9]+", text):
        return (
            text if len(text) <= LONGEST_SPAN else f"{text[:40]}… ({len(text.lstrip('-'))} digits)"
        )
    try:
        return f"{float(text):.10g}"
    except ValueError:
        return text
