"""Removing directories, whatever blocks or an overlay left in them, and however deep."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from llmrepl.executors.files.scratch import enter, instead, place_of


def remove_tree(top: Path) -> None:
    """Remove `top`, which only we can enter; what lies around it is never touched.

    Directories in it that nobody may enter are opened first. What cannot be removed stays, and so
    does `top` then: another process may be removing it as well.
    """
    tried: set[str] = set()

    def open_and_retry(_function: object, path: str, _error: object) -> None:
        within = [Path(path).parent, Path(path)]
        for place in (place for place in within if place.is_relative_to(top)):
            with contextlib.suppress(OSError):
                if not place.is_symlink():
                    place.chmod(0o700)
        if path in tried:
            return
        tried.add(path)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, onerror=open_and_retry)
        else:
            with contextlib.suppress(OSError):
                os.unlink(path)

    try:
        shutil.rmtree(top, onerror=open_and_retry)
    except RecursionError:  # blocks may nest directories deeper than Python can follow
        subprocess.run(["/bin/rm", "-rf", top], check=False, capture_output=True)


def remove_below(parent: int, name: str) -> None:
    """Remove the directory `name` in the directory `parent`, while blocks may be changing it.

    By descriptors, following no link, and with two of them at any depth; directories that nobody
    may enter are opened first.

    Raises:
        OSError: it could not be removed, or was moved meanwhile.
    """
    fd = _opened(parent, name)
    try:
        names = _emptied(fd)
        above: list[tuple[tuple[int, int], str, list[str]]] = []
        while names or above:
            if names:
                inner = _opened(fd, names[-1])
                above.append((place_of(fd), names.pop(), names))
                fd = instead(fd, inner)
                names = _emptied(fd)
            else:
                fd = instead(fd, enter(fd, ".."))
                place, emptied, names = above.pop()
                if place_of(fd) != place:
                    raise OSError(f"{name} was moved while it was removed")
                os.rmdir(emptied, dir_fd=fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=parent)


def _opened(parent: int, name: str) -> int:
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
    fd = os.open(name, flags, dir_fd=parent)
    try:
        path = f"/proc/self/fd/{fd}"  # the very directory, not what took its place
        os.chmod(path, 0o700)
        return os.open(path, os.O_DIRECTORY)
    finally:
        os.close(fd)


def _emptied(fd: int) -> list[str]:
    """Remove what is no directory; return the names of the directories that stay."""
    with os.scandir(fd) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=fd)
    return [name for name, is_directory in found if is_directory]
