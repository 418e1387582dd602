"""The files of an audit log: the one that is written, those that were full, and the head.

The head says where the log ends, so that it shows if its end is cut off; it is also the lock.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from llmrepl import chain

NAME = "log.jsonl"
KIND = "audit"
VERSION = 1
"""The format version this llmrepl writes and reads."""

START = "0" * 64
"""The `prev` of the first file, which nothing is before."""

_FULL = re.compile(r"log-([0-9]{10,})\.jsonl")
_HEAD = re.compile(rb"([0-9]{18}) ([0-9]{18}) ([0-9a-f]{64})\n")


class Head(NamedTuple):
    """Where the log ends: the last line's number, the size of its file in bytes, its digest."""

    seq: int
    size: int
    last: str

    def encode(self) -> bytes:
        """Return the head as its file holds it: always as long, so that it is overwritten whole."""
        return b"%018d %018d %s\n" % (self.seq, self.size, self.last.encode())


def decode_head(data: bytes) -> Head | None:
    """Return the head that the file holds; None where it holds none."""
    found = _HEAD.fullmatch(data)
    return Head(int(found[1]), int(found[2]), found[3].decode()) if found else None


def head_of(directory: Path) -> Path:
    """Return the head's file."""
    return directory / "head"


def full_name(first: int) -> str:
    """Return what the file is called, once it is full, whose first line has this number."""
    return f"log-{first:010d}.jsonl"


def files(directory: Path) -> list[Path]:
    """Return the log's files in the order in which they were written."""
    found = (entry for entry in directory.glob("log-*.jsonl") if _FULL.fullmatch(entry.name))
    full = sorted(found, key=lambda path: (len(path.name), path.name))
    current = directory / NAME
    return [*full, current] if current.exists() else full


class Opening(NamedTuple):
    """A file's first line: the number and the digest of the line before it, in the file before."""

    seq: int
    prev: str


def encode_opening(opening: Opening, created: int) -> bytes:
    """Return a file's first line without its newline; `created` is Unix time in milliseconds."""
    data = {"llmrepl": KIND, "version": VERSION, "created": created}
    return chain.encode({**data, "seq": opening.seq, "prev": opening.prev})


def decode_opening(line: bytes) -> Opening:
    """Return what a file's first line says.

    Raises:
        ValueError: it is none; the text says why.
    """
    data = chain.header(line, KIND, VERSION)
    try:
        return Opening(int(data["seq"]), str(data["prev"]))
    except (KeyError, TypeError, ValueError):
        raise ValueError("its header does not say what was before it") from None
