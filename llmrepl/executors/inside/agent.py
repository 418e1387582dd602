"""PID 1 of the sandbox: starts Python and each bash, reaps, and never runs a model's code.

Its control channel belongs to the host alone: it is not dumpable, so nothing in the sandbox can
read its memory, and nobody in its pid namespace can kill it. When the host goes, it goes, and the
kernel of the operating system ends everything else with it.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Callable, Dict, List, Optional

from . import bash, keeper, proofs
from .door import Door
from .frames import Message, receive_frame, send_frame
from .prctl import set_dumpable
from .processes import EVERYBODY, is_stopped, kill_strangers, progress, send, strangers

FORK_TRIES = 20
FORK_PAUSE = 0.01
REST = 0.0003
PAUSE = 0.00003

STOP_SECONDS = 0.5
"""Seconds that whoever is stopped may take to end a system call."""

PATIENCE = 2.0
"""Seconds killed processes may take to go."""


class Agent:
    """Serves the host's requests, one bash and one kernel at a time."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._keeper = 0
        self._kernel = 0
        self._bash: Optional[bash.Running] = None
        self._door: Optional[Door] = None
        self._progress: Optional[Dict[str, bytes]] = None
        self._poller = select.poll()
        self._wakeup, wake = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self) -> None:
        """Answer until the host closes the channel."""
        self._poller.register(self._control, select.POLLIN)
        self._poller.register(self._wakeup, select.POLLIN)
        while True:
            for fd, _ in self._poller.poll():
                if fd == self._wakeup:
                    _drain(self._wakeup)
                    self._reap()
                elif self._door is not None and self._door.concerns(fd):
                    self._door.serve()
                else:
                    try:
                        message, fds = receive_frame(self._control)
                    except EOFError:
                        return
                    self._perform(message, fds)

    def _perform(self, message: Message, fds: List[int]) -> None:
        try:
            reply = getattr(self, "_do_" + message["op"])(message, fds)
        except OSError as error:
            reply = {"error": os.strerror(error.errno or 0), "errno": error.errno}
        finally:
            for fd in fds:
                os.close(fd)
        if reply is not None:
            self._reply(message["id"], reply)

    def _reply(self, number: int, reply: Message) -> None:
        send_frame(self._control, dict(reply, id=number))

    def _do_hello(self, message: Message, _fds: List[int]) -> Message:
        for name, value in message["limits"].items():
            _limit(getattr(resource, name), value)
        set_dumpable(False)
        facts = proofs.gather(message)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 2)  # until now the host could read why it failed
        os.close(null)
        return facts

    def _do_door(self, _message: Message, fds: List[int]) -> Message:
        """Open the way to the proxy."""
        self._door = Door(fds[0], self._poller)
        return {}

    def _do_kernel(self, message: Message, fds: List[int]) -> Message:
        """Start a kernel; one that was there before is ended with all it left."""
        if self._keeper:
            self._do_reset(message, fds)
        self._fork_again(lambda: self._start_kernel(message, fds[0]))
        return {}

    def _start_kernel(self, message: Message, fd: int) -> None:
        self._keeper, self._kernel = keeper.start(fd, message["sites"])

    def _do_bash(self, message: Message, fds: List[int]) -> None:
        self._fork_again(lambda: self._start_bash(message, fds))

    def _start_bash(self, message: Message, fds: List[int]) -> None:
        self._bash = bash.start(message, fds)

    def _do_interrupt(self, _message: Message, _fds: List[int]) -> Message:
        if self._kernel:
            send(self._kernel, signal.SIGINT)
        return {}

    def _do_end(self, _message: Message, _fds: List[int]) -> None:
        """End the running bash; its reply comes when it is reaped."""
        if self._bash is not None:
            kill_strangers(self._keeper)

    def _do_reset(self, _message: Message, _fds: List[int]) -> Message:
        """End everything, so that the next kernel starts with nothing."""
        self._keeper = self._kernel = 0
        return {"left": self._sweep()}

    def _do_rest(self, message: Message, _fds: List[int]) -> None:
        """Stop everybody, and remember how far each has come."""
        deadline = time.monotonic() + STOP_SECONDS
        send(EVERYBODY, signal.SIGSTOP)
        stopped = is_stopped()
        while not stopped and time.monotonic() < deadline:
            time.sleep(PAUSE)
            stopped = is_stopped()
        self._reply(message["id"], {})
        self._progress = progress() if stopped else None  # while nobody waits for it

    def _do_rested(self, _message: Message, _fds: List[int]) -> Message:
        """Say whether nobody has done anything since."""
        return {"rested": self._progress is not None and progress() == self._progress}

    def _do_wake(self, _message: Message, _fds: List[int]) -> None:
        send(EVERYBODY, signal.SIGCONT)

    def _fork_again(self, start: Callable[[], None]) -> None:
        """Call `start`, which forks, again after reaping where there are too many processes."""
        for left in reversed(range(FORK_TRIES)):
            self._reap()
            try:
                start()
            except BlockingIOError:
                if not left:
                    raise
                time.sleep(FORK_PAUSE)
            else:
                return

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._ended(pid, status)

    def _ended(self, pid: int, status: int) -> None:
        if self._bash is not None and pid == self._bash.pid:
            running, self._bash = self._bash, None
            send(EVERYBODY, signal.SIGCONT)  # it may have stopped Python
            left = self._sweep(self._keeper)
            self._reply(running.number, dict(running.finish(keeper.exit_code(status)), left=left))
        elif pid == self._keeper:
            self._keeper = self._kernel = 0
            if self._bash is None:  # or what Python left goes when that bash has ended
                self._sweep()
            send_frame(self._control, {"event": "kernel-exit", "code": keeper.exit_code(status)})

    def _sweep(self, keep: int = 0) -> int:
        """Kill and reap everything but the tree of `keep`; return how many are left."""
        deadline = time.monotonic() + PATIENCE
        while True:
            left = strangers(keep)
            if not left or time.monotonic() > deadline:
                return len(left)
            kill_strangers(keep)
            time.sleep(REST)
            self._reap()


def _limit(number: int, value: int) -> None:
    _soft, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(number, (value, value))


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def main() -> None:
    """Serve the control channel whose descriptor is the first argument.

    Only as PID 1 of a namespace: anywhere else, ending everybody would be ending the machine.
    """
    if os.getpid() != 1:
        sys.exit("the agent was started outside of a pid namespace")
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    Agent(control).serve()
