"""What stands in a directory that blocks write for real: one lstat per entry, no link followed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from llmrepl.executors.files.scratch import MAX_NESTING, enter
from llmrepl.executors.files.tree import parent_of
from llmrepl.executors.place import is_protected


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

    It does not enter what is protected, nor `closed`: there nothing of a block's can be. `found`
    will have what stands there, `listed` the names in each directory that was looked into, and
    `deep` those that are nested too deep for that. An entry that is as before is the very same
    object.

    Args:
        top: the directory.
        closed: paths below it that are not entered.
        before: what earlier walks found.
        known: the inodes of the directories that they looked into.
        opening: whether to make directories enterable that a block shut since then.
        entered: called with the path and a descriptor of each directory before it is looked into.
    """

    def __init__(
        self,
        top: Path,
        closed: frozenset[str],
        before: Mapping[str, Seen],
        known: Mapping[str, int],
        *,
        opening: bool,
        entered: Callable[[str, int], None],
    ) -> None:
        self._top = top
        self._closed = closed
        self._before = before
        self._known = known
        self._opening = opening
        self._note = entered
        self.found: dict[str, Seen] = {}
        self.listed: dict[str, set[str]] = {}
        self.deep: set[str] = set()

    def everything(self) -> None:
        """Look at all there is."""
        fd = os.open(self._top, os.O_DIRECTORY)
        try:
            self._look(fd, "", MAX_NESTING, deep=True)
        finally:
            os.close(fd)

    def directory(self, path: str) -> None:
        """Look into one directory, and into those in it that are new."""
        with contextlib.suppress(OSError), self._opened(path) as fd:
            self._look(fd, path and path + "/", MAX_NESTING - path.count("/"), deep=False)

    def _look(self, fd: int, prefix: str, depth: int, *, deep: bool) -> None:
        self._note(prefix[:-1], fd)
        before, found, known = self._before, self.found, self._known
        inner, names = [], set()
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
                names.add(entry.name)
                if stat.S_ISDIR(facts.st_mode) and (deep or known.get(path) != facts.st_ino):
                    inner.append(entry.name)
        self.listed[prefix[:-1]] = names
        if not depth:
            self.deep |= {prefix + name for name in inner}
        for name in inner if depth else ():
            path = prefix + name
            if is_protected(name) or path in self._closed:
                continue
            with contextlib.suppress(OSError):
                directory = self._enter(fd, name, path)
                try:
                    self._look(directory, path + "/", depth - 1, deep=True)
                finally:
                    os.close(directory)

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        if not path:
            fd = os.open(self._top, os.O_DIRECTORY)
        else:
            with parent_of(self._top, path) as (parent, name):
                fd = self._enter(parent, name, path)
        try:
            yield fd
        finally:
            os.close(fd)

    def _enter(self, parent: int, name: str, path: str) -> int:
        if self._opening:
            old = self._before.get(path)
            if old is None or old.changed != os.lstat(name, dir_fd=parent).st_ctime_ns:
                self.found[path] = open_up(parent, name)
        return enter(parent, name)


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
