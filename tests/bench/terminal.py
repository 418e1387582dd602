"""Starts a program on a pseudo-terminal and waits until its prompt takes a key."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence

CURSOR_QUESTION = b"\x1b[6n"
CURSOR_ANSWER = b"\x1b[1;1R"


def time_to_prompt(
    command: Sequence[str], env: dict[str, str], prompt: bytes, cwd: str | None = None
) -> float:
    """Return the milliseconds from start until a key typed at the prompt shows up.

    Args:
        command: the program and its arguments.
        env: its whole environment.
        prompt: bytes that show that the prompt is there.
        cwd: where to start it.
    """
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        if cwd:
            os.chdir(cwd)
        os.execvpe(command[0], list(command), env)
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        seen = _read_until(terminal, prompt)
        os.write(terminal, b"q")
        _read_until(terminal, b"q", skip=len(seen))
        return (time.perf_counter() - began) * 1000
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def _read_until(terminal: int, mark: bytes, skip: int = 0, limit: float = 30.0) -> bytes:
    seen = b""
    deadline = time.monotonic() + limit
    while mark not in seen:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            raise TimeoutError(f"{mark!r} did not appear; seen {seen[-500:]!r}")
        chunk = os.read(terminal, 65536)
        if CURSOR_QUESTION in chunk:
            os.write(terminal, CURSOR_ANSWER)
        seen += chunk
    return seen
