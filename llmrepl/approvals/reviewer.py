"""Has blocks reviewed by a process that is ended when it takes too long.

The process is started with the first review, or by `warm`, and kept. Text that hangs or crashes a
parser costs that process; the next review starts another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

from llmrepl.approvals.review import Review, decode_review, refused, review_tool, unread
from llmrepl.events import ToolRequested

SECONDS = 2.0

START_SECONDS = 10.0

_BOOT = """
import sys
sys.path[:] = sys.argv[1:]
from llmrepl.approvals.worker import main
main()
"""
_READABLE = frozenset({"python", "bash"})


class Reviewer:
    """Reviews calls. May be used by several threads; `close` may be called twice.

    Args:
        seconds: wall time that a review may take, the start of its process not counted.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._finalizer: weakref.finalize[[subprocess.Popen[bytes]], Reviewer] | None = None

    def warm(self) -> None:
        """Start the process now, so that the first review does not wait for it; never raises."""
        with self._lock:
            try:
                self._started()
            except OSError:
                self._end()  # the first review says what is wrong

    async def review(self, request: ToolRequested) -> Review:
        """Return what the call would touch; never raises.

        Of a call that is neither Python nor bash, its tool alone is told.
        """
        if request.language not in _READABLE:
            return review_tool(request.name)
        source = request.arguments.get("code")
        if not isinstance(source, str):
            return unread(request.language, "it has no code")
        return await asyncio.to_thread(self.read, request.language, source)

    def read(self, language: str, source: str) -> Review:
        """Return what `source` would touch; blocks until its time is up, never raises.

        Args:
            language: python or bash.
            source: the block.
        """
        review = refused(language, source)
        if review is not None:
            return review
        line = json.dumps({"language": language, "source": source}).encode() + b"\n"
        with self._lock:
            try:
                answer = self._answer(self._started(), line, self._seconds)
                return decode_review(json.loads(answer))
            except TimeoutError:
                self._end()
                return unread(language, f"reading it took longer than {self._seconds:g} s")
            except (OSError, ValueError, LookupError, TypeError):
                self._end()
                return unread(language, "the process that reads it ended")

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            # Without `site` and the person's variables: nothing but our own code runs there.
            places = [str(Path(place).absolute()) for place in sys.path if place]
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-I", "-S", "-c", _BOOT, *places],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.defpath},
                start_new_session=True,  # Ctrl-C is meant for the chat
            )
            self._finalizer = weakref.finalize(self, _end, self._process)
            self._answer(self._process, _HELLO, START_SECONDS)
        return self._process

    def _answer(self, process: subprocess.Popen[bytes], line: bytes, seconds: float) -> bytes:
        """Send `line` and return the line that answers it.

        Raises:
            TimeoutError: it took too long.
            OSError: the process ended.
        """
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise OSError("it has no pipes")
        end = time.monotonic() + seconds
        stdin.write(line)
        stdin.flush()
        parts: list[bytes] = []
        while not (parts and parts[-1].endswith(b"\n")):
            left = end - time.monotonic()
            if left < 0 or not select.select([stdout], [], [], left)[0]:
                raise TimeoutError
            parts.append(os.read(stdout.fileno(), 1 << 20))
            if not parts[-1]:
                raise OSError("it ended")
        return b"".join(parts)

    def _end(self) -> None:
        if self._finalizer is not None:
            self._finalizer()
        self._process = self._finalizer = None


_HELLO = json.dumps({"language": "bash", "source": "true"}).encode() + b"\n"
"""The first request: it loads the parsers."""


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not sent is of no use any more
            if pipe is not None:
                pipe.close()
