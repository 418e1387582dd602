"""The bytes of a session's lines, and nothing about files.

A line is one JSON object in UTF-8 without white space between tokens; every record carries the
SHA-256 of the line before it, so a changed, lost or inserted line shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from llmrepl.errors import SessionError
from llmrepl.record import Record, encode_record

VERSION = 1
"""The format version this llmrepl writes, and the newest it reads."""

_PREV = b'{"prev":"'
_AFTER_PREV = len(_PREV) + 64 + 1  # 64 hexadecimal digits and the quote that ends them


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_compact = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
).encode


class Header(NamedTuple):
    """The first line of a session.

    `created` is Unix time in milliseconds. `forked_from` is the id and the last seq copied from it,
    where the session began as a fork. `extra` are fields this version does not know.
    """

    id: str
    created: int
    cwd: str = ""
    forked_from: tuple[str, int] | None = None
    extra: Mapping[str, Any] = {}


def digest(line: bytes) -> str:
    """Return what the next line's `prev` must be; `line` is without its newline."""
    return sha256(line).hexdigest()


def encode_header(header: Header) -> bytes:
    """Return `header` as a line without its newline."""
    origin = header.forked_from
    return _encode(
        {
            "llmrepl": "session",
            "version": VERSION,
            "id": header.id,
            "created": header.created,
            "forked_from": None if origin is None else {"id": origin[0], "seq": origin[1]},
            "cwd": header.cwd,
            **header.extra,
        }
    )


def decode_header(line: bytes) -> Header:
    """Return the header that `encode_header` made `line` from.

    Raises:
        ValueError: it is no header of a version this llmrepl reads; the text says why.
    """
    try:
        data = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise ValueError("its header is not JSON") from None
    if not isinstance(data, dict) or data.pop("llmrepl", None) != "session":
        raise ValueError("its first line is not a session's header")
    version = data.pop("version", None)
    if version != VERSION:
        raise ValueError(f"it has format version {version!r}, and this llmrepl reads {VERSION}")
    try:
        origin = data.pop("forked_from")
        return Header(
            str(data.pop("id")),
            int(data.pop("created")),
            str(data.pop("cwd")),
            None if origin is None else (str(origin["id"]), int(origin["seq"])),
            data,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ValueError(f"its header does not hold what it must ({exc!r})") from None


def encode_line(prev: str, record: Record) -> bytes:
    """Return `record` as a line without its newline, chained to the line whose digest is `prev`.

    Raises:
        SessionError: the event holds something that JSON has no words for.
    """
    data = {"prev": prev, **encode_record(record)}
    try:
        return _encode(data)
    except (TypeError, ValueError, RecursionError) as exc:
        raise SessionError(
            f"record {record.seq} ({data['type']}) cannot be written as JSON: {exc}",
            hint="events hold text, numbers, booleans, None, lists and mappings only",
        ) from None


def rechain(line: bytes, prev: str) -> bytes:
    """Return `line` with another `prev` and every other byte as it was."""
    if line.startswith(_PREV):
        return _PREV + prev.encode() + line[_AFTER_PREV - 1 :]
    data = json.loads(line)  # another writer's order of fields
    return _encode({**data, "prev": prev})


def _encode(data: Mapping[str, Any]) -> bytes:
    try:
        text = _compact(data)
    except ValueError:
        text = _compact(_finite(data))
    # Half of a surrogate pair has no UTF-8; what `backslashreplace` makes of it is JSON's escape.
    return text.encode(errors="backslashreplace")


def _finite(value: Any) -> Any:
    """Return `value` with NaN and the infinities, which JSON lacks, as the words for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
