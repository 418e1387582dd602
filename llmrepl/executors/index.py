"""What stands in a directory that blocks write for real: one lstat per entry, no link followed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from llmrepl.executors.place import is_protected
from llmrepl.executors.scratch import MAX_NESTING, enter


class Seen(NamedTuple):
    """What lstat says of an entry; times in nanoseconds.

    `changed` is the time no program can set: where it and the inode are the same, so is the entry.
    """

    mode: int
    inode: int
    size: int
    modified: int
    changed: int
    links: int
    uid: int
    gid: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Seen:
        """Return what `facts` say."""
        return cls(
            facts.st_mode,
            facts.st_ino,
            facts.st_size,
            facts.st_mtime_ns,
            facts.st_ctime_ns,
            facts.st_nlink,
            facts.st_uid,
            facts.st_gid,
        )

    @property
    def kind(self) -> str:
        """One of file, link, directory and other."""
        return _KINDS.get(stat.S_IFMT(self.mode), "other")

    @property
    def permissions(self) -> int:
        """The mode without the kind."""
        return stat.S_IMODE(self.mode)


_KINDS = {stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFDIR: "directory"}


class Scan:
    """A walk through a directory that compares what it sees with what was seen before.

    It does not enter what is protected, nor `closed`: there nothing of a block's can be.

    Args:
        top: the directory.
        closed: paths below it that are not entered.
        before: what an earlier walk found. An entry that is the same is the very same object.
        opening: whether to make directories enterable that a block shut since then.
    """

    def __init__(
        self,
        top: Path,
        closed: frozenset[str] = frozenset(),
        before: Mapping[str, Seen] | None = None,
        *,
        opening: bool = False,
    ) -> None:
        self._closed = closed
        self._before = before or {}
        self._opening = opening
        self.found: dict[str, Seen] = {}
        fd = os.open(top, os.O_DIRECTORY)
        try:
            self._look(fd, "", MAX_NESTING)
        finally:
            os.close(fd)

    def _look(self, fd: int, prefix: str, depth: int) -> None:
        before, found = self._before, self.found
        inner = []
        with os.scandir(fd) as entries:
            for entry in entries:
                try:
                    facts = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # it went while we looked
                path = prefix + entry.name
                old = before.get(path)
                if (
                    old is None
                    or old.changed != facts.st_ctime_ns
                    or old.inode != facts.st_ino
                    or old.mode != facts.st_mode
                ):
                    old = Seen.of(facts)
                found[path] = old
                if stat.S_ISDIR(facts.st_mode):
                    inner.append(entry.name)
        if not depth:
            return
        for name in inner:
            path = prefix + name
            if is_protected(name) or path in self._closed:
                continue
            with contextlib.suppress(OSError), self._entered(fd, name, path) as directory:
                self._look(directory, path + "/", depth - 1)

    @contextlib.contextmanager
    def _entered(self, parent: int, name: str, path: str) -> Iterator[int]:
        if self._opening and self._before.get(path) is not self.found[path]:
            with contextlib.suppress(OSError):
                self.found[path] = open_up(parent, name)
        fd = enter(parent, name)
        try:
            yield fd
        finally:
            os.close(fd)


def open_up(parent: int, name: str) -> Seen:
    """Let us enter and change a directory of ours whatever mode it has; return how it stands then.

    Raises:
        OSError: it is none, or not ours.
    """
    fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        if stat.S_IRWXU & ~mode:
            os.chmod(f"/proc/self/fd/{fd}", mode | stat.S_IRWXU)  # the very directory
        return Seen.of(os.fstat(fd))
    finally:
        os.close(fd)
