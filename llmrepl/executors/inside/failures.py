"""Tracebacks as the author of a block wants them: the block's own lines, and nothing of ours."""

from __future__ import annotations

import os
import traceback
from typing import Iterator, Set

from .frames import Message

MAX_ERROR = 1 << 16
"""Most characters of a traceback."""

_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_AGENT = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PACKAGES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


def describe(error: BaseException) -> Message:
    """Return `error` as the kernel reports it: `kind`, `errno`, `message`, `error`, `exit`."""
    told = traceback.TracebackException(type(error), error, error.__traceback__)
    for part in _chain(told):
        part.stack[:] = [frame for frame in part.stack if not _is_foreign(frame.filename)]
    lines = told.format() if told.stack else told.format_exception_only()
    text = "".join(lines).rstrip("\n")
    if len(text) > MAX_ERROR:
        half = MAX_ERROR // 2
        text = "%s\n[... %d characters cut here ...]\n%s" % (
            text[:half],
            len(text) - 2 * half,
            text[-half:],
        )
    number = error.errno if isinstance(error, OSError) else None
    return {
        "exit": 1,
        "kind": type(error).__name__,
        "errno": number if isinstance(number, int) else None,
        "message": _first_line(told, type(error).__name__),
        "error": text,
    }


def _chain(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """Yield the exception, its causes and contexts, and the members of groups."""
    seen: Set[int] = set()
    waiting = [told]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting += [other for other in (part.__cause__, part.__context__) if other is not None]
        waiting += getattr(part, "exceptions", None) or []


def _is_foreign(filename: str) -> bool:
    return filename.startswith((_LIBRARY, _AGENT, "<frozen ")) or any(
        name in filename for name in _PACKAGES
    )


def _first_line(told: traceback.TracebackException, kind: str) -> str:
    """Return the line that names the exception: the caret of a SyntaxError comes before it."""
    lines = "".join(told.format_exception_only()).strip().splitlines()
    named = (line for line in lines if kind in line.partition(":")[0])
    return next(named, lines[-1] if lines else kind)[:500]
