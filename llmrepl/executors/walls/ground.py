"""The directories of one executor on the host: made before its sandbox, removed after it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llmrepl.executors.files.removal import remove_tree
from llmrepl.executors.files.scratch import enter
from llmrepl.executors.place import HOME
from llmrepl.executors.walls.bubblewrap import Session
from llmrepl.executors.walls.layout import Layout

PREFIX = "llmrepl-"
LOCK = "lock"

DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
"""The devices of a sandbox with their numbers on Linux."""

NOBODY = 65534

_FILES = {
    "passwd": f"root:x:0:0::/:/usr/sbin/nologin\nsandbox:x:1000:1000::{HOME}:/bin/bash\n",
    "group": "root:x:0:\nsandbox:x:1000:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "masked": "",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """The directories of one executor, and the devices made in it.

    `private` can be entered by this user alone, whatever blocks do to the mode of the scratch in
    it: so a set-user-id file that a block makes is out of everybody's reach. It is locked as long
    as this process lives.
    """

    private: Path
    scratch: Path
    devices: tuple[str, ...]
    lock: int

    @property
    def canary(self) -> Path:
        """A file that no sandbox may see."""
        return self.private / "canary"

    def session(
        self, control: int, seccomp: int, merged: Path | None = None, proc: int = -1
    ) -> Session:
        """Return what a bubblewrap command line needs of this."""
        return Session(self.private, self.scratch, self.devices, control, seccomp, merged, proc)

    def remove(self) -> None:
        """Remove what was made for this executor, and for others that were killed.

        A scratch that was given stays.
        """
        os.close(self.lock)
        remove_tree(self.private)
        sweep(self.private.parent)


def sweep(parent: Path) -> None:
    """Remove the directories in `parent` of executors that were killed."""
    for other in parent.glob(f"{PREFIX}*"):
        if _is_abandoned(other):
            remove_tree(other)


def prepare(scratch: Path | None) -> Ground:
    """Make the directories of one executor, `scratch` included where it is missing.

    Raises:
        OSError: they could not be made.
    """
    private = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = _lock(private)
    for name, text in _FILES.items():
        (private / name).write_text(text)
    (private / "masked").chmod(0)
    (private / "canary").write_text(secrets.token_hex())
    if scratch is None:
        scratch = private / "scratch"
        scratch.mkdir()
    else:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Ground(private, scratch.resolve(), _devices(private), lock)


def _lock(private: Path) -> int:
    """Return a descriptor that locks the directory; without a lock in it nobody removes it."""
    unlocked = private / "unlocked"
    lock = os.open(unlocked, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    unlocked.rename(private / LOCK)
    return lock


def _devices(private: Path) -> tuple[str, ...]:
    """Make devices of the sandbox's own where we run as root, and return their names.

    Root owns the machine's devices, and what runs as root could change their mode for everybody.
    These belong to nobody, so that a block cannot take them from the blocks after it.
    """
    if os.geteuid() != 0:
        return ()
    directory = private / "dev"
    directory.mkdir()
    try:
        for name, (major, minor) in DEVICES.items():
            os.mknod(directory / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
            (directory / name).chmod(0o666)
            with contextlib.suppress(OSError):  # a container that does not know the user
                os.chown(directory / name, NOBODY, NOBODY)
        os.close(os.open(directory / "null", os.O_WRONLY))
    except OSError:  # a container without the right, or a file system without devices
        return ()
    return tuple(DEVICES)


def make_mount_points(scratch: Path, layout: Layout, write: Iterable[Path] = ()) -> None:
    """Make what is mounted below /tmp, in the scratch, where nothing runs yet.

    Were it left to bubblewrap, a link that an earlier block put there would lead it elsewhere. A
    scratch that an earlier block closed is opened again.
    """
    scratch.chmod(stat.S_IMODE(scratch.stat().st_mode) | 0o700)
    for path in (*layout.shown, *write):
        if path.is_relative_to("/tmp"):
            os.close(_descend(scratch, path.parts[2:]))
    for target, link in layout.links:
        parts = Path(link).parts
        if parts[:2] == ("/", "tmp"):
            parent = _descend(scratch, parts[2:-1])
            _remove(parts[-1], parent)
            os.symlink(target, parts[-1], dir_fd=parent)
            os.close(parent)


def _descend(top: Path, parts: Iterable[str]) -> int:
    """Return a descriptor of a directory below `top`, made anew wherever something else stands."""
    fd = os.open(top, os.O_DIRECTORY)
    for part in parts:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=fd)
        try:
            inner = enter(fd, part)
        except OSError:
            _remove(part, fd)
            os.mkdir(part, 0o700, dir_fd=fd)
            inner = enter(fd, part)
        os.close(fd)
        fd = inner
    return fd


def _remove(name: str, parent: int) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        pass
    except OSError:
        shutil.rmtree(name, dir_fd=parent, ignore_errors=True)


def _is_abandoned(private: Path) -> bool:
    """Say whether a directory like ours belongs to a process that has gone."""
    try:
        if private.lstat().st_uid != os.geteuid():
            return False
        lock = os.open(private / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
