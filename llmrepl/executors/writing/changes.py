"""What blocks changed in their copy of the project: found from the upper directory alone."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from llmrepl.executors.files.tree import Entry, Stamp, look, open_file, read, target_of, walk
from llmrepl.executors.walls.hidden import is_secret
from llmrepl.executors.writing.differences import MAX_FILE, cut, difference, shown

MAX_HASHED = 16 << 20
"""Bytes of a file beyond which its size and time stand for its content."""

MAX_EXPANDED = 10_000
"""Most names that are listed of a deleted directory."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs between the blocks' copy and the project.

    `kind` is added, changed or deleted; `what` is file, link, directory, or other for what cannot
    be applied; `added` and `removed` count lines, None where there are none to count.
    """

    path: str
    kind: str
    what: str
    added: int | None = None
    removed: int | None = None

    def __str__(self) -> str:
        counts = [
            f"{mark}{count}" for mark, count in (("+", self.added), ("-", self.removed)) if count
        ]
        slash = "/" if self.what == "directory" else ""
        return " ".join([LETTERS[self.kind], shown(self.path) + slash, *counts])


LETTERS = {"added": "A", "changed": "M", "deleted": "D"}


@dataclass(frozen=True, slots=True)
class Base:
    """What stood in the project when a block first touched a path.

    `sure` is False where somebody wrote it while that block ran.
    """

    stamp: Stamp | None
    digest: str
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """A change with what stands on either side."""

    change: Change
    lower: Entry | None
    upper: Entry | None


def compare(
    lower: Path, upper: Path, below: str = "", *, deep: bool = True
) -> Iterator[Difference]:
    """Yield how the copy differs from the project, from what is in `upper` alone.

    Args:
        lower: the project.
        upper: its overlay's upper directory, unveiled.
        below: a path in it; "" for all.
        deep: whether to look into the directory that stands there.
    """
    entry = look(upper, below) if below else None
    entries = walk(upper, below) if deep else iter(())
    if entry is not None:
        entries = itertools.chain([(below, entry)], entries)
    for path, above in entries:
        under = look(lower, path)
        if above.kind == "whiteout":
            yield from _gone(lower, path, under)
        elif under is None:
            yield _difference(path, "added", None, above)
        elif under.kind != above.kind:
            yield from _gone(lower, path, under)
            yield _difference(path, "added", None, above)
        elif under.mode != above.mode or not _same(lower, upper, path, under, above):
            yield _difference(path, "changed", under, above)


def _difference(path: str, kind: str, lower: Entry | None, upper: Entry | None) -> Difference:
    standing = upper or lower
    assert standing is not None
    return Difference(Change(path, kind, standing.kind), lower, upper)


def _gone(lower: Path, path: str, entry: Entry | None) -> Iterator[Difference]:
    if entry is None:
        return
    if entry.kind == "directory":
        found = [each for each, _ in zip(walk(lower, path), range(MAX_EXPANDED), strict=False)]
        for inner, what in reversed(found):
            yield _difference(inner, "deleted", what, None)
    yield _difference(path, "deleted", entry, None)


def _same(lower: Path, upper: Path, path: str, under: Entry, above: Entry) -> bool:
    if above.kind == "directory":
        return True
    if above.kind == "other":
        return False
    try:
        if above.kind == "link":
            return target_of(lower, path) == target_of(upper, path)
        return under.size == above.size and _same_bytes(lower, upper, path)
    except OSError:
        return False


def _same_bytes(lower: Path, upper: Path, path: str) -> bool:
    with (
        os.fdopen(open_file(lower, path), "rb") as one,
        os.fdopen(open_file(upper, path), "rb") as other,
    ):
        while True:
            left, right = one.read(1 << 16), other.read(1 << 16)
            if left != right:
                return False
            if not left:
                return True


def counted(lower: Path, upper: Path, found: Difference) -> Counted:
    """Return the change with its lines counted, and its unified diff, "" where there is none."""
    path, before, after = found.change.path, found.lower, found.upper
    return compared(
        found.change,
        (before.mode if before else None, after.mode if after else None),
        (_content(lower, path, before), _content(upper, path, after)),
    )


Counted = tuple[Change, str]
"""A change with its lines counted, and its diff."""


def compared(
    change: Change,
    modes: tuple[int | None, int | None],
    contents: tuple[bytes | None, bytes | None],
) -> Counted:
    """Return a change with its lines counted and its diff, from what stands on either side.

    Args:
        change: which it is.
        modes: None for nothing.
        contents: None for nothing; a NUL byte stands for what is no text.
    """
    line = ""
    if None not in modes and modes[0] != modes[1]:
        line = f"mode {modes[0]:o} -> {modes[1]:o} {shown(change.path)}\n"
    before, after = contents
    if change.what not in ("file", "link") or b"\0" in (before or b"") + (after or b""):
        return change, line
    if is_secret(change.path):
        return change, line  # the model sees it, and a directory with one in it may be moved
    made = difference(change.path, before, after)
    change = Change(change.path, change.kind, change.what, made.added, made.removed)
    return change, line + made.text


MAX_LISTED = 50
MAX_DIFF = 8 << 10
"""Characters of a diff that stands in a block's result."""

