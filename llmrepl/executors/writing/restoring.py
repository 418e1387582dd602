"""Taking back what blocks wrote in a directory: what stood there before is put there again."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from llmrepl.executors.files.scratch import enter
from llmrepl.executors.files.tree import parent_of
from llmrepl.executors.writing.applying import put, spare_name
from llmrepl.executors.writing.area import State
from llmrepl.executors.writing.index import Seen, open_up
from llmrepl.executors.writing.snapshots import Kept


def remove(top: Path, path: str, kind: str) -> None:
    """Remove what a block made; a directory only where nothing is left in it.

    Raises:
        OSError: it could not be removed.
    """
    with parent_of(top, path) as (parent, name):
        if kind == "directory":
            os.rmdir(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)


def put_back(top: Path, path: str, state: State) -> None:
    """Let `path` be as `state` says; a directory can be written until `finish` is called.

    Raises:
        OSError: it could not be written.
    """
    seen, content = state.seen, state.content
    with parent_of(top, path) as (parent, name):
        if seen.kind == "directory":
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=parent)
            open_up(parent, name)
        elif isinstance(content, str):
            spare = spare_name()
            os.symlink(content, spare, dir_fd=parent)
            _own(parent, spare, seen)
            put(parent, spare, name)
        elif isinstance(content, Kept):
            _write(parent, name, seen, content)
        else:
            raise OSError("what stood there was not kept")


def finish(top: Path, directories: Iterable[tuple[str, Seen]]) -> None:
    """Give directories their modes, the innermost first."""
    for path, seen in sorted(directories, reverse=True):
        with contextlib.suppress(OSError), parent_of(top, path) as (parent, name):
            fd = enter(parent, name)
            try:
                _own(parent, name, seen)
                os.fchmod(fd, seen.permissions)
            finally:
                os.close(fd)


def _write(parent: int, name: str, seen: Seen, content: Kept) -> None:
    """Write a file beside and rename it; in place where it has other names, which stay its own."""
    now = _now(parent, name)
    in_place = now is not None and now.inode == seen.inode and now.links > 1
    spare = name if in_place else spare_name()
    flags = os.O_TRUNC if in_place else os.O_CREAT | os.O_EXCL
    fd = os.open(spare, os.O_WRONLY | os.O_NOFOLLOW | flags, 0o600, dir_fd=parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content.read())
            file.flush()
            _own(parent, spare, seen)
            os.fchmod(file.fileno(), seen.permissions)
            os.utime(file.fileno(), ns=(seen.modified, seen.modified))
        if not in_place:
            put(parent, spare, name)
    except BaseException:
        if not in_place:
            with contextlib.suppress(OSError):
                os.unlink(spare, dir_fd=parent)
        raise


def _now(parent: int, name: str) -> Seen | None:
    try:
        seen = Seen.of(os.lstat(name, dir_fd=parent))
    except OSError:
        return None
    return seen if stat.S_ISREG(seen.mode) else None


def _own(parent: int, name: str, seen: Seen) -> None:
    """Give the entry its owner again, where we may."""
    with contextlib.suppress(OSError):
        now = os.lstat(name, dir_fd=parent)
        if (now.st_uid, now.st_gid) != (seen.uid, seen.gid):
            os.chown(name, seen.uid, seen.gid, dir_fd=parent, follow_symlinks=False)
