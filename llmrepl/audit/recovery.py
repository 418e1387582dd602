"""Where an audit log goes on when its head does not say: after a crash, or after somebody's hand.

Nothing whole is ever removed. What is missing stays missing in the chain, so that verifying finds
it; what was done is told in one line.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

from llmrepl.audit.place import (
    NAME,
    START,
    Head,
    Opening,
    decode_opening,
    encode_opening,
    files,
    full_name,
)
from llmrepl.chain import Follower, digest

HEADLESS = "the head was missing: whether lines were cut off the end, nobody can tell"


class Recovered(NamedTuple):
    """Where the next line goes, and what was amiss; mostly empty."""

    head: Head
    note: str = ""


def recover(directory: Path, head: Head | None) -> Recovered:
    """Make the current file ready for the next line.

    Args:
        directory: the log's, which the caller has locked.
        head: what the head file says; None where it says nothing.

    Raises:
        OSError: a file could not be read or written.
    """
    path = directory / NAME
    if not path.exists() or not path.stat().st_size:
        return _without_current(directory, head)
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        start = _start(file.readline(), head)
        if start.end > size:
            _end_line(file, size)
            note = f"{start.end - size} bytes were cut off the end of {path}"
            return Recovered(Head(start.seq, file.seek(0, os.SEEK_END), start.last), note)
        file.seek(start.end)
        for _ in start.follow(file):
            pass
        notes = [HEADLESS] if head is None and start.seq else []
        if start.problem is not None and not start.problem.torn:
            notes.append(f"{path} holds something behind line {start.seq} that does not follow it")
        elif torn := size - start.end:
            file.truncate(start.end)
            size = start.end
            notes.append(f"a line was never finished: {torn} bytes were cut off")
        _end_line(file, size)
        return Recovered(Head(start.seq, file.seek(0, os.SEEK_END), start.last), "; ".join(notes))


def roll(directory: Path, head: Head) -> Head:
    """Put the full file aside and begin the next one.

    Raises:
        OSError: it could not be done.
    """
    path = directory / NAME
    with path.open("rb") as file:
        try:
            first = decode_opening(file.readline().removesuffix(b"\n")).seq + 1
        except ValueError:
            first = head.seq  # a damaged file; verifying says so
    aside = directory / full_name(first)
    if aside.exists():
        return head
    path.rename(aside)
    return _begin(directory, Opening(head.seq, head.last))


def _begin(directory: Path, opening: Opening) -> Head:
    """Make a new current file that goes on behind the line `opening` names."""
    line = encode_opening(opening, time.time_ns() // 1_000_000)
    path = directory / NAME
    draft = path.with_suffix(".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        file.write(line + b"\n")
    draft.rename(path)
    return Head(opening.seq, len(line) + 1, digest(line))


def _without_current(directory: Path, head: Head | None) -> Recovered:
    """Begin the current file, which is missing: the first one, one after a full one, or lost."""
    full = [path for path in files(directory) if path.name != NAME]
    if head is not None:
        # A process that was killed while it put the file aside leaves it whole under its new name.
        gone = head.seq and not (full and digest(_last_line(full[-1])) == head.last)
        note = f"{directory / NAME} was missing, with the lines up to {head.seq}" if gone else ""
        return Recovered(_begin(directory, Opening(head.seq, head.last)), note)
    if not full:
        return Recovered(_begin(directory, Opening(0, START)))
    with full[-1].open("rb") as file:
        start = _start(file.readline(), None)
        for _ in start.follow(file):
            pass
    return Recovered(_begin(directory, Opening(start.seq, start.last)), HEADLESS)


def _last_line(path: Path) -> bytes:
    return path.read_bytes().removesuffix(b"\n").rpartition(b"\n")[2]


def _start(raw: bytes, head: Head | None) -> Follower[dict[str, Any]]:
    """Return what follows the current file from the last line that is known to be sound.

    Args:
        raw: the file's first line.
        head: what the head file says.
    """
    try:
        opening = decode_opening(raw.removesuffix(b"\n"))
    except ValueError:
        opening = Opening(0, START)
    follower: Follower[dict[str, Any]] = Follower(dict, opening.seq)
    follower.begin(raw)
    if head is not None and opening != (head.seq, head.last):  # else the file before was just full
        follower.seq, follower.end, follower.last = head
        follower.ended = True
    return follower


def _end_line(file: IO[bytes], size: int) -> None:
    """Make sure that the file, of this size, ends with a newline."""
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.write(b"\n")
    file.flush()
