"""The sandbox: what a warm block costs against the same work without walls."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from llmrepl.events import ToolFinished, ToolRequested
from llmrepl.executors import Policy, SandboxExecutor
from tests.bench.awake import awake
from tests.bench.measure import interleave, table

THINKING = 0.5
"""Seconds that a quick model takes for its first message."""

BARE_BASH = "bare `bash -c true`"
DEFAULT = ("bash block, sandboxed", "python block, sandboxed")


class Bench:
    """Runs blocks one by one on an event loop of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._numbers = itertools.count()

    def block(self, executor: SandboxExecutor, language: str, code: str) -> float:
        """Return how long a block takes, in ms."""
        request = ToolRequested(
            call_id=str(next(self._numbers)),
            name=language,
            language=language,
            arguments={"code": code},
        )

        async def run() -> None:
            async for event in executor.run(request):
                if isinstance(event, ToolFinished):
                    assert event.status == "ok", event

        return self._timed(lambda: self.loop.run_until_complete(run()))

    def first(self, policy: Policy) -> float:
        """Return how long the first block of a chat takes, in ms.

        The sandbox starts while the model writes its first message, as in a chat.
        """

        async def thinking() -> None:
            start = asyncio.ensure_future(executor.start())
            await asyncio.sleep(THINKING)
            await start

        executor = SandboxExecutor(policy)
        self.loop.run_until_complete(thinking())
        try:
            return self.block(executor, "python", "1 + 1")
        finally:
            self.loop.run_until_complete(executor.close())

    def bare(self) -> float:
        """Return how long bash alone takes, in ms."""
        return self._timed(lambda: subprocess.run(["bash", "-c", "true"], check=True))

    @staticmethod
    def _timed(work: Callable[[], object]) -> float:
        began = time.perf_counter()
        work()
        return (time.perf_counter() - began) * 1000


def report(rounds: int = 60) -> str:
    """Return the tables of warm blocks and of first ones."""
    bench = Bench()
    with tempfile.TemporaryDirectory() as project:
        ways = {
            "unsandboxed": Policy(project=Path(project), tier="off"),
            "reduced": Policy(project=Path(project), tier="reduced"),
            "sandboxed": Policy(project=Path(project), copy_on_write=True),
            "sandboxed, project read-only": Policy(project=Path(project)),
            "sandboxed, written for real": Policy(project=Path(project), write=(Path(project),)),
        }
        executors = {name: SandboxExecutor(policy) for name, policy in ways.items()}
        subjects: dict[str, Callable[[], float]] = {BARE_BASH: bench.bare}
        for executor in executors.values():
            bench.loop.run_until_complete(executor.start())
        # One language after the other: a model thinks between two blocks of one sandbox.
        for language, code in (("bash", "true"), ("python", "1 + 1")):
            for name, executor in executors.items():
                subjects[f"{language} block, {name}"] = lambda e=executor, lang=language, c=code: (
                    bench.block(e, lang, c)
                )
        with awake():
            warm = interleave(subjects, rounds)
        asleep = interleave({name: subjects[name] for name in (BARE_BASH, *DEFAULT)}, rounds)
        default = executors["sandboxed"]
        first = interleave(
            {
                "warm python block": lambda: bench.block(default, "python", "1 + 1"),
                "first python block of a chat": lambda: bench.first(ways["sandboxed"]),
            },
            max(5, rounds // 6),
        )
        for executor in executors.values():
            bench.loop.run_until_complete(executor.close())
    bench.loop.close()
    python = {name: times for name, times in warm.items() if name.startswith("python")}
    return (
        table("Warm blocks", warm, BARE_BASH, "python at most 1.0 ms, bash at most x 2")
        + table("The same, processors left to sleep", asleep, BARE_BASH)
        + table("Walls", python, "python block, unsandboxed", "sandboxed at most x 1.15")
        + table("The first block", first, "warm python block", "at most 10 ms more")
    )
