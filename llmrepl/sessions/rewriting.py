"""Packs, unpacks and upgrades a session's file: another takes its place, whole or not at all.

The file that goes is locked until the other one stands, so nobody writes it meanwhile. Times stay.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmrepl import chain
from llmrepl.errors import SessionError
from llmrepl.sessions.blobs import Blobs, outside, settle
from llmrepl.sessions.catalog import LIST, session_path
from llmrepl.sessions.drafts import begin
from llmrepl.sessions.format import VERSION, encode_header
from llmrepl.sessions.lock import lock
from llmrepl.sessions.migrations import migrated
from llmrepl.sessions.packed import PACKED, bytes_of, packed
from llmrepl.sessions.reader import LogReader


class Rewritten(NamedTuple):
    """How many bytes a session's file had, and has now."""

    before: int
    after: int


def pack(directory: Path, session_id: str) -> Rewritten | None:
    """Pack a session's file, every byte of it; return None where it is packed already.

    Raises:
        SessionLocked: a process is writing it.
        SessionError: there is no such session, or it cannot be written.
    """
    with _held(directory, session_id) as path:
        if path.suffix == PACKED:
            return None
        return _replaced(path, path.with_name(path.name + PACKED), packed(bytes_of(path)))


def unpack(directory: Path, session_id: str) -> Rewritten | None:
    """Make a packed session's file what it was; return None where it is not packed.

    Raises:
        SessionLocked: a process is at it.
        SessionError: there is no such session, it is damaged, or it cannot be written.
    """
    with _held(directory, session_id) as path:
        if path.suffix != PACKED:
            return None
        return _replaced(path, path.with_suffix(""), bytes_of(path))


def upgrade(directory: Path, session_id: str) -> int | None:
    """Rewrite a session in the newest format version; return the one it had, None for the newest.

    Raises:
        SessionLocked: a process is writing it.
        SessionError: there is no such session, it is damaged, or it cannot be written.
    """
    unpack(directory, session_id)
    with _held(directory, session_id) as path:
        reader = LogReader(path)
        lines = [line for line, _ in reader.lines()]
        if reader.problem is not None:
            raise SessionError(
                f"{path} line {reader.problem.line}: {reader.problem.reason}",
                hint=f"`llmrepl --resume {session_id}` mends it, or copies what is sound",
            )
        if reader.header.version == VERSION:
            return None
        _replaced(path, path, b"".join(_upgraded(reader, lines)))
        return reader.header.version


def _upgraded(reader: LogReader, lines: list[bytes]) -> Iterator[bytes]:
    put = Blobs(reader.path.parent).put
    before = encode_header(reader.header._replace(version=VERSION))
    yield before + b"\n"
    for line in lines:
        record = migrated(json.loads(line), reader.header.version)
        record["prev"] = chain.digest(before)
        before = outside(chain.encode(record), str(record["type"]), put)
        yield before + b"\n"


@contextlib.contextmanager
def _held(directory: Path, session_id: str) -> Iterator[Path]:
    """Keep everybody else from writing a session's file, and yield where it is."""
    while True:
        path = session_path(directory, session_id)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            if session_path(directory, session_id) != path:
                continue  # it was packed or unpacked between the two
            raise SessionError(
                f"there is no session {session_id!r} in {directory}", hint=LIST
            ) from None
        except OSError as exc:
            raise SessionError(f"cannot open {path}: {exc.strerror}") from exc
        try:
            lock(descriptor, path)
            if session_path(directory, session_id) != path:
                continue  # a crash left both, or it was packed before it was locked
            yield path
            return
        finally:
            os.close(descriptor)


def _replaced(old: Path, new: Path, made: bytes) -> Rewritten:
    """Put a file with other bytes in the place of `old`, under the name of `new`.

    Both are locked until `old` is gone: nobody may take the new one for what is left of a crash.
    """
    draft = None
    try:
        status = old.stat()
        draft, descriptor = begin(new)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made)
            file.flush()
            os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fsync(descriptor)
            draft.rename(new)
            settle(new.parent)
            if old != new:
                old.unlink()
    except OSError as exc:
        if draft is not None:
            with contextlib.suppress(OSError):
                draft.unlink()
        raise SessionError(f"cannot write {new}: {exc.strerror}") from exc
    return Rewritten(status.st_size, len(made))