T = TypeVar("T")


def told(found: Sequence[T], count: Callable[[T], Counted], notes: Iterable[str] = ()) -> str:
    """Return what a block changed, in words with a diff, or "".

    Args:
        found: its changes, in the order to tell them.
        count: compares one; it is called for no more than can be told.
        notes: lines that follow the list.
    """
    lines, texts = [], ""
    for each in found[: MAX_LISTED + 1]:
        change, text = count(each)
        lines.append(str(change))
        texts += text if len(texts) <= MAX_DIFF else ""
    if len(found) > MAX_LISTED:
        lines[MAX_LISTED:] = [f"... and {len(found) - MAX_LISTED} more"]
    lines += notes
    return "\n".join(lines) + ("\n" if lines else "") + cut(texts, MAX_DIFF)


def _content(top: Path, path: str, entry: Entry | None) -> bytes | None:
    """Return what a diff compares; a link stands for its target, what cannot be read is binary."""
    if entry is None:
        return None
    try:
        if entry.kind == "link":
            return b"-> " + os.fsencode(target_of(top, path)) + b"\n"
        if entry.kind == "file":
            return read(top, path, MAX_FILE + 1)
    except OSError:
        pass
    return b"\0"


def base_of(lower: Path, path: str, since: int) -> Base:
    """Return what stands in the project at `path`; written after `since` (ns) it is unsure."""
    entry = look(lower, path)
    if entry is None:
        return Base(None, "")
    sure = entry.kind == "directory" or entry.changed < since
    return Base(entry.stamp, digest_of(lower, path, entry), sure)


def digest_of(top: Path, path: str, entry: Entry) -> str:
    """Return a digest of what stands at `path`, "" where it is too large or cannot be read."""
    try:
        if entry.kind == "link":
            return "-> " + target_of(top, path)
        if entry.kind == "file" and entry.size <= MAX_HASHED:
            with os.fdopen(open_file(top, path), "rb") as file:
                return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError:
        pass
    return ""


def has_moved(lower: Path, path: str, base: Base) -> bool:
    """Say whether somebody changed `path` in the project since `base` was taken."""
    if not base.sure:
        return True
    now = look(lower, path)
    if now is None or base.stamp is None:
        return (now is None) != (base.stamp is None)
    if now.kind == "directory":
        return base.stamp[0] != "directory"
    if now.stamp == base.stamp:
        return False
    digest = digest_of(lower, path, now)
    return (
        not digest
        or digest != base.digest
        or (now.kind, now.mode)
        != (
            base.stamp[0],
            base.stamp[-1],
        )
    )
