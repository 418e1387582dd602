"""Typing: how long a key takes to be on the screen, at rest and while an answer streams.

A person types into a real pseudo-terminal at a steady pace, while the loopback server, in a process
of its own, streams 2,000 tokens of Markdown as fast as a quick service does.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOKENS = 2_000
RATE = 100
"""Tokens a second."""

EVERY = 0.12
"""Seconds from one key to the next."""

ROWS, COLUMNS = 40, 100
SCRIPT = str(Path(sys.executable).with_name("llmrepl"))
PROMPT = "❯".encode()
SERVER = """
import sys
from llmrepl.testing import ModelServer, Reply
from tests.bench.render import prose
with ModelServer([Reply(prose(int(sys.argv[1])), rate=int(sys.argv[2]))]) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


class Screen:
    """llmrepl on a pseudo-terminal, and what it wrote."""

    def __init__(self, home: str, url: str) -> None:
        env = {"HOME": home, "PATH": os.environ["PATH"], "TERM": "xterm-256color"}
        env |= {"LANG": "C.UTF-8", "OLLAMA_HOST": url}
        self.written = b""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            os.execvpe(SCRIPT, [SCRIPT, "--model", "ollama/bench"], env)
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def read(self, seconds: float) -> bytes:
        """Return what is written next; nothing where that takes longer."""
        if not select.select([self._terminal], [], [], max(0.0, seconds))[0]:
            return b""
        came = os.read(self._terminal, 65536)
        self.written += came
        return came

    def wait(self, mark: bytes, seconds: float = 30.0) -> None:
        """Read until `mark` has come."""
        deadline, seen = time.monotonic() + seconds, b""
        while mark not in seen:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{mark!r} did not appear; seen {seen[-500:]!r}")
            seen += self.read(deadline - time.monotonic())

    def echo(self, key: str) -> float:
        """Return how many milliseconds a key takes until it is shown, and rub it out again."""
        began = time.perf_counter()
        self.type(key)
        self.wait(key.encode())
        took = (time.perf_counter() - began) * 1000
        self.type("\x7f")
        self.idle(EVERY)
        return took

    def idle(self, seconds: float) -> None:
        """Only read for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.read(left)

    def close(self) -> float:
        """End it; return the CPU milliseconds it took."""
        os.kill(self.pid, signal.SIGKILL)
        _, _, used = os.wait4(self.pid, 0)
        os.close(self._terminal)
        return (used.ru_utime + used.ru_stime) * 1000


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-c", SERVER, str(TOKENS), str(RATE)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _line(name: str, samples: list[float]) -> str:
    samples.sort()
    p95 = samples[len(samples) * 95 // 100]
    return (
        f"  {name:32s} p50 {statistics.median(samples):6.1f} ms   p95 {p95:6.1f} ms"
        f"   of {len(samples)}"
    )


def report() -> str:
    """Return how long keys took."""
    # Signs that no answer, no status line and no sequence has.
    signs = iter(random.Random(1).choices("ᚠᚢᚦᚨᚱᚲᚷᚹᚺᚾ", k=10_000))
    with tempfile.TemporaryDirectory() as home, _server() as url:
        screen = Screen(home, url)
        screen.wait(PROMPT)
        screen.wait(b"full sandbox")
        screen.idle(2.0)  # everything is loaded then
        rest = [screen.echo(next(signs)) for _ in range(40)]
        screen.type("go\r")
        screen.wait(b"Composing")
        mark, busy = len(screen.written), []
        while b"session $" not in screen.written[mark:]:
            busy.append(screen.echo(next(signs)))
        cpu = screen.close()
    return "\n".join(
        (
            f"\nKey to echo, {TOKENS:,} tokens at {RATE} a second   [p95 at most 30 ms]",
            _line("at rest", rest),
            _line("while an answer streams", busy),
            f"  CPU of the whole chat            {cpu:9.0f} ms",
        )
    )
