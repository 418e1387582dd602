"""What blocks of one session wrote, in every way they may, and what a person makes of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from llmrepl.errors import LlmreplError
from llmrepl.executors.running.engine import Engine
from llmrepl.executors.walls.launch import Plan
from llmrepl.executors.writing.changes import Change
from llmrepl.executors.writing.real_writes import RealWrites
from llmrepl.executors.writing.ways import Applied, Writing
from llmrepl.executors.writing.working_copy import WorkingCopy


class Written:
    """The ways of writing of one executor.

    Args:
        project: what paths are relative to.
        turn: held while a block runs; a person's wishes wait for it.
        refresh: called where files were taken out of the copy under a live sandbox.
    """

    def __init__(
        self, project: Path | None, turn: asyncio.Lock, refresh: Callable[[], None]
    ) -> None:
        self._turn = turn
        self._refresh = refresh
        self._project = project
        self._copy: WorkingCopy | None = None
        self._real: RealWrites | None = None

    @property
    def _ways(self) -> tuple[Writing, ...]:
        return tuple(way for way in (self._copy, self._real) if way is not None)

    def cover(self, start: Plan) -> Plan:
        """Return what a sandbox is started from, with what is protected where it writes for real.

        Raises:
            ConfigError: it cannot be let write there.
        """
        if not start.policy.write:
            return start
        if self._real is None:
            self._real = RealWrites(start.ground.private, start.policy.quarantine)
        return replace(start, layout=self._real.cover(start.policy, start.layout))

    def opened(self, start: Plan) -> None:
        """Note that a sandbox has started."""
        if start.overlay is None:
            self._copy = None
        elif self._copy is None:
            self._copy = WorkingCopy(start.overlay, self._refresh)

    @property
    def is_changed(self) -> bool:
        """Whether the copy differs from the project."""
        return self._copy is not None and bool(self._copy.changes())

    @property
    def is_copied(self) -> bool:
        """Whether there has been a copy, which may hold changes."""
        return self._copy is not None

    def close(self) -> None:
        """Watch no more. May be called twice."""
        if self._real is not None:
            self._real.close()

    async def begin(self, engine: Engine) -> str:
        """Make ready for a block; return why the sandbox must start again first, or ""."""
        for way in self._ways:
            if why := await way.begin(engine):
                return why
        return ""

    async def end(self, engine: Engine, call_id: str) -> str:
        """Return what a block wrote, in words with a diff, or ""."""
        return "".join([await way.end(engine, call_id) for way in self._ways])

    async def changes(self) -> list[Change]:
        """Return what differs between the blocks' copy and the project."""
        async with self._turn:
            return self._copy.changes() if self._copy is not None else []

    async def diff(self, path: str = "") -> str:
        """Return a unified diff of the project and the copy, of all or what is at `path`."""
        name = self._name(path)
        async with self._turn:
            return self._copy.diff(name) if self._copy is not None else ""

    async def apply(self, paths: Iterable[str] | None = None) -> Applied:
        """Write what blocks changed in their copy into the project.

        Args:
            paths: files or directories of the project; None for all that is not protected.
        """
        names = None if paths is None else [self._name(path) for path in paths]
        async with self._turn:
            return self._copy.apply(names) if self._copy is not None else Applied()

    async def discard(self, paths: Iterable[str] | None = None) -> list[str]:
        """Let the copy be as the project again; return the paths that were not."""
        names = None if paths is None else [self._name(path) for path in paths]
        async with self._turn:
            return self._copy.discard(names) if self._copy is not None else []

    def leave(self, calls: Collection[str] | None = None) -> None:
        """Note that the conversation has left these calls, or all: their ids may come again."""
        if self._real is not None:
            self._real.leave(calls)

    async def undo(
        self, blocks: int | None = None, calls: Collection[str] | None = None
    ) -> tuple[int, Applied]:
        """Take back what blocks wrote for real.

        Args:
            blocks: how many of the newest; None for those of the last turn that wrote.
            calls: go back to before the first of these calls of the conversation instead.

        Returns:
            How many blocks that were, and what became of each path.
        """
        async with self._turn:
            if self._real is None:
                return 0, Applied()
            undone = self._real.undo(blocks, calls)
            if self._copy is not None:
                self._refresh()  # a copy shows what lies beneath it
            return undone

    def _name(self, path: str) -> str:
        """Return `path` relative to the project.

        Raises:
            LlmreplError: it is not in the project.
        """
        project = self._project
        if project is None or not path:
            return ""
        named = os.path.relpath(os.path.join(project, path), project)
        if named == ".." or named.startswith("../"):
            raise LlmreplError(f"{path} is not in {project}", hint="name a path in the project")
        return "" if named == "." else named
