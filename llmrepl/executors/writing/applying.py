"""Writing changes into the project: one file at a time, each atomically, following no link."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path, PurePosixPath

from llmrepl.executors.files.removal import remove_below
from llmrepl.executors.files.scratch import enter
from llmrepl.executors.files.tree import open_file, parent_of, target_of
from llmrepl.executors.writing.changes import Difference

CHUNK = 1 << 20
SAFE_BITS = 0o777
"""Of a mode that a block chose, only these are taken over: no set-user-id, no set-group-id."""


class Refusal(Exception):
    """A change that is not written; the message says why."""


def apply_change(lower: Path, upper: Path, found: Difference) -> None:
    """Make the project at one path as the copy is.

    Raises:
        Refusal: it must not be.
        OSError: it could not be written.
    """
    path, what = found.change.path, found.change.what
    if what == "other":
        raise Refusal("it is no file that can be applied")
    if found.change.kind == "deleted":
        _delete(lower, path, what)
    elif what == "directory":
        _make_directory(lower, upper, found)
    elif what == "link":
        _link(lower, path, checked_target(lower, path, target_of(upper, path)))
    else:
        _write(lower, upper, found)


def checked_target(lower: Path, path: str, target: str) -> str:
    """Return the target of a new link, which stays in the project.

    Only leading `..` are accepted: behind another link, `..` would lead elsewhere than it looks.

    Raises:
        Refusal: it leads out.
    """
    if os.path.isabs(target):
        raise Refusal(f"it is a link to {target}: only relative links are applied")
    parts = PurePosixPath(target).parts
    up = next((i for i, part in enumerate(parts) if part != ".."), len(parts))
    if ".." in parts[up:]:
        raise Refusal(f"it is a link to {target}: .. may stand only at its beginning")
    if up > len(PurePosixPath(path).parts) - 1:
        raise Refusal(f"it is a link out of the project, to {target}")
    leads = (lower / path).parent / target
    if not leads.resolve().is_relative_to(lower.resolve()):
        raise Refusal(f"it is a link out of the project, to {target}")
    return target


def _delete(lower: Path, path: str, what: str) -> None:
    with parent_of(lower, path) as (parent, name):
        if what == "directory":
            os.rmdir(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)


def _make_directory(lower: Path, upper: Path, found: Difference) -> None:
    assert found.upper is not None
    make_parents(lower, upper, found.change.path)
    with parent_of(lower, found.change.path) as (parent, name):
        if found.lower is None:
            os.mkdir(name, 0o700, dir_fd=parent)
        fd = enter(parent, name)
        try:
            os.fchmod(fd, _mode(found))
        finally:
            os.close(fd)


def make_parents(lower: Path, upper: Path, path: str) -> None:
    """Make the directories above `path` in the project that are there in the copy alone."""
    for above in reversed(PurePosixPath(path).parents[:-1]):
        with parent_of(lower, str(above)) as (parent, name):
            try:
                os.mkdir(name, 0o700, dir_fd=parent)
            except FileExistsError:
                continue
            with parent_of(upper, str(above)) as (copy, _):
                mode = os.lstat(name, dir_fd=copy).st_mode & SAFE_BITS
            fd = enter(parent, name)
            try:
                os.fchmod(fd, mode)
            finally:
                os.close(fd)


def _link(lower: Path, path: str, target: str) -> None:
    with parent_of(lower, path) as (parent, name):
        spare = spare_name()
        os.symlink(target, spare, dir_fd=parent)
        put(parent, spare, name)


def _write(lower: Path, upper: Path, found: Difference) -> None:
    path = found.change.path
    with (
        os.fdopen(open_file(upper, path), "rb") as source,
        parent_of(lower, path) as (
            parent,
            name,
        ),
    ):
        spare = spare_name()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(spare, flags, 0o600, dir_fd=parent), "wb") as copy:
            try:
                shutil.copyfileobj(source, copy, CHUNK)
                copy.flush()
                os.fchmod(copy.fileno(), _mode(found))
                os.fsync(copy.fileno())
            except BaseException:
                os.unlink(spare, dir_fd=parent)
                raise
        put(parent, spare, name)


def put(parent: int, spare: str, name: str) -> None:
    """Rename `spare` to `name` in the directory `parent`; remove it where that fails.

    Raises:
        OSError: it failed.
    """
    try:
        os.rename(spare, name, src_dir_fd=parent, dst_dir_fd=parent)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(spare, dir_fd=parent)
        raise


def spare_name() -> str:
    """Return a name that nothing has."""
    return f".llmrepl-{secrets.token_hex(8)}.tmp"


def _mode(found: Difference) -> int:
    assert found.upper is not None
    kept = found.lower.mode & ~SAFE_BITS if found.lower is not None else 0
    return found.upper.mode & (SAFE_BITS | kept)


def drop(upper: Path, path: str) -> None:
    """Take `path` with all below it out of the copy, so that it is as the project is.

    Raises:
        OSError: it could not be removed.
    """
    with parent_of(upper, path) as (parent, name):
        try:
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            return
        except IsADirectoryError:
            remove_below(parent, name)
