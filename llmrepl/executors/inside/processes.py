"""The processes of this pid namespace, read from /proc, and how PID 1 ends them."""

from __future__ import annotations

import os
import signal
from typing import Dict, Iterator, List, Optional, Set, Tuple

EVERYBODY = -1  # to a kill: every process of the namespace but PID 1


def strangers(keep: int) -> Set[int]:
    """Return every process but PID 1 and the tree below `keep` (0: keep none)."""
    if _children() in ([], [keep]):
        return set()  # whatever loses its parent becomes a child of PID 1
    parents = _parents()
    return {pid for pid in parents if pid != 1 and keep not in _line(pid, parents)}


def kill_strangers(keep: int) -> None:
    """Kill every process but PID 1 and the tree below `keep` (0: keep none).

    All are stopped at once before the strangers are looked for, so that a fork bomb cannot outrun
    us; those that stay go on a moment later.
    """
    if not keep:
        send(EVERYBODY, signal.SIGKILL)
        return
    send(EVERYBODY, signal.SIGSTOP)
    for pid in strangers(keep):
        send(pid, signal.SIGKILL)
    send(EVERYBODY, signal.SIGCONT)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _children() -> Optional[List[int]]:
    """Return the children of PID 1, or None where the system does not list them."""
    try:
        with open("/proc/1/task/1/children", "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return None


def _parents() -> Dict[int, int]:
    """Return each process' parent, zombies included."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/" + name + "/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it went while we looked
        found[int(name)] = int(fields[1])
    return found


def _line(pid: int, parents: Dict[int, int]) -> Iterator[int]:
    seen: Set[int] = set()
    while pid > 1 and pid not in seen:
        seen.add(pid)
        yield pid
        pid = parents.get(pid, 0)


def is_stopped() -> bool:
    """Say whether every thread but PID 1's has stopped or ended."""
    return all(_after(b"\nState:\t", status)[:1] in _STOPPED for _, status in _threads())


def progress() -> Dict[str, bytes]:
    """Return how often each thread but PID 1's has been taken off its processor.

    Whatever runs meanwhile, however shortly, has a higher count or is a new thread.
    """
    return {name: _after(b"\nvoluntary_ctxt_switches:", status) for name, status in _threads()}


_STOPPED = (b"T", b"t", b"Z", b"X", b"x")


def _threads() -> Iterator[Tuple[str, bytes]]:
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or pid == "1":
            continue
        try:
            for thread in os.listdir("/proc/" + pid + "/task"):
                fd = os.open("/proc/" + pid + "/task/" + thread + "/status", os.O_RDONLY)
                try:
                    yield thread, os.read(fd, 1 << 16)
                finally:
                    os.close(fd)
        except OSError:
            continue  # it went while we looked


def _after(mark: bytes, status: bytes) -> bytes:
    """Return the rest of a status from a mark on."""
    return status.partition(mark)[2]
