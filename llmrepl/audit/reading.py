"""Reads an audit log and verifies it: every line against the one before, and its end by the head.

Reading changes nothing. Verifying holds the lock only until the files are open, and looks at what
was in them then.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from llmrepl.audit.place import START, Head, Opening, decode_head, decode_opening, files, head_of
from llmrepl.chain import Follower, digest
from llmrepl.errors import SessionError


class Damage(NamedTuple):
    """The first place that does not verify: `line` counts from 1 in its file; 0 for the file."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.file}{f' line {self.line}' if self.line else ''}: {self.reason}"


class Report(NamedTuple):
    """What verifying found.

    `lines` counts those that verify, in `files` files; `seq` is the number of the last of them and
    `last` its digest, which proves the log up to there to whoever keeps it elsewhere. `torn` says
    that the last line was never finished, which the next one mends.
    """

    lines: int = 0
    files: int = 0
    seq: int = 0
    last: str = ""
    damage: Damage | None = None
    torn: bool = False


def verify(directory: Path, expected: tuple[int, str] | None = None) -> Report:
    """Verify the whole log in `directory`; without one the report is empty.

    Args:
        directory: where the log is.
        expected: the `seq` and `last` of an earlier report, which must still hold.

    Raises:
        SessionError: a file could not be read.
    """
    with contextlib.ExitStack() as opened:
        try:
            head, parts = _snapshot(directory, opened)
            if not parts and head is None and expected is None:
                return Report()
            return _Verifying(directory, head, expected).over(parts)
        except OSError as exc:
            raise SessionError(f"cannot read the audit log: {exc}") from exc


def entries(
    directory: Path, *, newest_first: bool = False
) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """Yield each entry of the log: its line without the newline, and its object.

    Nothing is verified: that is `verify`'s. In place of an object that cannot be read stands None.

    Args:
        directory: where the log is.
        newest_first: begin with the last one; what is not asked for is not read.

    Raises:
        SessionError: a file could not be read.
    """
    step = -1 if newest_first else 1
    for path in files(directory)[::step]:
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as exc:
            raise SessionError(f"cannot read {path}: {exc.strerror}") from exc
        for line in lines[:0:-1] if newest_first else lines[1:]:
            if line:
                yield line, _object(line)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and isinstance(data.get("type"), str) else None


Part = tuple[Path, IO[bytes], int]
"""A file of the log, open, and how much of it counts."""


def _snapshot(directory: Path, opened: contextlib.ExitStack) -> tuple[Head | None, list[Part]]:
    """Return the head and every file, all of the same moment."""
    with contextlib.ExitStack() as locked:
        head = None
        path = head_of(directory)
        if path.exists():
            file = locked.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_SH)
            head = decode_head(file.read())
        found = [(path, opened.enter_context(path.open("rb"))) for path in files(directory)]
        return head, [(path, file, os.fstat(file.fileno()).st_size) for path, file in found]


class _Verifying:
    """One walk over the log's files."""

    def __init__(
        self, directory: Path, head: Head | None, expected: tuple[int, str] | None
    ) -> None:
        self._directory = directory
        self._head = head
        self._expected = expected
        # What stands at the numbers that are asked for, of a line and of a header behind it: where
        # it ends in its file, and its digest.
        wanted = (place[0] for place in (head, expected) if place is not None)
        self._seen: dict[int, list[tuple[int, str]]] = {seq: [] for seq in wanted}
        self._report = Report(last=START)
        self._last = Damage(directory, 0, "")
        self._ended = True

    def over(self, parts: list[Part]) -> Report:
        for path, file, size in parts:
            damage = self._part(path, file.read(size))
            if damage is not None:
                return self._report._replace(damage=damage)
        return self._report._replace(damage=self._end() or self._unexpected())

    def _part(self, path: Path, content: bytes) -> Damage | None:
        """Walk over one file; return what is wrong with it."""
        lines = io.BytesIO(content)
        raw = lines.readline()
        try:
            opening = decode_opening(raw.removesuffix(b"\n"))
        except ValueError as exc:
            return Damage(path, 1, str(exc))
        before = self._report
        if opening != Opening(before.seq, before.last):
            return Damage(path, 1, _gap(before, opening))
        follower: Follower[dict[str, Any]] = Follower(dict, opening.seq)
        follower.begin(raw)
        end = follower.end
        self._look(opening.seq, end, follower.last)
        for line, data in follower.follow(lines):
            end += len(line) + 1
            if data["seq"] in self._seen:
                self._look(data["seq"], end, digest(line))
        problem = follower.problem
        self._report = Report(
            before.lines + follower.seq - opening.seq,
            before.files + 1,
            follower.seq,
            follower.last,
            torn=problem is not None and problem.torn,
        )
        self._last = Damage(path, follower.seq - opening.seq + 1, "")
        self._ended = follower.ended
        if problem is None or problem.torn:
            return None
        return Damage(path, problem.line, problem.reason)

    def _look(self, seq: int, end: int, found: str) -> None:
        if seq in self._seen:
            self._seen[seq].append((end, found))

    def _end(self) -> Damage | None:
        """Return what is wrong with the log's end."""
        head, seq = self._head, self._report.seq
        if head is None and seq == 0:
            return None  # no line was ever written, or somebody took all of them
        if head is None:
            reason = "it is missing or was changed, so lines that are cut off would not show"
            return Damage(head_of(self._directory), 0, reason)
        if seq < head.seq:
            missing = _lines(seq + 1, head.seq)
            return self._last._replace(reason=f"{missing} missing behind it")
        if (head.size, head.last) not in self._seen[head.seq]:
            if seq > head.seq:
                reason = f"it is not the head of this log, whose line {head.seq} is another one"
                return Damage(head_of(self._directory), 0, reason)
            return self._last._replace(reason="it, or the head, was changed")
        if seq == head.seq and not self._ended:
            return self._last._replace(reason="its last byte, the newline, is missing")
        return None

    def _unexpected(self) -> Damage | None:
        """Return whether the log is another one than before."""
        if self._expected is None:
            return None
        seq, last = self._expected
        if last in (found for _, found in self._seen[seq]):
            return None
        return Damage(self._directory, 0, f"line number {seq} has not the digest that was expected")


def _gap(before: Report, opening: Opening) -> str:
    if opening.seq > before.seq:
        return f"{_lines(before.seq + 1, opening.seq)} missing before this file"
    return "it does not follow the file before it"


def _lines(first: int, last: int) -> str:
    if first == last:
        return f"the line with the number {first} is"
    return f"the {last - first + 1} lines with the numbers {first} to {last} are"
