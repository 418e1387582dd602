"""The parent of the Python kernel: orphans that Python blocks leave behind become its children.

So what a bash block left and what a Python block left never mix: the one is swept up after the
block, the other lives as long as the kernel. It runs no model's code and ends when the kernel does.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from typing import List, Tuple

from . import kernel
from .prctl import adopt_orphans, restrict, set_dumpable


def start(channel: int, rules: int, sites: List[str]) -> Tuple[int, int]:
    """Fork the keeper and its kernel.

    Args:
        channel: the descriptor on which the kernel talks to the host; the caller closes its own.
        rules: a descriptor of Landlock rules for the kernel, or -1.
        sites: more directories of packages for the kernel.

    Returns:
        The process ids of the keeper and of the kernel.

    Raises:
        BlockingIOError: there are too many processes.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            _keep(channel, rules, writer, sites)
        finally:
            os._exit(70)
    os.close(writer)
    with open(reader, "rb") as file:
        told = file.read()
    return pid, int(told or b"0")


def _keep(channel: int, rules: int, writer: int, sites: List[str]) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _close_all_but(*(fd for fd in (channel, rules, writer) if fd >= 0))
    adopt_orphans()
    pid = os.fork()
    if not pid:
        try:
            os.close(writer)
            os.setsid()
            set_dumpable(True)  # its own /proc entries are a program's business
            if rules >= 0:
                restrict(rules)
                os.close(rules)
            kernel.serve(socket.socket(fileno=channel), sites)
        finally:
            os._exit(70)
    os.write(writer, str(pid).encode())
    os.close(writer)
    os.close(channel)
    while True:
        ended, status = os.wait()
        if ended == pid:
            os._exit(exit_code(status))


def exit_code(status: int) -> int:
    """Return what a shell would call the wait status: 128 and the signal, or the exit code."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _close_all_but(*kept: int) -> None:
    first = 3
    for fd in sorted(kept):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
