"""One running bubblewrap, the control channel to the agent in it, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmrepl.executors.channel import Channel
from llmrepl.executors.inside.frames import Message, encode_frame
from llmrepl.executors.limits.cgroup import cap_processes
from llmrepl.executors.limits.watchdog import most_processes
from llmrepl.executors.policy import Policy
from llmrepl.executors.tiers import TIERS, Tier
from llmrepl.executors.walls import bare
from llmrepl.executors.walls.bubblewrap import Features, arguments
from llmrepl.executors.walls.ground import Ground
from llmrepl.executors.walls.layout import Layout
from llmrepl.executors.walls.overlay import Overlay, Refresher
from llmrepl.executors.walls.seccomp import assemble, program
from llmrepl.executors.walls.spawn import Process, kill, spawn

START_SECONDS = 20.0
"""How long the agent may take to say that it is there."""

END_SECONDS = 2.0
"""How long a killed sandbox may take to go."""

FAMILIES = (socket.AF_INET, socket.AF_INET6)
"""What a sandbox with a proxy may open sockets of: they reach itself alone."""

HELLO = 0
"""The number of the first request."""

_CREDENTIALS = struct.Struct("3i")


class LaunchFailed(Exception):
    """The sandbox or the agent in it did not come up; the message is what it wrote to stderr."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a sandbox is started from; `bwrap` is None where its tier does without."""

    bwrap: Path | None
    policy: Policy
    layout: Layout
    ground: Ground
    environment: Mapping[str, str]
    overlay: Overlay | None = None

    @property
    def tier(self) -> Tier:
        """What keeps blocks in."""
        return TIERS[self.policy.tier]

    @property
    def start(self) -> Path:
        """Where blocks start, as they see it."""
        if self.policy.project is not None:
            return self.policy.project
        return Path("/tmp") if self.tier.namespaces else self.ground.scratch


class Sandbox:
    """A sandbox whose agent answers.

    Args:
        process: bubblewrap or the monitor, the parent of everything inside.
        control: our end of the control channel.
        agent: the agent's process id here.
        processes: how many processes and threads there may be inside.
        refresher: to the helper of its overlay, where it has one.

    `facts` will hold what the agent says of its confinement. Whoever uses the sandbox sets `heard`,
    called with each event of the agent's, and `lost`, called once when it has ended by itself.
    """

    def __init__(
        self,
        process: Process,
        control: socket.socket,
        agent: int,
        processes: int,
        refresher: Refresher | None = None,
    ) -> None:
        self.agent = agent
        self.refresher = refresher
        self.heard: Callable[[Message], None] = _ignore
        self.lost: Callable[[], None] = _ignore
        self._process = process
        self._agent_fd = os.pidfd_open(agent)
        self._cap = cap_processes(agent, processes)
        self._numbers = itertools.count(HELLO + 1)
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self.facts = self._expect(HELLO)
        self._channel = Channel(control, self._receive, self._ended)

    @property
    def alive(self) -> bool:
        """Whether the agent still listens."""
        return not self._channel.closed

    def ask(
        self, operation: str, fds: Sequence[int] = (), **arguments: Any
    ) -> asyncio.Future[Message]:
        """Ask the agent for something; the future holds its answer, {} where it has gone.

        Raises:
            FrameError: the request is longer than a frame may be.
        """
        number = next(self._numbers)
        self._channel.send({"op": operation, "id": number, **arguments}, fds)
        future = self._expect(number)
        if not self.alive:
            self._answer_all()
        return future

    def _expect(self, number: int) -> asyncio.Future[Message]:
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        return future

    def tell(self, operation: str) -> None:
        """Ask the agent for something that has no answer."""
        self._channel.send({"op": operation, "id": 0})

    def catch_up(self) -> None:
        """Take in what the agent has said, or that it has gone."""
        self._channel.pump()

    def _receive(self, message: Message) -> None:
        if "event" in message:
            self.heard(message)
            return
        future = self._asked.pop(message.get("id", 0), None)
        if future is not None and not future.done():
            future.set_result(message)

    def _ended(self) -> None:
        self._answer_all()
        self.lost()

    def _answer_all(self) -> None:
        for future in self._asked.values():
            if not future.done():
                future.set_result({})
        self._asked.clear()

    async def close(self) -> None:
        """End everything inside, and wait until it has ended."""
        self._channel.close()
        self._answer_all()
        if self.refresher is not None:
            self.refresher.close()
        if self._agent_fd >= 0:
            # The agent rather than bubblewrap: where nobody reaps orphans, killing the parent
            # would leave a zombie.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._agent_fd, signal.SIGKILL)
            os.close(self._agent_fd)
            self._agent_fd = -1
        await _reap(self._process)
        if self._cap is not None:
            self._cap.remove()
            self._cap = None


def _ignore(*_: object) -> None:
    """Nobody listens yet."""


