"""The other end of a `worker`: a process in which a model runs, as the chat sees it.

Nothing here waits for a model that is not wanted any more: it is told, and killed if it goes on.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any

from llmrepl.errors import ProviderError, ProviderRefused

GRACE = 2.0
"""Seconds that a model has to end a reply, or its process to end, before the process is killed."""

LONGEST_LINE = 2**20
LINES_KEPT = 8
LONGEST_WORDS = 300

INHERITED = frozenset(
    {"HOME", "LANG", "PATH", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH"}
    | {"PYTHONHOME", "VIRTUAL_ENV", "LLAMA_CPP_LIB_PATH"}
)
INHERITED_GROUPS = ("LC_", "GGML_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "VK_", "OMP_")
"""What a model's process gets of the environment: nothing that could be a key."""

Message = Mapping[str, Any]


class Child:
    """A process with one loaded model. Make it with `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.context = 0
        self._process = process
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        self._words: deque[str] = deque(maxlen=LINES_KEPT)
        self._asked = 0
        self._settled = 0  # the newest request whose answer has ended
        self._overdue = 0  # the newest request that was told to end
        self._killing: asyncio.TimerHandle | None = None
        self._readers = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._note())]

    @classmethod
    async def start(cls, path: str, context: int, options: Mapping[str, Any]) -> Child:
        """Return a process in which the model is loaded.

        Raises:
            ProviderError: it could not be.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "llmrepl_local.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(os.environ),
            start_new_session=True,  # Ctrl-C in the terminal is for the chat
            limit=LONGEST_LINE,
        )
        child = cls(process)
        try:
            child._say({"load": {"path": path, "context": context, "options": options}})
            ready = await child._hear()
            child.context = ready["ready"]["context"]
        except BaseException:
            child.kill()
            await child.close()
            raise
        return child

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.returncode is None and not self._readers[0].done()

    async def ask(self, asked: Message) -> AsyncGenerator[Message, None]:
        """Yield the messages of one answer, the one that has `ended` last.

        Closing the iterator ends the answer.

        Raises:
            ProviderError: the model cannot do this, or its process ended.
        """
        self._asked += 1
        number = self._asked
        try:
            self._say({"ask": {**asked, "id": number}})
            while True:
                message = await self._hear(number)
                yield message
                if "ended" in message:
                    return
        finally:
            if self._settled < number and self.alive:
                self._say({"stop": number})
                self._overdue = number
                loop = asyncio.get_running_loop()
                self._killing = self._killing or loop.call_later(GRACE, self.kill)

    async def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(GRACE):
                await self._process.wait()
        except TimeoutError:
            self.kill()
        await self._process.wait()
        self._calm()
        await asyncio.wait(self._readers)

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    def _say(self, message: Message) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _hear(self, number: int = 0) -> Message:
        """Return the next message about a request; those about earlier ones are passed over."""
        while True:
            message = await self._heard.get()
            if not message:
                self._heard.put_nowait(message)
                raise await self._ended()
            if message.get("id", 0) != number:
                continue
            if error := message.get("error"):
                kind = ProviderRefused if error["kind"] == "refused" else ProviderError
                raise kind(error["message"], hint=error["hint"])
            return message

    async def _read(self) -> None:
        """Take in what the process says; an empty message stands for its end."""
        assert self._process.stdout is not None
        try:
            async for line in self._process.stdout:
                message = json.loads(line)
                if "ended" in message or "error" in message:
                    self._settled = max(self._settled, message.get("id", 0))
                    if self._settled >= self._overdue:
                        self._calm()
                self._heard.put_nowait(message)
        except ValueError:  # no line of ours, so it is not to be trusted with another
            self.kill()
        finally:
            self._heard.put_nowait({})

    async def _note(self) -> None:
        """Keep the last words of the process, which it has where it breaks down."""
        assert self._process.stderr is not None
        with suppress(ValueError):  # a line without an end
            async for line in self._process.stderr:
                self._words.append(line.decode("utf-8", "replace").strip())

    async def _ended(self) -> ProviderError:
        code = await self._process.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._readers[1]), GRACE)
        how = f"with status {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        words = " ".join(filter(None, self._words))[-LONGEST_WORDS:]
        full = "is the memory full? " if code == -signal.SIGKILL else ""
        return ProviderError(
            f"the process of the model ended {how}{words and ': '}{words}",
            hint=f"{full}the next message starts it again",
        )

    def _calm(self) -> None:
        if self._killing is not None:
            self._killing.cancel()
            self._killing = None


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a model's process gets of the environment."""
    return {
        name: value
        for name, value in environ.items()
        if name in INHERITED or name.startswith(INHERITED_GROUPS)
    }
