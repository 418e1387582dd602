"""What blocks wrote for real, block by block, so that the newest can be taken back first."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from llmrepl.executors.files.tree import parent_of
from llmrepl.executors.writing.area import Area, State, Turnover
from llmrepl.executors.writing.index import Seen, open_up
from llmrepl.executors.writing.restoring import finish, put_back, remove
from llmrepl.executors.writing.snapshots import Store
from llmrepl.executors.writing.ways import Applied

MAX_STEPS = 200
"""Blocks that can be undone."""

MOVED = "it was changed outside since"
HOLDS = "it is all that is left of {}: move it back yourself"
NOT_KEPT = "what stood there was too large to keep, or could not be read"


class Block(NamedTuple):
    """A block. `branch` is 0 in the conversation, and where it has left the block another number.

    Ids of calls come again where a person goes back.
    """

    branch: int
    call_id: str

    @property
    def turn(self) -> tuple[int, str]:
        """Its turn: a call's id begins with the number of it."""
        return self.branch, self.call_id.partition(".")[0]


@dataclass(slots=True)
class Step:
    """What one block wrote. `moved` are the paths that something else has changed since."""

    block: Block
    area: Area
    wrote: list[Turnover]
    moved: set[str] = field(default_factory=set)

    def release(self) -> None:
        """Give up what is kept for it."""
        _release(self.wrote)


class History:
    """The newest blocks that wrote something, with what stood there before.

    Args:
        store: where the contents are; the oldest blocks are forgotten when it is full.
    """

    def __init__(self, store: Store) -> None:
        self._steps: list[Step] = []
        self._branches = 0
        store.let_go = self._forget

    def add(self, call_id: str, area: Area, wrote: list[Turnover]) -> None:
        """Note what a block wrote, if anything."""
        if not wrote:
            return
        self._steps.append(Step(Block(0, call_id), area, wrote))
        if len(self._steps) > MAX_STEPS:
            self._forget()

    def _forget(self) -> bool:
        """Forget the oldest block; say whether there was one."""
        if not self._steps:
            return False
        self._steps.pop(0).release()
        return True

    def outside(self, area: Area, changed: Sequence[Turnover]) -> None:
        """Note what somebody else changed."""
        paths = {turnover.path for turnover in changed}
        for step in self._steps:
            if step.area is area:
                step.moved |= paths
        _release(changed)

    def leave(self, calls: Collection[str] | None = None) -> None:
        """Note that the conversation has left these calls, or all: their ids may come again."""
        self._branches += 1
        for step in self._steps:
            branch, call_id = step.block
            if not branch and (calls is None or call_id in calls):
                step.block = Block(self._branches, call_id)

    def last(self, blocks: int | None) -> list[Block]:
        """Return the last `blocks` that wrote, newest first; None: those of the last turn."""
        found = list(dict.fromkeys(step.block for step in reversed(self._steps)))
        if blocks is not None:
            return found[:blocks]
        return [block for block in found if block.turn == found[0].turn]

    def since(self, calls: Collection[str]) -> list[Block]:
        """Return the blocks that wrote, newest first, down to the first of `calls`.

        Those that the conversation has left since are among them.
        """
        found = self.last(MAX_STEPS)
        meant = [not block.branch and block.call_id in calls for block in found]
        return found[: len(found) - meant[::-1].index(True)] if any(meant) else []

    def undo(self, blocks: Collection[Block]) -> Applied:
        """Take back what `blocks` wrote, the newest ones there are."""
        done: dict[str, None] = {}
        conflicts: dict[str, str] = {}
        refused: dict[str, str] = {}
        while self._steps and self._steps[-1].block in blocks:
            step = self._steps.pop()
            attempt = _Attempt(step)
            attempt.run()
            left = set(attempt.conflicts) | set(attempt.refused)
            for older in self._steps:
                if older.area is step.area:
                    older.moved |= left
            name = step.area.name
            done |= {name(path): None for path in attempt.done}
            conflicts |= {name(path): why for path, why in attempt.conflicts.items()}
            refused |= {name(path): why for path, why in attempt.refused.items()}
            step.release()
            _release(step.area.settle())
        kept = tuple(path for path in done if path not in conflicts and path not in refused)
        return Applied(kept, tuple(conflicts.items()), tuple(refused.items()))


class _Attempt:
    """One block's writes being taken back."""

    def __init__(self, step: Step) -> None:
        self._top = step.area.top
        self._wrote = sorted(step.wrote, key=lambda turnover: turnover.path)
        self.done: list[str] = []
        self.conflicts = {t.path: MOVED for t in self._wrote if t.path in step.moved}
        self.refused: dict[str, str] = {}
        lost: dict[int, str] = {}
        for turnover in self._wrote:
            if turnover.before is not None and not _can_be_put_back(turnover.before):
                self.refused[turnover.path] = NOT_KEPT
                lost[turnover.before.seen.inode] = turnover.path
        for turnover in self._wrote:
            if turnover.before is None and turnover.after and turnover.after.inode in lost:
                self.refused.setdefault(turnover.path, HOLDS.format(lost[turnover.after.inode]))

    def run(self) -> None:
        """Remove what was made, from the bottom up; then put back what was there."""
        directories: list[tuple[str, Seen]] = []
        for turnover in self._wrote:
            if turnover.after is not None and turnover.after.kind == "directory":
                with suppress(OSError), parent_of(self._top, turnover.path) as (parent, name):
                    open_up(parent, name)
        for turnover in reversed(self._wrote):
            if turnover.after is not None and _must_go(turnover.before, turnover.after):
                self._try(turnover, remove, turnover.after.kind)
        for turnover in self._wrote:
            if turnover.before is not None:
                self._try(turnover, put_back, turnover.before)
                if turnover.before.seen.kind == "directory":
                    directories.append((turnover.path, turnover.before.seen))
        finish(self._top, directories)
        left = self.conflicts.keys() | self.refused.keys()
        self.done = [turnover.path for turnover in self._wrote if turnover.path not in left]

    def _try(self, turnover: Turnover, act: Callable[..., None], how: str | State) -> None:
        path = turnover.path
        if path in self.conflicts or path in self.refused:
            return
        try:
            act(self._top, path, how)
        except OSError as error:
            if error.errno == errno.ENOTEMPTY:
                self.conflicts[path] = "there is something else in it"
            else:
                self.refused[path] = error.strerror or str(error)


def _release(turnovers: Iterable[Turnover]) -> None:
    for turnover in turnovers:
        if turnover.before is not None:
            turnover.before.release()


def _can_be_put_back(state: State) -> bool:
    kind = state.seen.kind
    return kind == "directory" or (kind != "other" and state.content is not None)


def _must_go(before: State | None, after: Seen) -> bool:
    """Say whether what stands there must be removed before what was there is put back."""
    if before is None:
        return True
    return (before.seen.kind == "directory") != (after.kind == "directory")
