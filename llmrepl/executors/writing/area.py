"""A directory that blocks write for real, as it was when we last looked, contents included."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from llmrepl.errors import SandboxUnavailable
from llmrepl.executors.files.tree import open_file, target_of
from llmrepl.executors.writing.index import Scan, Seen
from llmrepl.executors.writing.snapshots import Kept, Pack, Store
from llmrepl.executors.writing.watch import Watch

_NONE: frozenset[str] = frozenset()

SLACK = 20_000_000
"""Nanoseconds within which a file may change twice without its time telling."""


@dataclass(frozen=True, slots=True)
class State:
    """An entry at one moment.

    `content` is a file's, a link's target, or None: for a directory, and where it was not kept.
    """

    seen: Seen
    content: Kept | str | None = None

    def release(self) -> None:
        """Give up what is kept of it."""
        if isinstance(self.content, Kept):
            self.content.release()


@dataclass(frozen=True, slots=True)
class Turnover:
    """One path that changed: what stood there, and what stands there now; None for nothing."""

    path: str
    before: State | None
    after: Seen | None


class Area:
    """One such directory. `now` is what stands in it, by path.

    `guarded` has the inodes of what is mounted read-only in it, by path; `named` also what would be
    if it existed, and `deep` what was nested too deep to be looked into.

    Args:
        top: the directory.
        project: what its paths are told relative to, where it lies in there.
        closed: paths in it that no block can write, and which are not looked into.
        store: where contents are kept.
    """

    def __init__(
        self, top: Path, project: Path | None, closed: Iterable[str], store: Store
    ) -> None:
        self.top = top
        self.now: dict[str, State] = {}
        self.guarded: dict[str, int] = {}
        self.named: frozenset[str] = frozenset()
        self.deep: set[str] = set()
        self._mode = 0o700
        inside = project is not None and top.is_relative_to(project)
        self._shown = PurePosixPath(os.path.relpath(top, project) if inside and project else top)
        self._closed = frozenset(closed)
        self._store = store
        self._inside: dict[str, set[str]] = {}
        self._known: dict[str, int] = {}
        self._news: dict[str, Seen | None] = {}
        self._watch = Watch()
        self._touched: set[str] | None = None
        self._seen: dict[str, Seen] = {}
        self._unsure: set[str] = set()

    def name(self, path: str) -> str:
        """Return what a path in it is called."""
        return str(self._shown / path)

    def guard(self, paths: Iterable[str]) -> None:
        """Note what is mounted read-only from now on, where it exists: it is not looked into."""
        self.named = frozenset(paths)
        found = ((path, self._seen.get(path)) for path in self.named)
        self.guarded = {path: seen.inode for path, seen in found if seen is not None}
        self._closed |= frozenset(self.guarded)

    def look(self, *, opening: bool = False) -> list[str]:
        """Return the paths at which something may have changed since `take` was last called.

        Args:
            opening: whether to make directories enterable that were shut since then, and to give
                the directory itself the mode it had when last looked at otherwise.

        Raises:
            SandboxUnavailable: the directory itself cannot be read.
        """
        with contextlib.suppress(OSError):  # it went away, as the scan finds out
            self._keep_mode(opening=opening)
        self._note_touched()
        before, touched = self._seen, self._touched
        scan = Scan(
            self.top, self._closed, before, self._known, opening=opening, entered=self._watch.add
        )
        for path in touched or ():
            scan.directory(path)
        self._news = self._changed(scan)
        if touched is None or any(map(self._is_linked, self._news)):
            try:
                scan.everything()
            except OSError as error:
                raise SandboxUnavailable(
                    f"{self.top}, which blocks write, cannot be read: {error.strerror}",
                    hint="see sandbox.write",
                ) from error
            self._watch.trust()
            self._news = self._changed(scan)
        found, self.deep = scan.found, scan.deep
        self._known |= {path: found[path].inode for path in scan.listed if path in found}
        return list(self._news)

    def suspect(self, inodes: frozenset[int] | None) -> None:
        """Compare these files the next time, whether or not anything tells that they changed.

        Args:
            inodes: theirs; None for all files.
        """
        if inodes is None:
            self._touched = None
        for path, seen in self._seen.items() if inodes is None or inodes else ():
            if seen.kind == "file" and (inodes is None or seen.inode in inodes):
                self._unsure.add(path)
                if self._touched is not None:
                    self._touched.add(path.rpartition("/")[0])

    def _changed(self, scan: Scan) -> dict[str, Seen | None]:
        before, found = self._seen, scan.found
        news: dict[str, Seen | None] = dict.fromkeys(self._gone(scan))
        news |= {path: seen for path, seen in found.items() if before.get(path) is not seen}
        return news | {path: found[path] for path in self._unsure if path in found}

    def _is_linked(self, path: str) -> bool:
        """Say whether a file has or had other names, by which it may have changed, too."""
        states = (self._seen.get(path), self.seen(path))
        return any(seen is not None and seen.kind == "file" and seen.links > 1 for seen in states)

    def _keep_mode(self, *, opening: bool) -> None:
        mode = stat.S_IMODE(self.top.stat().st_mode)
        if not opening:
            self._mode = mode
        elif mode != self._mode:
            self.top.chmod(self._mode)  # or nothing could be moved out of it

    def _note_touched(self) -> None:
        touched = self._watch.touched()
        if touched is None or self._touched is None:
            self._touched = None
        else:
            self._touched |= touched

    def _gone(self, scan: Scan) -> Iterator[str]:
        """Yield what stood in a directory that was looked into, and does not any more."""
        for directory, names in scan.listed.items():
            for name in self._inside.get(directory, _NONE) - names:
                path = f"{directory}/{name}" if directory else name
                yield path
                yield from self._below(path)
        for path, seen in scan.found.items():
            if seen.kind != "directory":
                yield from self._below(path)

    def _below(self, path: str) -> Iterator[str]:
        for name in self._inside.get(path, ()):
            yield f"{path}/{name}"
            yield from self._below(f"{path}/{name}")

    def seen(self, path: str) -> Seen | None:
        """Return what `look` saw at a path."""
        return self._news.get(path, self._seen.get(path))

    def take(self, paths: Iterable[str]) -> list[Turnover]:
        """Take in what stands now at the paths that `look` returned; return what did change.

        The states before are the caller's from now on.
        """
        fresh = time.time_ns() - SLACK
        turnovers = []
        for path, after in self._states(paths):
            before = self._replace(path, after)
            self._unsure.discard(path)
            if after is not None and after.seen.kind == "file" and after.seen.changed >= fresh:
                self._unsure.add(path)
            if before is not None and after is not None and is_same(before, after):
                before.release()
            elif before is not None or after is not None:
                turnovers.append(Turnover(path, before, after.seen if after else None))
        self._touched = set()
        return turnovers

    def _replace(self, path: str, after: State | None) -> State | None:
        before = self.now.pop(path, None)
        directory, _, name = path.rpartition("/")
        if after is None or after.seen.kind != "directory":
            self._known.pop(path, None)
        if after is None:
            self._seen.pop(path, None)
            self._inside.get(directory, set()).discard(name)
        else:
            self.now[path], self._seen[path] = after, after.seen
            self._inside.setdefault(directory, set()).add(name)
        return before

    def close(self) -> None:
        """Watch no more. May be called twice."""
        self._watch.close()

    def settle(self) -> list[Turnover]:
        """Take in everything as it is; return what changed."""
        return self.take(self.look())

    def _states(self, paths: Iterable[str]) -> Iterator[tuple[str, State | None]]:
        pack: Pack | None = None
        try:
            for path in paths:
                seen = self.seen(path)
                if seen is None:
                    yield path, None
                elif seen.kind == "link":
                    yield path, State(seen, self._target(path))
                elif seen.kind == "file":
                    pack = pack or self._store.pack()
                    yield path, self._file(path, seen, pack) if pack else State(seen)
                else:
                    yield path, State(seen)
        finally:
            if pack is not None:
                pack.close()

    def _target(self, path: str) -> str | None:
        try:
            return target_of(self.top, path)
        except OSError:
            return None

    def _file(self, path: str, seen: Seen, pack: Pack) -> State:
        try:
            fd = open_file(self.top, path)
        except OSError:
            return State(seen)
        try:
            seen = Seen.of(os.fstat(fd))
            return State(seen, pack.keep(fd, seen.size))
        except OSError:
            return State(seen)
        finally:
            os.close(fd)


def is_same(one: State, other: State) -> bool:
    """Say whether two states are of the same kind, mode and content, as far as can be known."""
    if one.seen.mode != other.seen.mode:
        return False
    if isinstance(one.content, Kept) and isinstance(other.content, Kept):
        return one.content.size == other.content.size and (
            one.content.read() == other.content.read()
        )
    if one.seen.kind == "file":  # of one of them no content is kept
        return one.seen[1:5] == other.seen[1:5]
    return one.content == other.content
