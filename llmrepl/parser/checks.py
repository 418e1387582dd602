"""Whether code compiles: what tells the closing tag from a line of code that looks like one.

Checks look at text of any size and shape. They are bounded, in one source and in one message, and
none of them can crash or stall the process.
"""

from __future__ import annotations

import json
import warnings
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_ONLY_AST
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

Check = Callable[[str], str]
"""Returns "" when the source compiles, else a one-line problem."""

MESSAGE_BUDGET = 1024 * 1024
"""How much may be checked in one message, in characters; CPython reads the worst at 0.2 MB/s."""

CHECK_PRICE = 4096
"""What a check costs beyond its characters; a check may start a process."""

MOST_READINGS = 64
"""How many lines that may end a piece of code are checked, closing tags and fences each."""

LONGEST_PYTHON = 128 * 1024
"""Longest source `check_python` looks at, in characters."""

MOST_DOTS = 1_000
"""Dots in a logical line of Python: CPython reads `import a.a.a…` in quadratic time and space."""

MOST_BRACES = 200_000_000
"""Opening braces times characters: CPython 3.11 reads f-strings in quadratic time."""

UNCHECKED = "too much to check in one message"
"""What a `Checker` says of a source it did not look at."""


class Checker:
    """Checks sources by language until the message's budget is spent.

    Args:
        checks: by language; whatever has none always compiles.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._budget = MESSAGE_BUDGET

    def problem(self, language: str, source: StringIO) -> str:
        """Return "" if `source` compiles, else what is wrong, in one line."""
        check = self._checks.get(language)
        if check is None:
            return ""
        price = source.tell() + CHECK_PRICE
        if price > self._budget:
            return UNCHECKED
        self._budget -= price
        return check(source.getvalue())


def check_python(source: str) -> str:
    """Return "" if `source` parses as Python with top-level await, else what is wrong, in one line.

    Only CPython's parser runs: its compiler proper overflows the stack on a long comprehension and
    takes exponential time on nested `finally`. So an error such as `return` outside a function is
    not seen here; no line that could follow would mend it.
    """
    if len(source) > LONGEST_PYTHON or _is_dense(source):
        return f"too long or too dense to check ({len(source)} characters)"
    flags = PyCF_ALLOW_TOP_LEVEL_AWAIT | PyCF_ONLY_AST
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<helpers>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return one_line(f"{error.msg} (line {error.lineno or 1})")
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        return one_line(f"{type(error).__name__}: {error}")
    return ""


def _is_dense(source: str) -> bool:
    """Return whether CPython may read `source` in quadratic time."""
    lines = source.replace("\r", "").replace("\\\n", "").split("\n")
    dots = max(line.count(".") for line in lines)
    return dots > MOST_DOTS or source.count("{") * len(source) > MOST_BRACES


def check_json(source: str) -> str:
    """Return "" if `source` is JSON, else what is wrong, in one line."""
    return read_json(source)[1]


def read_json(source: str) -> tuple[Any, str]:
    """Return the value of `source`, and "" or why it is not JSON, in one line."""
    try:
        return json.loads(source, parse_constant=_refuse_constant), ""
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return None, one_line(f"this is not JSON: {error.msg} ({where})")
    except (ValueError, RecursionError) as error:
        return None, one_line(f"this is not JSON: {error}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def one_line(text: str) -> str:
    """Return `text` without line breaks and idle white space."""
    return " ".join(text.split())
