"""The sandbox: what a warm block costs against the same work without walls."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import tempfile
import time
from pathlib import Path

from llmrepl.events import ToolFinished, ToolRequested
from tests.bench.measure import interleave, table


def report(rounds: int = 60) -> str:
    """Return the table of warm blocks."""
    from llmrepl.executors import Policy, SandboxExecutor

    loop = asyncio.new_event_loop()
    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as project:
        executor = SandboxExecutor(Policy(project=Path(project)))
        loop.run_until_complete(executor.start())

        async def block(language: str, code: str) -> None:
            request = ToolRequested(
                call_id=str(next(numbers)),
                name=language,
                language=language,
                arguments={"code": code},
            )
            async for event in executor.run(request):
                if isinstance(event, ToolFinished):
                    assert event.status == "ok", event

        def timed(language: str, code: str) -> float:
            began = time.perf_counter()
            loop.run_until_complete(block(language, code))
            return (time.perf_counter() - began) * 1000

        def bare() -> float:
            began = time.perf_counter()
            subprocess.run(["bash", "-c", "true"], check=True)
            return (time.perf_counter() - began) * 1000

        samples = interleave(
            {
                "bare `bash -c true`": bare,
                "sandboxed bash block": lambda: timed("bash", "true"),
                "sandboxed python block": lambda: timed("python", "1 + 1"),
            },
            rounds,
        )
        loop.run_until_complete(executor.close())
    loop.close()
    bound = "python at most 1.0 ms, bash at most x 2"
    return table("Warm blocks", samples, "bare `bash -c true`", bound)
