"""Starting a process that is to live as long as ours, from whatever thread it is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

Process = subprocess.Popen[bytes]


@functools.cache
def _spawner() -> ThreadPoolExecutor:
    """Return the thread that starts every sandbox.

    The operating system ends a sandbox together with the thread that started it, so this one
    lives as long as the process.
    """
    return ThreadPoolExecutor(1, thread_name_prefix="llmrepl-spawn")


async def spawn(
    command: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int], stderr: int
) -> Process:
    """Start `command` in a session of its own.

    Args:
        command: program and arguments.
        environment: all the variables it gets.
        inherited: descriptors it keeps under the same numbers.
        stderr: the descriptor it writes errors to. This one and `inherited` are given away: they
            are closed here whatever happens.

    Raises:
        OSError: it could not be started.
    """

    def start() -> Process:
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd="/",
                env=dict(environment),
                pass_fds=inherited,
                start_new_session=True,  # or Ctrl-C in the terminal would end it
            )
        finally:
            for fd in (*inherited, stderr):
                os.close(fd)

    starting = _spawner().submit(start)
    try:
        # Never cancelled half-way: the thread has the descriptors, and the process must be reaped.
        return await asyncio.shield(asyncio.wrap_future(starting))
    except asyncio.CancelledError:
        starting.add_done_callback(_discard)
        raise


def kill(process: Process) -> None:
    """Kill a process and its children.

    A bubblewrap that is killed alone in its first milliseconds leaves a child that waits for it
    for ever.
    """
    with contextlib.suppress(OSError):
        process.send_signal(signal.SIGSTOP)
        task = Path(f"/proc/{process.pid}/task/{process.pid}")
        for child in (task / "children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
    process.kill()


def _discard(starting: Future[Process]) -> None:
    """End a process that nobody waits for any more."""
    if starting.exception() is None:
        kill(starting.result())
        starting.result().wait()
