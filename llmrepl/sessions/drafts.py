"""Makes a file of a session appear whole or not at all.

It is written under another name, which its writer keeps locked. What a crash has left of one is
nobody's, and goes when the next one is written.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

SUFFIX = ".draft"

_numbers = itertools.count()


def place(path: Path, content: Iterable[bytes], *, instead: bool = False) -> None:
    """Make the file `path` with this content, on the disk and for its owner alone.

    Args:
        path: where it will be.
        content: its bytes in pieces.
        instead: whether it takes the place of one that is there.

    Raises:
        FileExistsError: there is one already, which stays as it is.
        OSError: it could not be written; there is no file then.
    """
    sweep(path.parent)
    draft, descriptor = begin(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(descriptor)
            if instead:
                draft.rename(path)
            else:
                _name(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def sweep(directory: Path) -> None:
    """Remove the drafts in `directory` that nobody is writing any more."""
    with os.scandir(directory) as entries:
        drafts = [Path(entry) for entry in entries if entry.name.endswith(SUFFIX)]
    for draft in drafts:
        with contextlib.suppress(OSError):  # it is being written, or is not ours
            descriptor = os.open(draft, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.unlink()
            finally:
                os.close(descriptor)


def begin(path: Path) -> tuple[Path, int]:
    """Return a new file beside `path`, open and locked; whoever asked for it gives it its name."""
    while True:
        draft = path.with_name(f"{path.stem}.{os.getpid()}-{next(_numbers)}{SUFFIX}")
        try:
            descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue  # of a process that had this number
        with contextlib.suppress(OSError):  # without locks, a sweep lets everything be
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return draft, descriptor
        os.close(descriptor)  # somebody swept it before it was locked


def settle(folder: Path) -> None:
    """Return when the names in a folder have reached the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: two at once could still meet
        if path.exists():
            raise FileExistsError(path) from None
        draft.rename(path)
