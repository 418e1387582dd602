"""Copies the beginning of a session into a new one, which then goes its own way.

The original is only read. A copy appears whole or not at all.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from llmrepl.chain import digest, rechain
from llmrepl.errors import SessionError
from llmrepl.sessions.blobs import Blobs
from llmrepl.sessions.catalog import LIST, absent, new_id, session_path
from llmrepl.sessions.drafts import place
from llmrepl.sessions.format import encode_header
from llmrepl.sessions.reader import LogReader


def fork(
    directory: Path,
    session_id: str,
    at_seq: int | None = None,
    *,
    name: str = "",
    created: int | None = None,
) -> str:
    """Copy the records 1 to `at_seq` of a session into a new session and return its id.

    Every line keeps its bytes except for `prev`, which follows the new header. Of a damaged
    session the records before the damage can be copied.

    Args:
        directory: where both sessions are.
        session_id: the original.
        at_seq: the last record to copy; 0 for none, None for all that can be read.
        name: the new session's id; empty for one of the usual form.
        created: Unix time in milliseconds for the new header; None for now.

    Raises:
        SessionError: the original has no such record, `name` is no id or is taken, or the copy
            could not be written.
    """
    original = session_path(directory, session_id)
    if not original.exists():
        raise absent(directory, session_id)
    blobs = Blobs(directory)
    blobs.hold()  # the copy names what the original does, which may go meanwhile
    try:
        return _forked(directory, original, session_id, at_seq, name, created)
    finally:
        blobs.let_go()


def _forked(
    directory: Path,
    original: Path,
    session_id: str,
    at_seq: int | None,
    name: str,
    created: int | None,
) -> str:
    reader = LogReader(original)
    lines = [line for line, _ in itertools.islice(reader.lines(), at_seq)]
    if at_seq is not None and len(lines) < at_seq:
        raise SessionError(
            f"session {session_id} has {len(lines)} readable records, and no record {at_seq}",
            hint=f"fork at 0 to {len(lines)}",
        )
    created = time.time_ns() // 1_000_000 if created is None else created
    origin = (session_id, len(lines))
    while True:
        target = name or new_id(directory, created)
        header = reader.header._replace(id=target, created=created, forked_from=origin)
        path = session_path(directory, target)
        try:
            place(path, _chain(encode_header(header), lines))
        except FileExistsError:
            if name:
                raise SessionError(
                    f"there is a session {target} in {directory} already", hint=LIST
                ) from None
        except OSError as exc:
            raise SessionError(f"cannot fork {session_id} to {path}: {exc.strerror}") from exc
        else:
            return target


def _chain(header: bytes, lines: list[bytes]) -> Iterator[bytes]:
    line = header
    yield line + b"\n"
    for original in lines:
        line = rechain(original, digest(line))
        yield line + b"\n"