async def launch(plan: Plan, features: Features) -> Sandbox:
    """Start a sandbox and return it once its agent can be reached.

    Raises:
        LaunchFailed: it did not come up.
    """
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    prepare = _contained if plan.tier.namespaces else _bare
    try:
        prepared = prepare(plan, features, theirs.fileno())
    except OSError as error:
        ours.close()
        theirs.close()
        raise LaunchFailed(f"monitor: {error}") from error
    theirs.detach()
    refresher = prepared.refresher
    reader, writer = os.pipe()
    try:
        process = await spawn(prepared.command, plan.environment, prepared.inherited, writer)
    except BaseException as error:
        _close(ours, refresher)
        os.close(reader)
        if isinstance(error, OSError):
            raise LaunchFailed(f"bwrap: {error}") from error
        raise
    try:
        ours.setblocking(False)
        ours.sendall(encode_frame(_hello(plan)))
        agent = await asyncio.wait_for(_sender(ours), START_SECONDS)
        return Sandbox(process, ours, agent, most_processes(plan.policy.limits), refresher)
    except BaseException as error:
        _close(ours, refresher)
        kill(process)
        process.wait()  # it is dead: nothing to await, where another cancellation would leave it
        if isinstance(error, OSError | LaunchFailed | TimeoutError):
            raise LaunchFailed(_said(reader) or str(error) or "it did not answer") from error
        raise
    finally:
        os.close(reader)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A command line, the descriptors it inherits, and our end to the helper of its overlay."""

    command: Sequence[str]
    inherited: tuple[int, ...]
    refresher: Refresher | None = None


def _contained(plan: Plan, features: Features, control: int) -> _Prepared:
    """Return what starts bubblewrap; `control` is a descriptor of the agent's end."""
    code = _filter(FAMILIES if plan.policy.net else ())
    proc = -1 if features.proc else os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    overlay = plan.overlay
    merged = overlay.merged if overlay is not None else None
    session = plan.ground.session(control, code, merged, proc)
    command = [str(plan.bwrap), *arguments(plan.policy, plan.layout, session, features)]
    inherited = tuple(fd for fd in (control, code, proc) if fd >= 0)
    if overlay is None:
        return _Prepared(command, inherited)
    refresher, channel = overlay.refresher()
    return _Prepared(overlay.command(channel, command), (*inherited, channel), refresher)


def _bare(plan: Plan, _features: Features, control: int) -> _Prepared:
    """Return what starts the monitor; `control` is a descriptor of the agent's end."""
    packages = bare.link_package(plan.ground.private)
    code = outer = inner = -1
    if plan.tier.walls:
        outer, inner = bare.rules(plan.layout, packages, plan.ground.scratch)
        code = _filter((), shared=True)
    fds = bare.Descriptors(control, code, outer, inner)
    command = bare.arguments(plan.layout, packages, plan.start, fds)
    return _Prepared(command, tuple(fd for fd in fds if fd >= 0))


def _close(control: socket.socket, refresher: Refresher | None) -> None:
    control.close()
    if refresher is not None:
        refresher.close()


def _filter(families: Iterable[int], *, shared: bool = False) -> int:
    """Return a descriptor from which the system call filter is read; see `seccomp.program`."""
    fd = os.memfd_create("seccomp")
    os.write(fd, assemble(program(os.uname().machine, families, shared=shared)))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _hello(plan: Plan) -> Message:
    """Return the first request: the agent confines itself and says how it is confined."""
    limits = plan.policy.limits
    most = most_processes(limits)
    if not plan.tier.namespaces:
        most += bare.running()  # the system counts all of a user's together
    return {
        "op": "hello",
        "id": HELLO,
        "canary": str(plan.ground.canary),
        "host": os.getpid(),
        "outside": _outside(plan),
        "copied": str(plan.policy.project) if plan.overlay is not None else "",
        "limits": {
            "RLIMIT_DATA": limits.memory,
            "RLIMIT_FSIZE": limits.file_size,
            "RLIMIT_NOFILE": limits.open_files,
            "RLIMIT_NPROC": most,
            "RLIMIT_CORE": 1,  # 0 would still start a handler that cores are piped to
            "RLIMIT_MEMLOCK": 64 << 10,
            "RLIMIT_MSGQUEUE": 64 << 10,
        },
    }


def _outside(plan: Plan) -> list[str]:
    """Return directories that must refuse a new file; none where nothing does."""
    if not plan.tier.walls:
        return []
    open_to_all = () if plan.tier.namespaces else ("/tmp", "/var/tmp", "/dev/shm")
    return ["/", "/usr", "/etc", "/dev", *open_to_all, *_read_only(plan)]


def _read_only(plan: Plan) -> list[str]:
    """Return the directories beside the system's that no block may write."""
    policy, layout = plan.policy, plan.layout
    shown = [
        path for path in layout.shown if not any(path.is_relative_to(top) for top in policy.write)
    ]
    if plan.overlay is not None:
        shown = [path for path in shown if path != policy.project]
    guarded = [path for path in layout.guarded if path.is_dir()]
    return [str(path) for path in (*shown, *layout.kept, *guarded)]


async def _sender(control: socket.socket) -> int:
    """Return the process id of whoever sends first, which the operating system vouches for."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(control, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(control)
    room = socket.CMSG_SPACE(_CREDENTIALS.size)
    data, ancillary, _flags, _address = control.recvmsg(1, room, socket.MSG_PEEK)
    for level, kind, credentials in ancillary:
        if data and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int(_CREDENTIALS.unpack(credentials)[0])
    raise LaunchFailed("it ended before it answered")


def _said(reader: int) -> str:
    """Return what is in the pipe, in one line, without waiting for more."""
    os.set_blocking(reader, False)
    try:
        text = os.read(reader, 1 << 16).decode("utf-8", "replace")
    except BlockingIOError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


async def _reap(process: Process) -> None:
    """Wait until bubblewrap has ended; it does once the agent has."""
    deadline = asyncio.get_running_loop().time() + END_SECONDS
    pause = 0.0005
    while process.poll() is None:
        if asyncio.get_running_loop().time() > deadline:
            kill(process)
            process.wait()
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.02)
