"""After a block that wrote for real: what it must not leave behind is moved or put back, and said.

Nothing of the sandbox runs meanwhile, and no link is followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from llmrepl.executors.files.tree import parent_of
from llmrepl.executors.place import is_protected
from llmrepl.executors.writing.area import Area, State
from llmrepl.executors.writing.differences import shown
from llmrepl.executors.writing.index import Seen
from llmrepl.executors.writing.quarantine import Quarantine, way_back
from llmrepl.executors.writing.repositories import PARTS, inside, is_repository
from llmrepl.executors.writing.restoring import put_back

SET_ID = stat.S_ISUID | stat.S_ISGID


class Sweep:
    """One sweep of one directory. `lines` will say what was done, for the model and the person.

    Args:
        area: the directory. Nothing that happened to what is guarded in it is a block's doing.
        quarantine: where to put things.
    """

    def __init__(self, area: Area, quarantine: Quarantine) -> None:
        self._area = area
        self._quarantine = quarantine
        self._moved: set[str] = set()
        self.lines: list[str] = []

    def run(self, paths: Iterable[str]) -> bool:
        """Look at the paths that may have changed; say whether anything was done."""
        for path in paths:
            seen, before = self._area.seen(path), self._area.now.get(path)
            if is_protected(path.rpartition("/")[2]) or path in self._area.named:
                self._protected(path, before, seen)
            elif path in self._area.deep and before is None:
                self._move(path, "it is nested too deep to be looked into")
            elif seen is not None:
                if path.rpartition("/")[2] in PARTS:
                    self._repository(path)
                self._plain(path, before, seen)
        return bool(self.lines)

    def _repository(self, path: str) -> None:
        """Take apart a directory that a block made a repository of."""
        directory = path.rpartition("/")[0]
        seen = self._area.seen(directory)
        if seen is not None and seen.inode in self._area.guarded.values():
            return  # a person's, moved along with the directory it is in
        if is_repository(directory, self._before) or not is_repository(directory, self._now):
            return
        for part in (inside(directory, name) for name in PARTS):
            if self._now(part) != self._before(part):
                self._moved.add(part)
                self._move(part, "Git would obey the directory that it is in")
                return

    def _before(self, path: str) -> str:
        state = self._area.now.get(path)
        return state.seen.kind if state is not None else ""

    def _now(self, path: str) -> str:
        seen = None if path in self._moved else self._area.seen(path)
        return seen.kind if seen is not None else ""

    def _protected(self, path: str, before: State | None, seen: Seen | None) -> None:
        guard = self._area.guarded.get(path)
        if guard is not None and (seen is None or seen.inode == guard):
            return
        if seen is not None and seen.inode in self._area.guarded.values():
            return  # moved along with the directory it is in
        if before is None:
            self._move(path, "it is run or obeyed unasked")
        elif before.seen.kind == "directory":
            if seen is not None and seen.inode != before.seen.inode:
                self._move(path, "it took the place of what is protected")
        elif seen is None or seen != before.seen:
            if seen is not None:
                self._move(path, "it is protected")
            self._put_back(path, before)

    def _put_back(self, path: str, before: State) -> None:
        name = shown(self._area.name(path))
        try:
            put_back(self._area.top, path, before)
        except OSError as error:
            self._say(f"{name} is protected and could not be put back: {error.strerror or error}")
        else:
            self._say(f"{name} is protected and was put back")

    def _plain(self, path: str, before: State | None, seen: Seen) -> None:
        if before is not None and seen == before.seen:
            return
        if stat.S_ISCHR(seen.mode) or stat.S_ISBLK(seen.mode):
            if before is None or seen.mode != before.seen.mode:
                self._move(path, "it is a device")
        elif stat.S_ISREG(seen.mode) and seen.mode & SET_ID:
            self._strip(path)  # also one that it had: what it stands for may have changed

    def _strip(self, path: str) -> None:
        name = shown(self._area.name(path))
        try:
            with parent_of(self._area.top, path) as (parent, last):
                fd = os.open(last, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
            try:
                mode = stat.S_IMODE(os.fstat(fd).st_mode)
                os.chmod(f"/proc/self/fd/{fd}", mode & ~SET_ID)  # the very file
            finally:
                os.close(fd)
        except OSError as error:
            self._say(f"{name} has a set-user-id bit that could not be removed: {error.strerror}")
        else:
            self._say(f"the set-user-id bit of {name} was removed")

    def _move(self, path: str, why: str) -> None:
        name, top = shown(self._area.name(path)), self._area.top
        try:
            place = self._quarantine.move(top, path)
        except OSError as error:
            self._say(f"{name} could not be moved away ({error.strerror or error}): {why}")
        else:
            back = shown(way_back(place, top, path))
            self._say(f"{name} was put into quarantine: {why}; to have it back: {back}")

    def _say(self, text: str) -> None:
        self.lines.append(f"! {text}")
