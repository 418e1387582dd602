"""The processes below one, read from a /proc, and how the agent ends them.

The agent is PID 1 of a namespace or, where there is none, a subreaper: whatever loses its parent
becomes its child, so everything that blocks start is below it for as long as it lives.
"""

from __future__ import annotations

import os
import signal
from typing import Dict, Iterator, List, Optional, Set, Tuple

EVERYBODY = -1  # to a kill from PID 1: every process of the namespace but PID 1

ROUNDS = 100
"""How often new processes are looked for while all are being stopped."""


class Family:
    """Everything below this process.

    Args:
        proc: a descriptor of a /proc, of this process' namespace or of one around it.
    """

    def __init__(self, proc: int) -> None:
        self._proc = proc
        self._me = int(os.readlink("self", dir_fd=proc))
        self._first = os.getpid() == 1
        self._foreign = self._me != os.getpid()

    def strangers(self, keep: int) -> Set[int]:
        """Return every process but the tree below `keep` (0: keep none)."""
        parents = None if self._foreign else self._children()
        if parents is not None and parents in ([], [keep]):
            return set()
        family = self._family()
        return {pid for pid in family if keep not in _line(pid, family)}

    def kill_strangers(self, keep: int) -> None:
        """Kill every process but the tree below `keep` (0: keep none).

        All are stopped at once before the strangers are looked for, so that a fork bomb cannot
        outrun us; those that stay go on a moment later.
        """
        if self._first and not keep:
            send(EVERYBODY, signal.SIGKILL)
            return
        self.stop()
        for pid in self.strangers(keep):
            send(pid, signal.SIGKILL)
        self.wake()

    def wake(self) -> None:
        """Let everything that was stopped go on."""
        for pid in [EVERYBODY] if self._first else self._family():
            send(pid, signal.SIGCONT)

    def is_stopped(self) -> bool:
        """Say whether every thread has stopped or ended."""
        return all(_after(b"\nState:\t", status)[:1] in _STOPPED for _, status in self._threads())

    def progress(self) -> Dict[str, bytes]:
        """Return how often each thread has been taken off its processor.

        Whatever runs meanwhile, however shortly, has a higher count or is a new thread.
        """
        mark = b"\nvoluntary_ctxt_switches:"
        return {name: _after(mark, status) for name, status in self._threads()}

    def _threads(self) -> Iterator[Tuple[str, bytes]]:
        for pid in below(self._proc, self._me):
            try:
                tasks = os.open("%d/task" % pid, os.O_RDONLY, dir_fd=self._proc)
                try:
                    for thread in os.listdir(tasks):
                        yield thread, _read(tasks, thread + "/status")
                finally:
                    os.close(tasks)
            except OSError:
                continue  # it went while we looked

    def stop(self) -> None:
        """Stop everything."""
        if self._first:
            send(EVERYBODY, signal.SIGSTOP)
            return
        stopped: Set[int] = set()
        for _ in range(ROUNDS):
            new = set(self._family()) - stopped
            if not new:
                return
            for pid in new:
                send(pid, signal.SIGSTOP)
            stopped |= new

    def _children(self) -> Optional[List[int]]:
        """Return our children, or None where the system does not list them."""
        try:
            listed = _read(self._proc, "%d/task/%d/children" % (self._me, self._me))
        except OSError:
            return None
        return [int(pid) for pid in listed.split()]

    def _family(self) -> Dict[int, int]:
        """Return each process below us with its parent, by the numbers they have here."""
        found = below(self._proc, self._me)
        if not self._foreign:
            return found
        here = {pid: self._here(pid) for pid in (self._me, *found)}
        return {here[pid]: here[parent] for pid, parent in found.items() if here[pid]}

    def _here(self, pid: int) -> int:
        """Return the number in our namespace of a process below us, 0 where it has gone."""
        try:
            lines = _read(self._proc, "%d/status" % pid).splitlines()
        except OSError:
            return 0
        return int(next(line.split()[-1] for line in lines if line.startswith(b"NSpid:")))


_STOPPED = (b"T", b"t", b"Z", b"X", b"x")


def below(proc: int, top: int) -> Dict[int, int]:
    """Return each process below `top` with its parent, zombies included, as /proc numbers them."""
    parents = {}
    for name in os.listdir(proc):
        if not name.isdigit():
            continue
        try:
            fields = _read(proc, name + "/stat").rpartition(b")")[2].split()
        except OSError:
            continue  # it went while we looked
        parents[int(name)] = int(fields[1])
    return {pid: parent for pid, parent in parents.items() if top in _line(parent, parents)}


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _read(proc: int, path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY, dir_fd=proc)
    try:
        return os.read(fd, 1 << 16)
    finally:
        os.close(fd)


def _line(pid: int, parents: Dict[int, int]) -> Iterator[int]:
    """Yield `pid` and what it descends from."""
    seen: Set[int] = set()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        yield pid
        pid = parents.get(pid, 0)


def _after(mark: bytes, status: bytes) -> bytes:
    """Return the rest of a status from a mark on."""
    return status.partition(mark)[2]
