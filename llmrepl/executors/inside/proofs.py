"""What the agent can say of its own confinement, gathered by trying."""

from __future__ import annotations

import os
import socket
import sys

from .frames import Message

# Files that the machine's root may write, even without privileges.
_SETTINGS = ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger")

_FAMILIES = range(46)
"""Every family of addresses that Linux knows."""
MARK = ".llmrepl-mark"

_STATUS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")


def gather(request: Message) -> Message:
    """Return facts about this process; the host decides whether they are good enough.

    Args:
        request: `canary` is a file that exists on the host and must not be visible, `outside` are
            directories that must refuse a new file.
    """
    return {
        "python": list(sys.version_info[:3]),
        "pid": os.getpid(),
        "status": _status(),
        "interfaces": _rows("/proc/net/dev", 2),
        "routes": _rows("/proc/net/route", 1),
        "socket": _open_socket(),
        "families": [family for family in _FAMILIES if _opens(family)],
        "environment": sorted(os.environ),
        "canary": os.path.exists(request["canary"]),
        "writable": [path for path in request["outside"] if _can_create_in(path)]
        + [path for path in _SETTINGS if _can_open(path)],
        "limits": request["limits"],
        "copied": _leave_mark(request["copied"]),
    }


def _status() -> Message:
    with open("/proc/self/status") as file:
        lines = (line.partition(":") for line in file)
        return {name: value.strip() for name, _, value in lines if name in _STATUS}


def _rows(path: str, heading: int) -> Message:
    try:
        with open(path) as file:
            return {line.split()[0].rstrip(":"): True for line in list(file)[heading:]}
    except OSError:
        return {}


def _open_socket() -> str:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError as error:
        return os.strerror(error.errno or 0)
    return ""


def _opens(family: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind).close()
        except OSError:
            continue
        return True
    return False


def _can_open(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        return False
    return True


def _leave_mark(directory: str) -> bool:
    """Say whether a directory can be written; the host looks where the file went."""
    if not directory:
        return False
    try:
        os.close(os.open(os.path.join(directory, MARK), os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError:
        return False
    return True


def _can_create_in(directory: str) -> bool:
    path = os.path.join(directory, ".llmrepl-proof")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return False
    os.unlink(path)
    return True
