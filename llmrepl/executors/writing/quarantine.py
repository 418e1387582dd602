"""Where protected files go that a block made: out of the way of what would run or obey them."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shlex
import shutil
import stat
from pathlib import Path

from llmrepl.executors.files.removal import remove_below
from llmrepl.executors.files.scratch import MAX_NESTING, enter
from llmrepl.executors.files.tree import parent_of
from llmrepl.executors.writing.index import open_up


class Quarantine:
    """A directory that only we can enter, with one in it for each thing that was moved there.

    Args:
        directory: made with the first of them.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def move(self, top: Path, path: str) -> Path:
        """Move what stands at `path` below `top` here, and return where it is.

        Where it cannot be brought here, it gets a name beside its own that nobody obeys. No link is
        followed, and nothing may run that could change the way meanwhile.

        Raises:
            OSError: it could not be moved.
        """
        with parent_of(top, path) as (parent, name):
            _open(parent, name)
            try:
                return self._take(parent, name)
            except (OSError, shutil.Error, RecursionError):
                spare = f"{name.lstrip('.')}.quarantined-{secrets.token_hex(4)}"
                os.rename(name, spare, src_dir_fd=parent, dst_dir_fd=parent)
                return (top / path).parent / spare

    def _take(self, parent: int, name: str) -> Path:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._new() / name
        try:
            os.rename(name, target, src_dir_fd=parent)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(Path(f"/proc/self/fd/{parent}") / name, target)
            _remove(parent, name)
        return target

    def _new(self) -> Path:
        for number in range(1, 1_000_000):
            with contextlib.suppress(FileExistsError):
                place = self._directory / str(number)
                place.mkdir(mode=0o700)
                return place
        raise FileExistsError(f"{self._directory} is full")


def _open(parent: int, name: str, depth: int = MAX_NESTING) -> None:
    """Let us change directories whatever mode a block gave them; anything else stays as it is."""
    with contextlib.suppress(OSError):
        open_up(parent, name)
        fd = enter(parent, name)
        try:
            with os.scandir(fd) as entries:
                names = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
            for each in names if depth else ():
                _open(fd, each, depth - 1)
        finally:
            os.close(fd)


def way_back(place: Path, top: Path, path: str) -> str:
    """Return the command that takes something out of quarantine again."""
    return shlex.join(["mv", str(place), str(top / path)])


def _copy(source: Path, target: Path) -> None:
    mode = os.lstat(source).st_mode
    if stat.S_ISDIR(mode):
        shutil.copytree(source, target, symlinks=True, ignore=_special)
    elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        shutil.copy2(source, target, follow_symlinks=False)


def _special(directory: str, names: list[str]) -> list[str]:
    """Return what cannot be copied: pipes, sockets and devices."""
    kinds = ((name, os.lstat(os.path.join(directory, name)).st_mode) for name in names)
    plain = (stat.S_ISDIR, stat.S_ISREG, stat.S_ISLNK)
    return [name for name, mode in kinds if not any(is_kind(mode) for is_kind in plain)]


def _remove(parent: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except IsADirectoryError:
        remove_below(parent, name)
