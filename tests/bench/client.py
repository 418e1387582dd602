"""What a streamed answer costs a whole chat, against a client that prints the pieces: CPU time.

Both talk through the same SDK to a server on this machine, which streams 2,000 tokens of Markdown,
500 a second. What a process takes for a single word after the same time is taken off, so that
starting, and what a chat loads meanwhile, does not count.
The bound: at most 300 ms more than the plain client.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Sequence

from llmrepl.testing import ModelServer, Reply
from tests.bench.render import prose
from tests.bench.terminal import CURSOR_ANSWER, CURSOR_QUESTION

TOKENS, RATE, ROUNDS = 2_000, 500.0, 5
SIZE = struct.pack("HHHH", 40, 100, 0, 0)
ENDED = " · session ".encode()
PLAIN = """
import asyncio, sys, ollama
async def main():
    messages = [{"role": "user", "content": "go"}]
    async for part in await ollama.AsyncClient().chat(model="x", messages=messages, stream=True):
        sys.stdout.write(part.message.content or "")
        sys.stdout.flush()
asyncio.run(main())
"""
CHAT = (sys.executable, "-m", "llmrepl", "--no-save", "--model", "ollama/x")


def cpu(command: Sequence[str], env: dict[str, str], typed: Sequence[tuple[bytes, bytes]]) -> float:
    """Return the CPU milliseconds of a program in a terminal.

    Args:
        command: the program and its arguments.
        env: its whole environment.
        typed: what to wait for, and what is typed then, one after the other.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, SIZE)
        os.chdir(env["HOME"])
        os.execvpe(command[0], list(command), env)
    seen, steps, deadline = b"", list(typed), time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            chunk = os.read(terminal, 65536)
        except OSError:
            break  # it has ended
        seen += chunk
        if CURSOR_QUESTION in chunk:
            os.write(terminal, CURSOR_ANSWER)
        while steps and steps[0][0] in seen:
            mark, keys = steps.pop(0)
            seen = seen.partition(mark)[2]
            os.write(terminal, keys)
    _, status, used = os.wait4(pid, 0)
    os.close(terminal)
    assert status == 0, (status, seen[-500:])
    assert not steps, steps
    return (used.ru_utime + used.ru_stime) * 1000


def measure(subject: str, reply: Reply) -> float:
    """Return the CPU milliseconds of one client that is given this reply."""
    with tempfile.TemporaryDirectory() as home, ModelServer([reply]) as server:
        env = {"HOME": home, "PATH": os.environ["PATH"], "TERM": "xterm-256color"}
        env |= {"OLLAMA_HOST": server.url, "LLMREPL_UI_TITLE": "false"}
        if subject == "plain client":
            return cpu((sys.executable, "-c", PLAIN), env, ())
        # Ready when the status line tells what blocks may do.
        prompt = "❯".encode()
        return cpu(CHAT, env, ((prompt, b"go\r"), (ENDED, b""), (prompt, b"\x04")))


def report() -> str:
    """Return the table of both clients."""
    answers = {
        "a word": Reply("Yes.", delay=TOKENS / RATE),
        "the answer": Reply(prose(TOKENS), rate=RATE),
    }
    samples: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for subject in ("plain client", "chat"):
            for name, answer in answers.items():
                samples.setdefault((subject, name), []).append(measure(subject, answer))
    medians = {key: statistics.median(values) for key, values in samples.items()}
    lines = [f"\nclient: {TOKENS} tokens of Markdown at {RATE:.0f} a second, CPU   [300 ms over]"]
    cost = {}
    for subject in ("plain client", "chat"):
        word, whole = (medians[subject, name] for name in answers)
        cost[subject] = whole - word
        lines.append(
            f"  {subject:14s} {whole:8.1f} ms in all  {word:8.1f} for a word"
            f"  {cost[subject]:8.1f} for the answer"
        )
    lines.append(f"  over           {cost['chat'] - cost['plain client']:8.1f} ms")
    return "\n".join(lines)
