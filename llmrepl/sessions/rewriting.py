"""Packs, upgrades and seals a session's file: another takes its place, whole or not at all.

The file that goes is locked until the other one stands, so nobody writes it meanwhile. Times stay.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from llmrepl import chain
from llmrepl.errors import SessionError
from llmrepl.sessions.blobs import Blobs, alone, outside
from llmrepl.sessions.catalog import absent, session_path
from llmrepl.sessions.drafts import begin, settle
from llmrepl.sessions.format import SEALED, VERSION, Header, encode_header
from llmrepl.sessions.holdings import blobs_of
from llmrepl.sessions.lock import lock
from llmrepl.sessions.migrations import migrated
from llmrepl.sessions.packed import PACKED, bytes_of, packed
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.sealed.keys import FIELD as KEY
from llmrepl.sessions.sealed.keys import KEYS
from llmrepl.sessions.sealed.sealing import Places, Seal, sealed_line


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
        if reader.header.version == SEALED:  # without a key nobody can tell more
            return None
        lines = [line for line, _ in reader.lines()]
        if reader.problem is not None:
            raise _damaged(reader, session_id)
        if reader.header.version >= VERSION:
            return None
        blobs = Blobs(directory)
        try:
            _replaced(path, path, b"".join(_upgraded(reader, lines, blobs.put)))
        finally:
            blobs.let_go()
        return reader.header.version


def seal(directory: Path, session_id: str) -> bool:
    """Rewrite a plain session as a sealed one; return whether it was plain.

    Blobs that no other session needs are removed. Forks of it stay as they are.

    Raises:
        SessionLocked: a process is writing it.
        SessionError: there is no such session, it is damaged, or it cannot be written; or nobody
            is named for whom it is to be sealed.
    """
    if not KEYS.sealing:
        raise SessionError(
            "it is not said for whom sessions are to be sealed",
            hint="set sessions.encrypt to age recipients, or to `keyring`",
        )
    unpack(directory, session_id)
    with _held(directory, session_id) as path:
        reader = LogReader(path)
        if reader.header.version == SEALED:
            return False
        plain = [(line, reader.whole(line)) for line, _ in reader.lines()]
        if reader.problem is not None or reader.lost:
            raise _damaged(reader, session_id)
        made, field = KEYS.begin(reader.header.cwd)
        header = reader.header._replace(version=SEALED, extra={**reader.header.extra, KEY: field})
        with alone(directory):
            needs = blobs_of(directory)
            blobs = Blobs(directory, made, held=True)
            lines = [line for _, line in plain]
            _replaced(path, path, b"".join(_sealed(header, reader.header, made, lines, blobs)))
            for file in needs.drop(session_id):
                file.unlink(missing_ok=True)
        return True


def _sealed(
    header: Header, old: Header, key: Seal, lines: list[bytes], blobs: Blobs
) -> Iterator[bytes]:
    places = Places()
    before = encode_header(header)
    yield before + b"\n"
    for line in lines:
        record = migrated(json.loads(line), old.version)
        record["prev"] = chain.digest(before)
        plain = outside(chain.encode(record), str(record["type"]), blobs.put)
        before, sealed = sealed_line(key, places, plain)
        places.take(record["seq"], sealed)
        yield before + b"\n"


def _damaged(reader: LogReader, session_id: str) -> SessionError:
    if reader.problem is None:
        return SessionError(f"{reader.path} is not whole: {'; '.join(reader.lost)}")
    return SessionError(
        f"{reader.path} line {reader.problem.line}: {reader.problem.reason}",
        hint=f"`llmrepl --resume {session_id}` mends it, or copies what is sound",
    )


def _upgraded(
    reader: LogReader, lines: list[bytes], put: Callable[[bytes], str]
) -> Iterator[bytes]:
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
            raise absent(directory, session_id) from None
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
