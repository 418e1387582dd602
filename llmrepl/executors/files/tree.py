"""Looking at directory trees that blocks write, or a person: by descriptors, following no link."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from llmrepl.executors.files.scratch import MAX_NESTING, enter

OPAQUE = "user.overlay.opaque"
"""The mark of a directory that hides everything of the same name underneath."""

Stamp = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path.

    `kind` is file, link, directory, whiteout (a deletion, in an upper directory) or other.
    """

    kind: str
    mode: int
    size: int
    inode: int
    modified: int
    changed: int
    owner: int

    @property
    def stamp(self) -> Stamp:
        """Differs where the content does, whatever time a program gave it; in nanoseconds."""
        return (self.kind, self.inode, self.size, self.modified, self.changed, self.mode)


def entry_of(facts: os.stat_result) -> Entry:
    """Return what `facts` of lstat describe."""
    mode = facts.st_mode
    if stat.S_ISCHR(mode) and facts.st_rdev == 0:
        kind = "whiteout"
    elif stat.S_ISREG(mode):
        kind = "file"
    elif stat.S_ISLNK(mode):
        kind = "link"
    else:
        kind = "directory" if stat.S_ISDIR(mode) else "other"
    return Entry(
        kind=kind,
        mode=stat.S_IMODE(mode),
        size=facts.st_size,
        inode=facts.st_ino,
        modified=facts.st_mtime_ns,
        changed=facts.st_ctime_ns,
        owner=facts.st_uid,
    )


@contextlib.contextmanager
def parent_of(top: Path, path: str) -> Iterator[tuple[int, str]]:
    """Open the directory that holds `path` below `top`; yield its descriptor and the last name.

    Raises:
        OSError: something on the way is no directory, a link for one.
    """
    *above, name = PurePosixPath(path).parts
    fd = os.open(top, os.O_DIRECTORY)
    try:
        for part in above:
            inner = enter(fd, part)
            os.close(fd)
            fd = inner
        yield fd, name
    finally:
        os.close(fd)


def look(top: Path, path: str) -> Entry | None:
    """Return what stands at `path` below `top`; None where nothing can be seen."""
    try:
        with parent_of(top, path) as (fd, name):
            return entry_of(os.lstat(name, dir_fd=fd))
    except OSError:
        return None


def open_file(top: Path, path: str) -> int:
    """Open a regular file for reading.

    Raises:
        OSError: it is gone, not readable, or something else.
    """
    with parent_of(top, path) as (parent, name):
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path} is not a regular file")
    return fd


def read(top: Path, path: str, most: int) -> bytes:
    """Return the first `most` bytes of a regular file; raises as `open_file`."""
    with os.fdopen(open_file(top, path), "rb") as file:
        return file.read(most)


def target_of(top: Path, path: str) -> str:
    """Return where the symbolic link at `path` points to; raises OSError."""
    with parent_of(top, path) as (fd, name):
        return os.readlink(name, dir_fd=fd)


def walk(top: Path, path: str = "") -> Iterator[tuple[str, Entry]]:
    """Yield everything below `path` in `top`, a directory before what is in it, sorted.

    A directory that cannot be entered, or is nested too deep, is yielded as kind other.
    """
    try:
        if path:
            with parent_of(top, path) as (parent, name):
                fd = enter(parent, name)
        else:
            fd = os.open(top, os.O_DIRECTORY)
    except OSError:
        return
    try:
        yield from _below(fd, f"{path}/" if path else "", MAX_NESTING)
    finally:
        os.close(fd)


def _below(directory: int, prefix: str, depth: int) -> Iterator[tuple[str, Entry]]:
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for each in entries:
        try:
            entry = entry_of(each.stat(follow_symlinks=False))
            inner = -1
            if entry.kind == "directory":
                inner = enter(directory, each.name) if depth else -1
        except FileNotFoundError:
            continue  # it went while we looked
        except OSError:
            inner = -1
        path = prefix + each.name
        if entry.kind != "directory":
            yield path, entry
            continue
        if inner < 0:
            yield path, replace(entry, kind="other")
            continue
        try:
            yield path, entry
            yield from _below(inner, f"{path}/", depth - 1)
        finally:
            os.close(inner)


def unveil(upper: Path, lower: Path) -> None:
    """Replace every mark that hides a whole directory by one for each name it hides.

    Blocks see the same as before; what is left in `upper` can then be kept or dropped one by one.
    """
    waiting = [""]
    while waiting:
        path = waiting.pop()
        with contextlib.suppress(OSError), _directory(upper, path) as fd:
            if _is_opaque(fd):
                _unveil(fd, lower, path)
            with os.scandir(fd) as entries:
                names = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
            waiting += [f"{path}/{name}".lstrip("/") for name in names]


def _unveil(fd: int, lower: Path, path: str) -> None:
    present = set(os.listdir(fd))
    try:
        with _directory(lower, path) as below, os.scandir(below) as entries:
            hidden = {e.name: e.is_dir(follow_symlinks=False) for e in entries}
    except OSError:
        hidden = {}
    for name, is_directory in hidden.items():
        if name not in present:
            os.mknod(name, stat.S_IFCHR, os.makedev(0, 0), dir_fd=fd)
        elif is_directory:
            with contextlib.suppress(OSError):  # a file there hides it anyway
                inner = enter(fd, name)
                try:
                    os.setxattr(inner, OPAQUE, b"y")
                finally:
                    os.close(inner)
    os.removexattr(fd, OPAQUE)


def unfold(upper: Path, lower: Path, path: str) -> None:
    """Replace a mark that deletes a directory above `path` by marks for the names in it."""
    for above in reversed(PurePosixPath(path).parents[:-1]):
        entry, under = look(upper, str(above)), look(lower, str(above))
        if entry is None or entry.kind != "whiteout" or under is None:
            continue
        if under.kind != "directory":
            return
        with parent_of(upper, str(above)) as (parent, name):
            os.unlink(name, dir_fd=parent)
            os.mkdir(name, under.mode, dir_fd=parent)
            fd = enter(parent, name)
        try:
            os.setxattr(fd, OPAQUE, b"y")
            _unveil(fd, lower, str(above))
        finally:
            os.close(fd)


def _is_opaque(fd: int) -> bool:
    try:
        return os.getxattr(fd, OPAQUE) == b"y"
    except OSError:
        return False


@contextlib.contextmanager
def _directory(top: Path, path: str) -> Iterator[int]:
    if not path:
        fd = os.open(top, os.O_DIRECTORY)
    else:
        with parent_of(top, path) as (parent, name):
            fd = enter(parent, name)
    try:
        yield fd
    finally:
        os.close(fd)
