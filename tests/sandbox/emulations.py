"""Machines on which bubblewrap cannot work, or not wholly, as prefixes of a command line.

Each is the real thing as far as the kernel goes: namespaces, limits and filters, and no pretence.
"""

from __future__ import annotations

import sys
from pathlib import Path

from llmrepl.executors.walls.seccomp import (
    ALLOW,
    ANY_BIT,
    EQUAL,
    LOAD,
    NEW_NAMESPACES,
    NUMBER,
    RETURN,
    Instruction,
    assemble,
    fail,
)
from llmrepl.executors.walls.seccomp import _argument as argument
from llmrepl.executors.walls.seccomp import _when as when
from llmrepl.executors.walls.syscalls import CHECKED, DENIED

MASKED_PROC = (
    *(
        "/usr/bin/unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "--pid",
        "--fork",
        "--mount-proc",
    ),
    *("--kill-child", "/bin/sh", "-c"),
    '/bin/mount --bind /proc/sys /proc/sys && /bin/mount -o remount,bind,ro /proc/sys && exec "$@"',
    "sh",
)
"""A container without privileges: part of its /proc is covered, so no other can be mounted."""

NO_NAMESPACES_LEFT = (
    *("/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c"),
    'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"',
    "sh",
)
"""A machine whose administrator switched user namespaces off."""

NESTED = ("/usr/bin/bwrap", "--dev-bind", "/", "/", "--unshare-user", "--disable-userns", "--")
"""A sandbox that allows no other in it."""

_EPERM, _ENOSYS = 1, 38
_UNDER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
code = bytes.fromhex(sys.argv[1])
program = Program(len(code) // 8, code)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, ctypes.c_ulong(2), ctypes.byref(program), 0, 0) == 0
os.execvp(sys.argv[2], sys.argv[2:])
"""


def under_filter(*steps: Instruction) -> tuple[str, ...]:
    """Return a prefix that runs a program under a system call filter with these steps."""
    program = (Instruction(LOAD, NUMBER), *steps, Instruction(RETURN, ALLOW))
    return (sys.executable, "-I", "-S", "-c", _UNDER, assemble(program).hex())


def container_filter(machine: str) -> tuple[str, ...]:
    """Return a prefix for a filter like that of container engines: no namespaces, no mounts."""
    refused = ("unshare", "setns", "mount", "umount2", "pivot_root", "move_mount", "fsopen")
    return under_filter(
        *when(EQUAL, CHECKED[machine]["clone3"], fail(_ENOSYS)),
        *(step for name in refused for step in when(EQUAL, DENIED[machine][name], fail(_EPERM))),
        *argument(CHECKED[machine]["clone"], 0, when(ANY_BIT, NEW_NAMESPACES, fail(_EPERM))),
    )


NO_LANDLOCK = under_filter(*when(EQUAL, 444, fail(_ENOSYS)))
"""A kernel without Landlock, or where it is switched off."""


def old_bubblewrap(directory: Path) -> Path:
    """Return a directory for PATH with a bubblewrap that refuses what is newer than 0.6."""
    return _wrapper(
        directory,
        """
        for word; do case "$word" in --size|--disable-userns)
            echo "bwrap: Unknown option $word" >&2; exit 1;; esac; done
        exec /usr/bin/bwrap "$@"
        """,
    )


def broken_bubblewrap(directory: Path, said: str) -> Path:
    """Return a directory for PATH with a bubblewrap that fails, saying so."""
    return _wrapper(directory, f"echo 'bwrap: {said}' >&2; exit 1")


def _wrapper(directory: Path, body: str) -> Path:
    directory.mkdir()
    path = directory / "bwrap"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return directory
