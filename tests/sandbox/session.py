"""A sandbox session for tests: an executor with its own event loop, used like a plain object."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from llmrepl.events import NetworkRequested, ToolFinished, ToolOutput, ToolRequested
from llmrepl.executors import Limits, Policy, SandboxExecutor

SMALL = Limits(
    memory=256 << 20, processes=24, seconds=20.0, scratch_size=32 << 20, scratch_files=2_000
)
"""Limits that are soon reached."""


@dataclass(frozen=True)
class Result:
    """What a block gave: the text that came while it ran, its requests, and its end."""

    live: str
    finished: ToolFinished
    requests: tuple[NetworkRequested, ...] = ()

    @property
    def status(self) -> str:
        return self.finished.status

    @property
    def reason(self) -> str:
        return self.finished.reason

    def text(self, stream: str) -> str:
        """Return what the model is shown of one stream."""
        return "".join(p.text for p in self.finished.parts if p.stream == stream)

    @property
    def out(self) -> str:
        return self.text("stdout")

    @property
    def value(self) -> str:
        return self.text("value")


class Session:
    """Blocks in, results out."""

    def __init__(self, policy: Policy, environ: dict[str, str] | None = None) -> None:
        self._runner = asyncio.Runner()
        self._numbers = itertools.count(1)
        self.turn = 1
        if environ is None:
            self.executor = SandboxExecutor(policy)
        else:
            self.executor = SandboxExecutor(policy, environ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.wait(self.executor.close())
        finally:
            self._runner.close()

    def wait(self, work: Awaitable[Any]) -> Any:
        async def waiting() -> Any:
            return await work

        return self._runner.run(waiting())

    def start(self) -> None:
        self.wait(self.executor.start())

    def block(self, language: str, code: str, **arguments: Any) -> Result:
        return self.wait(self._block(language, code, arguments))

    def python(self, code: str, **arguments: Any) -> Result:
        return self.block("python", code, **arguments)

    def bash(self, code: str, **arguments: Any) -> Result:
        return self.block("bash", code, **arguments)

    def meanwhile(
        self, language: str, code: str, until: str, act: Callable[[], Awaitable[None]]
    ) -> Result:
        """Run a block and call `act` once it has written `until`."""
        return self.wait(self._block(language, code, {}, until, act))

    async def _block(
        self,
        language: str,
        code: str,
        arguments: dict[str, Any],
        until: str = "",
        act: Callable[[], Awaitable[None]] | None = None,
    ) -> Result:
        request = ToolRequested(
            call_id=f"{self.turn}.1.{next(self._numbers)}",
            name=language,
            language=language,
            arguments={"code": code, **arguments},
        )
        live = ""
        requests: list[NetworkRequested] = []
        async for event in self.executor.run(request):
            if isinstance(event, ToolOutput):
                live += event.text
                if act is not None and until in live:
                    await act()
                    act = None
            elif isinstance(event, NetworkRequested):
                requests.append(event)
            else:
                return Result(live, event, tuple(requests))
        raise AssertionError("a block ended without saying so")

    @property
    def scratch(self) -> Path:
        """The host's side of /tmp."""
        assert self.executor._plan is not None
        return self.executor._plan.ground.scratch

    @property
    def agent(self) -> int:
        """The process id of the sandbox's PID 1 on the host."""
        assert self.executor._engine is not None
        return self.executor._engine._sandbox.agent


class PublicDirectory:
    """A directory that every user may read, which pytest's own are not."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="llmrepl-test-")).resolve()
        self._path.chmod(0o755)
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path)


def processes(marker: str) -> list[str]:
    """Return the command lines on this machine that contain `marker`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if marker in line:
                found.append(line)
    return found
