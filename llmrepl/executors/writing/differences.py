"""Unified diffs of files that nobody may trust: bounded in size and in the time they take."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmrepl.sanitise import clean

MAX_FILE = 1 << 20
"""Bytes of a file beyond which no diff is made."""

MAX_COMPARED = 1000
"""Lines on either side beyond which they are not compared one by one: comparing is quadratic."""

CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """How two contents differ: lines added and removed, None where they are no text."""

    added: int | None
    removed: int | None
    text: str


def difference(path: str, before: bytes | None, after: bytes | None) -> Difference:
    """Return how `path` changed; None stands for no file.

    The text is a unified diff that `patch -p1` understands, "" where the content is no text.
    """
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        return Difference(None, None, "")
    name = shown(path)
    head = [
        "--- /dev/null" if before is None else f"--- a/{name}",
        "+++ /dev/null" if after is None else f"+++ b/{name}",
    ]
    body = list(_hunks(old, new))
    added = sum(line.startswith("+") for line in body)
    removed = sum(line.startswith("-") for line in body)
    return Difference(added, removed, "\n".join([*head, *body]) + "\n" if body else "")


def shown(path: str) -> str:
    """Return a path as one safe line, whatever bytes are in it."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(map(_visible, text))


def cut(text: str, most: int) -> str:
    """Return `text`, shortened to about `most` characters at the end of a line."""
    if len(text) <= most:
        return text
    kept = text[:most].rpartition("\n")[0]
    left = text.count("\n") - kept.count("\n")
    return f"{kept}\n[... {left} more lines]\n"


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


def _lines(content: bytes | None) -> list[str] | None:
    if content is None:
        return []
    if len(content) > MAX_FILE or b"\0" in content:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "\n\\ No newline at end of file"
    else:
        lines.pop()
    return lines


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the hunks. What is equal at both ends is left out of the comparison."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    most = min(len(old), len(new)) - start
    while end < most and old[-1 - end] == new[-1 - end]:
        end += 1
    before, after = max(0, start - CONTEXT), max(0, end - CONTEXT)
    left, right = old[before : len(old) - after], new[before : len(new) - after]
    if left == right:
        return
    if max(len(left), len(right)) > MAX_COMPARED:
        kept, rest = left[: start - before], left[len(left) - (end - after) :]
        gone = left[len(kept) : len(left) - len(rest)]
        come = right[len(kept) : len(right) - len(rest)]
        yield f"@@ -{_range(before, len(left))} +{_range(before, len(right))} @@"
        for mark, lines in ((" ", kept), ("-", gone), ("+", come), (" ", rest)):
            yield from (mark + clean(line) for line in lines)
        return
    for group in difflib.SequenceMatcher(None, left, right).get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        yield (
            f"@@ -{_range(before + first[1], last[2] - first[1])}"
            f" +{_range(before + first[3], last[4] - first[3])} @@"
        )
        for tag, i, j, k, m in group:
            if tag == "equal":
                yield from (" " + clean(line) for line in left[i:j])
                continue
            yield from ("-" + clean(line) for line in left[i:j])
            yield from ("+" + clean(line) for line in right[k:m])


def _range(start: int, length: int) -> str:
    begin = start if length == 0 else start + 1
    return str(begin) if length == 1 else f"{begin},{length}"
