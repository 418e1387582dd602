"""Erases sessions with every file that is their own; what others need as well stays.

The forks of a session are sessions of their own, with copies of what it said.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from llmrepl.errors import SessionError
from llmrepl.events import TYPED, ToolRequested, TurnStarted
from llmrepl.parts import Text
from llmrepl.sessions.blobs import alone
from llmrepl.sessions.catalog import LIST, newest, session_path
from llmrepl.sessions.drafts import settle, sweep
from llmrepl.sessions.holdings import BlobNeeds, blobs_of, files_of
from llmrepl.sessions.lock import holders, inode, lock
from llmrepl.sessions.reader import LogReader


class Erased(NamedTuple):
    """What was erased: the session's id, what a person typed in it, and how many bytes it had."""

    id: str
    typed: frozenset[str]
    size: int


def erase(directory: Path, session_ids: Iterable[str]) -> Iterator[Erased]:
    """Delete sessions for good, each with all that is its own below `directory`; yield what went.

    Args:
        directory: where the sessions are.
        session_ids: their ids.

    Raises:
        SessionLocked: a process is writing one; it stays as it was.
        SessionError: there is no such session, or it cannot be deleted.
    """
    files = files_of(directory)
    with alone(directory):
        blobs = blobs_of(directory)
        for session_id in session_ids:
            yield _erase(directory, session_id, files.get(session_id, []), blobs)
        _sweep(directory, blobs)


def _erase(directory: Path, session_id: str, files: list[Path], blobs: BlobNeeds) -> Erased:
    path = session_path(directory, session_id)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as exc:
        raise SessionError(f"cannot delete {path}: {exc.strerror}", hint=LIST) from exc
    try:
        lock(descriptor, path)
        typed = frozenset(_typed(path))
        size = 0
        # The log last: what a crash leaves can be found again.
        for file in (*blobs.drop(session_id), *files):
            size += file.stat().st_size
            file.unlink()
        settle(directory)
    except OSError as exc:
        raise SessionError(f"cannot delete {path}: {exc.strerror}") from exc
    finally:
        os.close(descriptor)
    return Erased(session_id, typed, size)


def _sweep(directory: Path, blobs: BlobNeeds) -> None:
    """Remove what killed processes left of anything, where nobody is at work on it now."""
    held = holders()
    with contextlib.suppress(OSError):  # what cannot be removed is not what was asked for
        sweep(directory)
        if any(inode(facts) in held for _, facts in newest(directory)):
            return  # its writer may be about to name a blob
        for file in blobs.unclaimed():
            file.unlink(missing_ok=True)


def _typed(path: Path) -> Iterator[str]:
    """Yield what a person typed in a session, as far as it can be read."""
    try:
        for record in LogReader(path):
            match record.event:
                case TurnStarted(prompt=[Text(text=text), *_]):
                    yield text
                case ToolRequested(origin=origin, arguments=arguments) if origin in TYPED:
                    yield str(arguments.get("code", ""))
    except SessionError:
        return
