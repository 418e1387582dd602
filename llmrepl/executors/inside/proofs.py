"""What the agent can say of its own confinement, gathered by trying."""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Callable, List

from .frames import Message

# Files that the machine's root may write, even without privileges.
_SETTINGS = ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger")

_FAMILIES = range(46)
"""Every family of addresses that Linux knows."""
MARK = ".llmrepl-mark"

_STATUS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")


def gather(request: Message, proc: int, confine: Callable[[], None]) -> Message:
    """Return facts about what blocks can do; the host decides whether they are good enough.

    Args:
        request: `canary` is a file that exists on the host, `host` a process there, `outside` are
            directories that must refuse a new file.
        proc: a descriptor of a /proc, for what this process can say of itself.
        confine: makes a child of this process one that blocks could run in.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reader)
            facts = _own(proc)
            confine()
            facts.update(_tried(request))
            with open(writer, "w") as file:
                json.dump(facts, file)
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as file:
        told = file.read()
    os.waitpid(pid, 0)
    found: Message = json.loads(told) if told else {}
    found["pid"] = os.getpid()
    return found


def _own(proc: int) -> Message:
    return {
        "python": list(sys.version_info[:3]),
        "environment": sorted(os.environ),
        "status": _status(proc),
        "interfaces": _rows(proc, "self/net/dev", 2),
        "routes": _rows(proc, "self/net/route", 1),
    }


def _tried(request: Message) -> Message:
    canary = request["canary"]
    return {
        "socket": _open_socket(),
        "families": [family for family in _FAMILIES if _opens(family)],
        "visible": os.path.exists(canary),
        "readable": _can_open(canary, os.O_RDONLY),
        "changed": [name for name, change in _CHANGES.items() if _succeeds(change, canary)],
        "signals": _succeeds(lambda host: os.kill(host, 0), request["host"]),
        "processes": _succeeds(os.listdir, "/proc") and str(request["host"]) in os.listdir("/proc"),
        "writable": [path for path in request["outside"] if _can_create_in(path)]
        + [path for path in _SETTINGS if _can_open(path, os.O_WRONLY)],
        "limits": request["limits"],
        "copied": _leave_mark(request["copied"]),
    }


_CHANGES = {
    "mode": lambda path: os.chmod(path, 0o600),
    "owner": lambda path: os.chown(path, -1, -1),
    "times": os.utime,
    "attributes": lambda path: os.setxattr(path, "user.llmrepl", b"x"),
    "content": lambda path: os.truncate(path, os.stat(path).st_size),
    "name": lambda path: os.rename(path, path),
}
"""Ways to change a file without opening it."""


def _succeeds(attempt: Callable[..., object], subject: object) -> bool:
    try:
        attempt(subject)
    except OSError:
        return False
    return True


def _status(proc: int) -> Message:
    lines = (line.partition(":") for line in _lines(proc, "self/status"))
    return {name: value.strip() for name, _, value in lines if name in _STATUS}


def _rows(proc: int, path: str, heading: int) -> Message:
    try:
        return {line.split()[0].rstrip(":"): True for line in _lines(proc, path)[heading:]}
    except OSError:
        return {}


def _lines(proc: int, path: str) -> List[str]:
    with open(os.open(path, os.O_RDONLY, dir_fd=proc)) as file:
        return file.readlines()


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


def _can_open(path: str, how: int) -> bool:
    try:
        os.close(os.open(path, how))
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
