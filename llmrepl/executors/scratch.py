"""The session's directories on the host, and the rule for touching what blocks left there.

Blocks own the scratch and may put a link to anywhere in it: the host never follows one, and walks
it by directory descriptors only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from llmrepl.executors.bubblewrap import Session
from llmrepl.executors.layout import HOME, Layout

ARTIFACTS = "artifacts"
MAX_ARTIFACTS = 64
MAX_ENTRIES = 1000
MAX_DEPTH = 4

MAX_NESTING = 100

DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
"""The devices of a sandbox with their numbers on Linux."""

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
    it: so a set-user-id file that a block makes is out of everybody's reach.
    """

    private: Path
    scratch: Path
    devices: tuple[str, ...]

    @property
    def canary(self) -> Path:
        """A file that no sandbox may see."""
        return self.private / "canary"

    def session(self, control: int, seccomp: int) -> Session:
        """Return what a bubblewrap command line needs of this."""
        return Session(self.private, self.scratch, self.devices, control, seccomp)

    def remove(self) -> None:
        """Remove what was made for this executor; a scratch that was given stays."""
        try:
            shutil.rmtree(self.private, onerror=_allow_and_retry)
        except RecursionError:  # blocks may nest directories deeper than Python can follow
            subprocess.run(["/bin/rm", "-rf", self.private], check=False, capture_output=True)


def prepare(scratch: Path | None) -> Ground:
    """Make the directories of one executor, `scratch` included where it is missing."""
    private = Path(tempfile.mkdtemp(prefix="llmrepl-"))
    for name, text in _FILES.items():
        (private / name).write_text(text)
    (private / "masked").chmod(0)
    (private / "canary").write_text(secrets.token_hex())
    if scratch is None:
        scratch = private / "scratch"
        scratch.mkdir()
    else:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Ground(private, scratch.resolve(), _devices(private))


def _devices(private: Path) -> tuple[str, ...]:
    """Make devices of the sandbox's own where we run as root, and return their names.

    Root owns the machine's devices, and what runs as root could change their mode for everybody.
    """
    if os.geteuid() != 0:
        return ()
    directory = private / "dev"
    directory.mkdir()
    try:
        for name, (major, minor) in DEVICES.items():
            os.mknod(directory / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
            (directory / name).chmod(0o666)
        os.close(os.open(directory / "null", os.O_WRONLY))
    except OSError:  # a container without the right, or a file system without devices
        return ()
    return tuple(DEVICES)


def make_mount_points(scratch: Path, layout: Layout) -> None:
    """Make what is mounted below /tmp, in the scratch, where nothing runs yet.

    Were it left to bubblewrap, a link that an earlier block put there would lead it elsewhere.
    """
    for path in layout.shown:
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
            inner = _enter(fd, part)
        except OSError:
            _remove(part, fd)
            os.mkdir(part, 0o700, dir_fd=fd)
            inner = _enter(fd, part)
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


Stamp = tuple[int, int]


def artifacts(scratch: Path) -> dict[str, Stamp]:
    """Return the regular files under `artifacts/` by their path in it, with size and time."""
    try:
        top = os.open(f"{scratch}/{ARTIFACTS}", os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return {}
    try:
        return dict(itertools.islice(_files(top, "", MAX_DEPTH), MAX_ARTIFACTS))
    finally:
        os.close(top)


def _files(directory: int, prefix: str, depth: int) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(directory) as entries:
        some = itertools.islice(entries, MAX_ENTRIES)
        for entry in sorted(some, key=lambda entry: entry.name):
            if not entry.name.isprintable():
                continue  # a name that could not be shown or written down
            if entry.is_file(follow_symlinks=False):
                facts = entry.stat(follow_symlinks=False)
                yield prefix + entry.name, (facts.st_size, facts.st_mtime_ns)
            elif depth and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    inner = _enter(directory, entry.name)
                    try:
                        yield from _files(inner, f"{prefix}{entry.name}/", depth - 1)
                    finally:
                        os.close(inner)


def usage(scratch: Path) -> tuple[int, int]:
    """Return how many bytes and how many files the scratch holds.

    Directories nested deeper than `MAX_NESTING` count as more than any limit allows: nobody needs
    them, and they could not be walked.
    """
    size = count = 0
    levels = [_Level(os.open(scratch, os.O_DIRECTORY))]
    try:
        while levels:
            entry = next(levels[-1].entries, None)
            if entry is None:
                levels.pop().close()
                continue
            with contextlib.suppress(OSError):  # it went while we looked
                size += entry.stat(follow_symlinks=False).st_blocks * 512
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    if len(levels) > MAX_NESTING:
                        return sys.maxsize, sys.maxsize
                    levels.append(_Level(_enter(levels[-1].fd, entry.name)))
    finally:
        for level in levels:
            level.close()
    return size, count


class _Level:
    """An open directory of a walk, and what is still to be seen of it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.entries = os.scandir(fd)

    def close(self) -> None:
        self.entries.close()
        os.close(self.fd)


def _enter(parent: int, name: str) -> int:
    """Open a directory below another, following no link."""
    return os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)


def read_artifact(path: Path, scratch: Path, most: int) -> bytes:
    """Return the content of an artifact, at most `most` bytes, following no link on the way.

    Raises:
        OSError: it is gone, or something else stands where it was.
    """
    fd = os.open(scratch, os.O_DIRECTORY)
    try:
        for part in path.relative_to(scratch).parts:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            inner = os.open(part, flags, dir_fd=fd)
            os.close(fd)
            fd = inner
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise IsADirectoryError(f"{path} is not a regular file")
        with os.fdopen(os.dup(fd), "rb") as file:
            return file.read(most)
    finally:
        os.close(fd)


def _allow_and_retry(_function: object, path: str, _error: object) -> None:
    """Blocks may have left directories that nobody may enter."""
    parent = os.path.dirname(path)
    for place in (parent, path):
        with contextlib.suppress(OSError):
            if not os.path.islink(place):
                os.chmod(place, 0o700)
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
