"""The bytes of a session's lines, and nothing about files; how they are chained is in `chain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from llmrepl import chain
from llmrepl.errors import SessionError
from llmrepl.record import Record, encode_record

VERSION = 2
"""The format version of new plain sessions, and of every record. Version 2 brought blobs."""

SEALED = 3
"""The format version of sealed sessions, and the newest that is read: records of 2, sealed."""

KIND = "session"
"""What the header says this file is."""

BEGINNING = b'{"llmrepl":"session",'
"""How a header begins that llmrepl wrote."""


class Header(NamedTuple):
    """The first line of a session.

    `created` is Unix time in milliseconds. `forked_from` is the id and the last seq copied from it,
    where the session began as a fork. `extra` are fields this version does not know. `version` is
    that of the file, which every line of it keeps to. In a sealed one's file `cwd` is empty.
    """

    id: str
    created: int
    cwd: str = ""
    forked_from: tuple[str, int] | None = None
    extra: Mapping[str, Any] = {}
    version: int = VERSION


def encode_header(header: Header) -> bytes:
    """Return `header` as a line without its newline."""
    origin = header.forked_from
    return chain.encode(
        {
            "llmrepl": KIND,
            "version": header.version,
            "id": header.id,
            "created": header.created,
            "forked_from": None if origin is None else {"id": origin[0], "seq": origin[1]},
            "cwd": "" if header.version == SEALED else header.cwd,
            **header.extra,
        }
    )


def decode_header(line: bytes) -> Header:
    """Return the header that `encode_header` made `line` from.

    Raises:
        ValueError: it is no header of a version this llmrepl reads; the text says why.
    """
    data = chain.header(line, KIND, SEALED)
    try:
        origin, version = data.pop("forked_from"), data.pop("version")
        return Header(
            str(data.pop("id")),
            int(data.pop("created")),
            str(data.pop("cwd")),
            None if origin is None else (str(origin["id"]), int(origin["seq"])),
            data,
            version,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ValueError(f"its header does not hold what it must ({exc!r})") from None


def is_sealed(content: bytes) -> bool:
    """Return whether a session is sealed, told by its bytes, the whole header at least."""
    try:
        return decode_header(content[: content.find(b"\n")]).version == SEALED
    except ValueError:
        return False


def encode_line(prev: str, record: Record) -> bytes:
    """Return `record` as a line without its newline, chained to the line whose digest is `prev`.

    Raises:
        SessionError: the event holds something that JSON has no words for.
    """
    data = {"prev": prev, **encode_record(record)}
    try:
        return chain.encode(data)
    except (TypeError, ValueError, RecursionError) as exc:
        raise SessionError(
            f"record {record.seq} ({data['type']}) cannot be written as JSON: {exc}",
            hint="events hold text, numbers, booleans, None, lists and mappings only",
        ) from None
