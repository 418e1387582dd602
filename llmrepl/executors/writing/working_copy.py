"""The blocks' copy of the project: what each block changed in it, and what a person takes over."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping

from llmrepl.executors.files.tree import Entry, Stamp, look, unfold, unveil, walk
from llmrepl.executors.place import protected
from llmrepl.executors.running.engine import Engine
from llmrepl.executors.walls.overlay import Overlay
from llmrepl.executors.writing.applying import Refusal, apply_change, drop
from llmrepl.executors.writing.changes import (
    MAX_LISTED,
    Base,
    Change,
    Difference,
    base_of,
    compare,
    counted,
    has_moved,
    told,
)
from llmrepl.executors.writing.repositories import guarded_part
from llmrepl.executors.writing.ways import Applied

SLACK = 10_000_000
"""Nanoseconds that a file's time may lag behind the clock."""


class WorkingCopy:
    """A copy-on-write layer over a project; see `llmrepl.executors.writing.ways.Writing`.

    No other method may be called while a block runs.

    Args:
        overlay: its directories.
        refresh: called where files were taken out of the copy under a live sandbox.
    """

    def __init__(self, overlay: Overlay, refresh: Callable[[], None]) -> None:
        self.project = overlay.lower
        self._upper = overlay.upper
        self._refresh = refresh
        self._seen: dict[str, Stamp] = {}
        self._bases: dict[str, Base] = {}
        self._same: dict[str, Stamp] = {}
        self._since = self._ended = time.time_ns()
        self._held: frozenset[int] | None = frozenset()

    async def begin(self, _engine: Engine) -> str:
        """Note that a block begins. What it will see is as the project is now."""
        self._since = time.time_ns()
        stale = [path for path, stamp in self._same.items() if self._stamp(path) != stamp]
        if stale:
            self._take_out(stale)
        return ""

    async def end(self, engine: Engine, _call_id: str) -> str:
        """Return what the block changed, in words with a diff, or ""."""
        engine.refresh(wait=False)
        entries = {} if self._is_empty() else dict(walk(self._upper))
        if not entries and not self._seen:  # as after most blocks
            self._held, self._ended = frozenset(), time.time_ns()
            return ""
        # Where no file has been copied, none of a copy can be held, and looking takes its time.
        copied = any(entry.kind == "file" for entry in entries.values())
        before, self._held = self._held, engine.held() if copied else frozenset()
        self._forget(before, self._held)
        return self._take_in(entries)

    def _is_empty(self) -> bool:
        try:
            with os.scandir(self._upper) as entries:
                return next(entries, None) is None
        except OSError:  # blocks can close it
            return False

    def _forget(self, *held: frozenset[int] | None) -> None:
        """Look again at what blocks hold: through a mapping it changes, and no time tells."""
        inodes = frozenset[int]().union(*(each or () for each in held))
        for path, stamp in list(self._seen.items()):
            if None in held or stamp[1] in inodes:
                self._seen[path] = ()

    def _take_in(self, entries: Mapping[str, Entry]) -> str:
        fresh = [path for path, entry in entries.items() if self._seen.get(path) != entry.stamp]
        gone = [path for path in self._seen if path not in entries]
        if not fresh and not gone:
            self._ended = time.time_ns()
            return ""
        unveil(self._upper, self.project)
        entries = dict(walk(self._upper))
        fresh = [path for path, entry in entries.items() if self._seen.get(path) != entry.stamp]
        gone = [path for path in self._seen if path not in entries]
        self._seen = {path: entry.stamp for path, entry in entries.items()}
        found: dict[str, Difference] = {}
        for path in fresh:
            deep = entries[path].kind != "directory"  # what is in one is in `fresh` itself
            each = list(compare(self.project, self._upper, path, deep=deep))
            self._same.pop(path, None)
            if not each and entries[path].kind in ("file", "link"):
                self._same[path] = self._stamp(path)
            found |= {f"{d.change.path}\0{d.change.kind}": d for d in each}
            self._note(each, entries[path].changed)
        named = {each.change.path for each in found.values()}
        for path in gone:
            self._same.pop(path, None)
            if path not in named:  # or a directory above it was deleted, and it with it
                self._bases.pop(path, None)
        self._ended = time.time_ns()
        return self._told(list(found.values()), gone)

    def changes(self) -> list[Change]:
        """Return everything that differs from the project, in the order of paths."""
        return [counted(self.project, self._upper, each)[0] for each in self._differences()]

    def diff(self, path: str = "") -> str:
        """Return a unified diff of everything, or of what is at or below `path`."""
        found = [d for d in self._differences() if _is_named(d.change.path, (path,))]
        return "".join(self._text(each) for each in found)

    def apply(self, paths: Iterable[str] | None = None) -> Applied:
        """Write changes into the project; what was written leaves the copy.

        Args:
            paths: files and directories; None for all. What is protected (see
                `llmrepl.executors.place.PROTECTED`) is written only where it is named.
        """
        names = None if paths is None else tuple(paths)
        done: list[Difference] = []
        conflicts, refused = [], []
        for each in self._ordered(names):
            path = each.change.path
            guarded = protected(path) or guarded_part(path, self._below, self._shown)
            if guarded and not _is_meant(path, guarded, names or ()):
                refused.append((path, f"{guarded} is protected: name it to apply it"))
                continue
            if self._is_conflict(each):
                conflicts.append((path, "it was changed outside meanwhile"))
                continue
            try:
                apply_change(self.project, self._upper, each)
            except Refusal as refusal:
                refused.append((path, str(refusal)))
            except OSError as error:
                refused.append((path, error.strerror or str(error)))
            else:
                done.append(each)
        applied = list(dict.fromkeys(each.change.path for each in done))
        self._settle(applied)
        return Applied(tuple(applied), tuple(conflicts), tuple(refused))

    def discard(self, paths: Iterable[str] | None = None) -> list[str]:
        """Take changes out of the copy, so that it is as the project is; return their paths.

        Args:
            paths: files and directories; None for all.
        """
        names = None if paths is None else tuple(paths)
        found = [d.change.path for d in self._differences() if _is_named(d.change.path, names)]
        tops = {p.split("/")[0] for p in found} if names is None else set(names)
        if names is None:
            tops |= {path for path, _ in walk(self._upper) if "/" not in path}
        for top in tops:
            unfold(self._upper, self.project, top)
        self._take_out(top for top in tops if top)
        return list(dict.fromkeys(found))

    def _below(self, path: str) -> str:
        """Return the kind of what stands at a path of the project."""
        entry = look(self.project, path)
        return entry.kind if entry is not None else ""

    def _shown(self, path: str) -> str:
        """Return the kind of what blocks see at a path."""
        entry = look(self._upper, path)
        if entry is None:
            return self._below(path)
        return entry.kind if entry.kind != "whiteout" else ""

    def _differences(self) -> list[Difference]:
        self._take_in(dict(walk(self._upper)))
        return sorted(compare(self.project, self._upper), key=lambda each: each.change.path)

    def _ordered(self, names: tuple[str, ...] | None) -> list[Difference]:
        """Return what is to be applied: deletions first, from the bottom up, then the rest."""
        found = [d for d in self._differences() if _is_named(d.change.path, names)]
        gone = [each for each in found if each.change.kind == "deleted"]
        return gone[::-1] + [each for each in found if each.change.kind != "deleted"]

    def _is_conflict(self, each: Difference) -> bool:
        path = each.change.path
        if each.change.kind == "added" and look(self.project, path) is None:
            return False
        base = self._bases.get(path)
        return base is None or has_moved(self.project, path, base)

    def _note(self, found: Iterable[Difference], written: int) -> None:
        for each in found:
            # Written between two blocks, by something that Python left running.
            since = self._since if written >= self._since - SLACK else self._ended
            path = each.change.path
            if path not in self._bases:
                self._bases[path] = base_of(self.project, path, since)

    def _settle(self, applied: Iterable[str]) -> None:
        """Take what was applied out of the copy; directories stay, since blocks may be in them."""
        plain = []
        for path in applied:
            entry = look(self._upper, path)
            self._bases.pop(path, None)
            if entry is not None and entry.kind != "directory":
                plain.append(path)
        self._take_out(plain)

    def _take_out(self, paths: Iterable[str]) -> None:
        gone = tuple(paths)
        for path in gone:
            drop(self._upper, path)
        for memory in (self._seen, self._bases, self._same):
            for path in [p for p in memory if _is_named(p, gone)]:
                del memory[path]
        if gone:
            self._refresh()

    def _stamp(self, path: str) -> Stamp:
        entry = look(self.project, path)
        return entry.stamp if entry is not None else ()

    def _text(self, each: Difference) -> str:
        change, text = counted(self.project, self._upper, each)
        return text or f"{change}\n"

    def _told(self, found: list[Difference], gone: list[str]) -> str:
        back = sorted(path for path in gone if look(self.project, path) is not None)
        return told(
            sorted(found, key=lambda each: each.change.path),
            lambda each: counted(self.project, self._upper, each),
            [f"= {path} is as in the project again" for path in back[:MAX_LISTED]],
        )


def _is_named(path: str, names: tuple[str, ...] | None) -> bool:
    """Say whether `path` is one of `names` or below one; None or "" names everything."""
    return names is None or any(not name or _is_below(path, name) for name in names)


def _is_meant(path: str, guarded: str, names: tuple[str, ...]) -> bool:
    """Say whether a name reaches `path` that is itself `guarded` or below it."""
    return any(_is_below(name, guarded) and _is_below(path, name) for name in names)


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top + "/")
