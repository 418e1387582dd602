"""Runs before bubblewrap: makes the namespaces where the project is an overlay, then becomes it.

A program of its own, started with `python -I -S`, that imports the standard library only. It maps
our own user and no other, so it gains nothing that we could not do. A child stays behind in the
namespaces: asked through a socket, it makes the overlay forget what it has cached, so that the next
block sees files that were changed outside.

    outer.py FD LOWER UPPER WORK MERGED -- PROGRAM ...    serve FD, become PROGRAM
    outer.py --probe LOWER UPPER WORK MERGED              try whether it works
"""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import sys

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x20000
MS_REMOUNT, MS_REC, MS_SLAVE = 32, 0x4000, 0x80000
PR_SET_PDEATHSIG, SIGKILL = 1, 9

_OPTIONS = "userxattr,lowerdir={},upperdir={},workdir={}"
_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The operating system does not allow one of the steps."""


def main(arguments: list[str]) -> None:
    """Do what the arguments say; end with a line on stderr where it does not work."""
    try:
        if arguments[0] == "--probe":
            _enter(*arguments[1:])
            _probe(arguments[2], arguments[4])
            return
        channel, *places = arguments[:5]
        _enter(*places)
        _stay_behind(int(channel), places[-1])
        os.execv(arguments[6], arguments[6:])  # noqa: S606 - it is what this program is for
    except (OSError, Refused) as error:
        sys.exit(f"overlay: {error}")


def _enter(lower: str, upper: str, work: str, merged: str) -> None:
    uid, gid = os.geteuid(), os.getegid()
    _check("prctl", _libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
    _check("user namespace", _libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _mount(None, "/", None, MS_REC | MS_SLAVE, None)
    # By descriptor, so that no character in a path means something to the mount.
    opened = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in (lower, upper, work)]
    options = _OPTIONS.format(*(f"/proc/self/fd/{fd}" for fd in opened))
    try:
        # Volatile: it never waits for the disk; what it holds is gone with the session anyway.
        _mount("overlay", merged, "overlay", 0, options + ",volatile")
    except Refused:
        _mount("overlay", merged, "overlay", 0, options)
    for fd in opened:
        os.close(fd)


def _stay_behind(channel: int, merged: str) -> None:
    os.set_inheritable(channel, False)
    if os.fork():
        return
    os.closerange(0, channel)
    os.closerange(channel + 1, 1 << 16)
    peer = socket.socket(fileno=channel)
    while peer.recv(1):
        try:
            _mount(None, merged, None, MS_REMOUNT, None)
            peer.send(b"+")
        except Refused:
            peer.send(b"-")
    os._exit(0)


def _probe(upper: str, merged: str) -> None:
    """Create, change and delete in the overlay, and see it in the upper directory alone."""
    name = ".llmrepl-probe"
    os.mkdir(f"{merged}/{name}")
    with open(f"{merged}/{name}/file", "w") as file:
        file.write("probe")
    if not os.path.exists(f"{upper}/{name}/file"):
        raise Refused("what is written does not arrive in the upper directory")
    os.unlink(f"{merged}/{name}/file")
    os.rmdir(f"{merged}/{name}")
    with os.scandir(merged) as entries:
        mine = (e for e in entries if e.is_file(follow_symlinks=False) and _is_mine(e))
        existing = next(mine, None)
    if existing is not None:
        os.chmod(existing.path, stat.S_IMODE(existing.stat(follow_symlinks=False).st_mode))
        if not os.path.lexists(f"{upper}/{existing.name}"):
            raise Refused("what is changed does not arrive in the upper directory")
        os.unlink(existing.path)
        if not stat.S_ISCHR(os.lstat(f"{upper}/{existing.name}").st_mode):
            raise Refused("what is deleted is not marked in the upper directory")


def _is_mine(entry: os.DirEntry[str]) -> bool:
    facts = entry.stat(follow_symlinks=False)
    return facts.st_uid == os.geteuid() and facts.st_size < 1 << 20


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    device, place, name, options = encoded
    _check("mount", _libc.mount(device, place, name, ctypes.c_ulong(flags), options))


def _check(what: str, result: int) -> None:
    if result:
        raise Refused(f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main(sys.argv[1:])
