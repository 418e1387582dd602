"""Watches from outside what the operating system does not limit for us.

That is processes, memory together, and the files of the scratch and of the home directory. It reads
the sandbox's own /proc through a descriptor, so that it sees its processes and no others; where it
has none, ours, and of that what is below the agent. Each look takes a fraction of a millisecond;
what is dear to count is counted only where a cheap figure that includes it has grown past the
limit.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmrepl.executors.inside.processes import below
from llmrepl.executors.limits.disk import DiskMeter
from llmrepl.executors.limits.held import held
from llmrepl.executors.place import HOME
from llmrepl.executors.policy import Limits, size

SECONDS = 0.05
"""Time between two looks while a block runs."""

IDLE_SECONDS = 1.0
"""Time between two looks while none runs, for what Python blocks left running."""

OURS = 3
"""Agent, keeper and kernel do not count as processes of a block's."""

ROOM = 8
"""How far above ours the system's own limit lies, for the watchdog to see ours passed."""

SELDOM = 4
"""A count of memory that found nothing is not repeated for so many times as long as it took."""

SOCKET_BYTES = 208 << 10
"""What a socket's buffer holds at most; the system call filter lets none be larger."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """All processes of the sandbox at one moment.

    `tasks` counts threads too. `own` and `mapped` are bytes of memory, of their own and of files
    and shared memory; what several of them share counts for each. `sockets` is what the kernel may
    hold in the buffers of theirs.
    """

    tasks: int
    own: int
    mapped: int
    sockets: int
    pids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unlinked:
    """Bytes in files that are open but have no name: memory files, and removed files on disk."""

    memory: int
    disk: int


class Watchdog:
    """Looks at one sandbox.

    Args:
        agent: the process that everything in it descends from.
        written: the directories on disk that blocks fill, by what to call them.
        theirs: those among them that are a person's.
        limits: what it watches over.
        contained: whether the sandbox has namespaces of its own.

    Raises:
        OSError: it has already gone.
    """

    def __init__(
        self,
        agent: int,
        written: Mapping[str, Path],
        theirs: Sequence[Path],
        limits: Limits,
        *,
        contained: bool,
    ) -> None:
        self._limits = limits
        self._agent = agent
        self._own_network = contained and _network(agent) != _network("self")
        self._top = 0
        self._proc = os.open(
            f"/proc/{agent}/root/proc" if contained else "/proc", os.O_RDONLY | os.O_DIRECTORY
        )
        if not contained or not os.listdir(self._proc):
            os.close(self._proc)
            self._proc, self._top = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY), agent
        self._homes = [
            os.open(f"/proc/{agent}/root{path}", os.O_RDONLY | os.O_DIRECTORY)
            for path in ((HOME, "/dev/shm") if contained else ())
        ]
        self._disks = [(name, path, DiskMeter(path, limits)) for name, path in written.items()]
        self._disks += [(str(path), path, DiskMeter(path, limits, theirs=True)) for path in theirs]
        self._machine = _machine()
        self._began_with = self._home_files()
        self._count_after = 0.0

    def close(self) -> None:
        """Let go of the sandbox."""
        for fd in (self._proc, *self._homes):
            if fd >= 0:
                os.close(fd)
        self._homes = []
        self._proc = -1

    def sent(self) -> None:
        """Note how full everything is before a block can write: what it adds at once is its own."""
        with contextlib.suppress(OSError):  # the sandbox is going
            for _, _, disk in self._disks:
                disk.sent()
            self._began_with = self._home_files()

    def begin(self) -> None:
        """Note how things stood as a block began: one that finds too much may clear it away."""
        with contextlib.suppress(OSError):  # the sandbox is going
            for _, _, disk in self._disks:
                disk.begin()

    def _home_files(self) -> list[int]:
        found = (os.fstatvfs(fd) for fd in self._homes)
        return [facts.f_files - facts.f_ffree for facts in found]

    def look(self) -> str:
        """Return which limit has been passed and its value, in one line, or ""."""
        try:
            sample = self._sample()
            return self._processes(sample) or self._memory(sample) or self._files()
        except OSError:
            return ""  # the sandbox is going; whoever waits for it hears of it

    def held(self) -> frozenset[int] | None:
        """Return the inodes of files that processes in there hold; see `limits.held`."""
        try:
            return held(self._proc, self._names(), str(self._top or 1))
        except OSError:
            return frozenset()  # it has gone, and what it held with it

    def _sample(self) -> Sample:
        """Count what runs; a fork bomb is not counted to its end."""
        tasks = own = mapped = 0
        pids = []
        for name in self._names():
            with contextlib.suppress(OSError):  # it went while we looked
                tasks += int(self._read(f"{name}/stat").rpartition(b")")[2].split()[17])
                _, resident, of_files, *_ = self._read(f"{name}/statm").split()
                own += (int(resident) - int(of_files)) * _PAGE
                mapped += int(of_files) * _PAGE
                pids.append(name)
            if tasks > 2 * self._limits.processes + OURS:
                break
        return Sample(tasks, own, mapped, self._sockets(), tuple(pids))

    def _sockets(self) -> int:
        """Return the bytes that all sockets of the sandbox can hold; 0 in the machine's network."""
        if not self._own_network:
            return 0
        with open(f"/proc/{self._agent}/net/sockstat", "rb") as file:
            return int(file.readline().split()[2]) * SOCKET_BYTES  # "sockets: used 2"

    def _names(self) -> Iterable[str]:
        """Return the processes of the sandbox, as entries of /proc."""
        if self._top:
            return map(str, (self._top, *below(self._proc, self._top)))
        return filter(str.isdigit, os.listdir(self._proc))

    def _read(self, path: str) -> bytes:
        fd = os.open(path, os.O_RDONLY, dir_fd=self._proc)
        try:
            return os.read(fd, 1 << 16)
        finally:
            os.close(fd)

    def _processes(self, sample: Sample) -> str:
        most = self._limits.processes
        if sample.tasks - OURS <= most:
            return ""
        return f"it passed the limit of {most} processes"

    def _memory(self, sample: Sample) -> str:
        most = self._limits.memory
        shared, tables = (now - then for now, then in zip(_machine(), self._machine, strict=True))
        if sample.own + sample.sockets + tables + max(sample.mapped, shared) <= most:
            return ""
        began = time.monotonic()
        if began < self._count_after:
            return ""
        own, mapped = sample.sockets, 0
        for pid in sample.pids:
            proportional, of_files = self._proportional(pid)
            own += proportional - of_files + self._page_tables(pid)
            mapped += of_files
        if own + max(mapped, self._unlinked(sample, self._disks[0][1]).memory) > most:
            return f"it passed the memory limit of {size(most)}"
        self._count_after = time.monotonic() + SELDOM * (time.monotonic() - began)
        return ""

    def _proportional(self, pid: str) -> tuple[int, int]:
        """Return the bytes resident in a process, and those in shared memory among them.

        What several processes share is divided among them.
        """
        found = {b"Pss:": 0, b"Pss_Shmem:": 0}
        try:
            for line in self._read(f"{pid}/smaps_rollup").splitlines():
                name, _, rest = line.partition(b" ")
                if name in found:
                    found[name] = int(rest.split()[0]) * 1024
        except PermissionError:  # it made itself unreadable, so all that it holds counts
            with contextlib.suppress(OSError):
                return int(self._read(f"{pid}/statm").split()[1]) * _PAGE, 0
        except OSError:
            pass  # it went while we looked
        return found[b"Pss:"], found[b"Pss_Shmem:"]

    def _page_tables(self, pid: str) -> int:
        """Return the bytes that describe a process' memory: much of it may be mapped and unused."""
        with contextlib.suppress(OSError):
            for line in self._read(f"{pid}/status").splitlines():
                if line.startswith(b"VmPTE:"):
                    return int(line.split()[1]) * 1024
        return 0

    def _unlinked(self, sample: Sample, scratch: Path) -> Unlinked:
        """Return what open files without a name hold."""
        disk = os.stat(scratch).st_dev
        found: dict[tuple[int, int], int] = {}
        for pid in sample.pids:
            with contextlib.suppress(OSError):
                directory = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
                try:
                    for name in os.listdir(directory):
                        facts = os.stat(name, dir_fd=directory)
                        if not facts.st_nlink:
                            found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
                finally:
                    os.close(directory)
        on_disk = sum(held for (device, _), held in found.items() if device == disk)
        return Unlinked(memory=sum(found.values()) - on_disk, disk=on_disk)

    def _unlinked_on(self, path: Path) -> int:
        return self._unlinked(self._sample(), path).disk

    def _files(self) -> str:
        limits = self._limits
        for count, before in zip(self._home_files(), self._began_with, strict=True):
            if count > max(limits.home_files, before):
                return f"it passed the limit of {limits.home_files} files in its home directory"
        for name, path, disk in self._disks:
            if disk.exceeded(functools.partial(self._unlinked_on, path)):
                return (
                    f"it passed the limit of {size(limits.scratch_size)} or"
                    f" {limits.scratch_files} files in {name}"
                )
        return ""


def _network(process: int | str) -> int:
    """Return what tells the network of a process from others."""
    return os.stat(f"/proc/{process}/ns/net").st_ino


def _machine() -> tuple[int, int]:
    """Return the bytes of shared memory and of page tables on the whole machine.

    In shared memory are files without a disk.
    """
    found = {b"Shmem:": 0, b"PageTables:": 0}
    with open("/proc/meminfo", "rb") as file:
        for line in file:
            name, _, rest = line.partition(b" ")
            if name in found:
                found[name] = int(rest.split()[0]) * 1024
    return found[b"Shmem:"], found[b"PageTables:"]


def most_processes(limits: Limits) -> int:
    """Return where the operating system itself must stop a sandbox from starting more processes."""
    return limits.processes + OURS + ROOM
