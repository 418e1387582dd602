"""Directories that blocks write for real: what each block changed there, swept, and kept for undo.

What a block left running rests until the next one begins. So whatever changes meanwhile is somebody
else's work, nothing of a block's goes unseen, and nothing moves while we look.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from llmrepl.errors import ConfigError, SandboxUnavailable
from llmrepl.executors.place import is_protected
from llmrepl.executors.policy import Policy
from llmrepl.executors.running.engine import Engine
from llmrepl.executors.walls.layout import Layout
from llmrepl.executors.writing.area import Area, State, Turnover
from llmrepl.executors.writing.changes import Change, Counted, compared, told
from llmrepl.executors.writing.differences import MAX_FILE, shown
from llmrepl.executors.writing.guards import guards
from llmrepl.executors.writing.quarantine import Quarantine
from llmrepl.executors.writing.snapshots import Kept, Store
from llmrepl.executors.writing.sweeping import Sweep
from llmrepl.executors.writing.undoing import History
from llmrepl.executors.writing.ways import Applied

MAX_FILES = 200_000
"""Files in one directory beyond which each block would take too long."""

REPLACED = "{} is not the directory that it was"
AGAIN = "{} is new and has to be protected"


class RealWrites:
    """Such directories of one session; see `llmrepl.executors.writing.ways.Writing`.

    `undo` may not be called while a block runs.

    Args:
        private: a directory of our own that ends with the session.
        quarantine: where protected files go that a block made; None: below `private`.
        most_files: how many files one directory may have.
    """

    def __init__(self, private: Path, quarantine: Path | None, most_files: int = MAX_FILES) -> None:
        self._store = Store(private / "kept")
        self._quarantine = Quarantine(quarantine or private / "quarantine")
        self._history = History(self._store)
        self._areas: dict[Path, Area] = {}
        self._most_files = most_files
        self._unsaid: list[str] = []
        self._last = ""
        self._ran = False
        self._mounted: dict[Path, tuple[int, ...]] = {}
        self._held: frozenset[int] | None = frozenset()

    def cover(self, policy: Policy, layout: Layout) -> Layout:
        """Take in the policy's directories as they are now, before a sandbox starts.

        Returns:
            The layout with what is to be protected in them.

        Raises:
            ConfigError: one of them has too many files.
            SandboxUnavailable: one of them cannot be read, or is a directory no more.
        """
        guarded = []
        for top in policy.write:
            if not _identity(top):
                raise SandboxUnavailable(
                    f"{top}, which blocks write, is no directory any more", hint="see sandbox.write"
                )
            area = self._areas.get(top) or self._area(top, policy, layout)
            self._history.outside(area, area.settle())
            if len(area.now) > self._most_files:
                raise ConfigError(
                    f"{top} has more than {self._most_files} files, too many to watch",
                    hint="name a smaller directory in it",
                )
            area.guard(guards(top, {path: state.seen for path, state in area.now.items()}))
            guarded += [top / path for path in area.guarded]
        for top in self._areas.keys() - set(policy.write):
            self._areas.pop(top).close()
        self._mounted = {top: _identity(top) for top in policy.write}
        self._ran = False
        return replace(layout, guarded=tuple(guarded))

    def _area(self, top: Path, policy: Policy, layout: Layout) -> Area:
        closed = [str(p.relative_to(top)) for p in layout.kept if p.is_relative_to(top)]
        self._areas[top] = area = Area(top, policy.project, closed, self._store)
        return area

    async def begin(self, engine: Engine) -> str:
        """Note what others changed since the last block; return what has to be protected anew."""
        for top in self._areas:
            if _identity(top) != self._mounted.get(top):
                return REPLACED.format(shown(str(top)))
        looked = [(area, area.look()) for area in self._areas.values()]
        rested = not self._ran or not any(paths for _, paths in looked) or await engine.rested()
        stale = ""
        for area, paths in looked:
            if rested:
                changed = area.take(paths)
                self._history.outside(area, changed)
            else:
                area.suspect(self._held)
                changed = self._swept(area)
                self._history.add(self._last, area, changed)
            new = (t.path for t in changed if _must_be_guarded(area, t))
            stale = stale or next((AGAIN.format(shown(area.name(path))) for path in new), "")
        if not stale:
            self._ran = True
            engine.wake()
        return stale

    async def end(self, engine: Engine, call_id: str) -> str:
        """Sweep, keep what is needed to undo the block, and return what it wrote."""
        await engine.rest()
        self._suspect(engine.held())
        self._last = call_id
        found: list[tuple[Area, Turnover]] = []
        for area in self._areas.values():
            try:
                wrote = self._swept(area)
            except SandboxUnavailable as error:
                self._unsaid.append(f"! {error.message}")
                continue
            self._history.add(call_id, area, wrote)
            found += [(area, turnover) for turnover in wrote]
        unsaid, self._unsaid = self._unsaid, []
        lost = [area.name(t.path) for area, t in found if _is_lost(t)]
        unsaid += [
            f"! {shown(name)} cannot be undone: what stood there was not kept" for name in lost
        ]
        found.sort(key=lambda each: each[0].name(each[1].path))
        return told(found, _counted, unsaid)

    def _suspect(self, held: frozenset[int] | None) -> None:
        """Note what a block could change unseen: what it held before, and what it holds now."""
        before, self._held = self._held, held
        for area in self._areas.values():
            area.suspect(None if before is None or held is None else before | held)

    def _swept(self, area: Area) -> list[Turnover]:
        paths = area.look(opening=True)
        sweep = Sweep(area, self._quarantine)
        if sweep.run(paths):
            self._unsaid += sweep.lines
            paths = area.look(opening=True)
        return area.take(paths)

    def close(self) -> None:
        """Watch no more. May be called twice."""
        for area in self._areas.values():
            area.close()

    def leave(self, calls: Collection[str] | None = None) -> None:
        """Note that the conversation has left these calls, or all: their ids may come again."""
        self._history.leave(calls)
        self._last = ""

    def undo(
        self, blocks: int | None = None, calls: Collection[str] | None = None
    ) -> tuple[int, Applied]:
        """Take back what the last `blocks` wrote, or all since `calls`, or the last turn's.

        Returns:
            How many blocks that were, and what became of each path.
        """
        for area in self._areas.values():
            self._history.outside(area, area.settle())
        found = self._history.last(blocks) if calls is None else self._history.since(calls)
        return len(found), self._history.undo(found)


def _identity(top: Path) -> tuple[int, ...]:
    """Return what tells a directory from another that takes its place, () where it is none."""
    try:
        facts = top.lstat()
    except OSError:
        return ()
    return (facts.st_dev, facts.st_ino) if stat.S_ISDIR(facts.st_mode) else ()


def _must_be_guarded(area: Area, turnover: Turnover) -> bool:
    after = turnover.after
    return (
        after is not None
        and after.kind == "directory"
        and is_protected(turnover.path.rpartition("/")[2])
        and area.guarded.get(turnover.path) != after.inode
    )


def _is_lost(turnover: Turnover) -> bool:
    before = turnover.before
    return before is not None and before.seen.kind == "file" and before.content is None


def _counted(found: tuple[Area, Turnover]) -> Counted:
    area, turnover = found
    before, after = turnover.before, area.now.get(turnover.path)
    kind = "deleted" if after is None else "added" if before is None else "changed"
    standing = after or before
    assert standing is not None
    modes = [None if s is None else stat.S_IMODE(s.seen.mode) for s in (before, after)]
    return compared(
        Change(area.name(turnover.path), kind, standing.seen.kind),
        (modes[0], modes[1]),
        (_content(before), _content(after)),
    )


def _content(state: State | None) -> bytes | None:
    """Return what a diff compares; a link stands for its target, what is not kept is binary."""
    if state is None:
        return None
    if isinstance(state.content, Kept):
        return state.content.read(MAX_FILE + 1)
    if isinstance(state.content, str):
        return b"-> " + os.fsencode(state.content) + b"\n"
    return b"\0"
