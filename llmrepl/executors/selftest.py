"""The sandbox tried out for a health check: what it proves, and how long it takes."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

from llmrepl.events import ToolRequested
from llmrepl.executors.opening import open_engine, plan
from llmrepl.executors.place import settle
from llmrepl.executors.policy import Policy
from llmrepl.executors.proofs import Proof
from llmrepl.executors.sandbox import SandboxExecutor

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a sandbox showed of itself.

    Times are in milliseconds: the start of a new one with its Python, then the median of a few
    trivial blocks.
    """

    tier: str
    bubblewrap: str
    python: str
    proofs: tuple[Proof, ...]
    start_ms: float
    python_ms: float
    bash_ms: float

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return all(proof.ok for proof in self.proofs)


async def self_test(policy: Policy = Policy(), environ: Mapping[str, str] = os.environ) -> SelfTest:
    """Start a sandbox as a session would, try it, and end it.

    A promise that was broken is in the result; blocks are then not tried, and their times are 0.

    Raises:
        SandboxUnavailable: there is none; the hint says what mends it.
        ConfigError: the policy names a Python that cannot be used.
    """
    settled = settle(policy, environ)
    began = time.perf_counter()
    start = plan(settled, environ)
    try:
        engine, proofs = await open_engine(start)
        start_ms = (time.perf_counter() - began) * 1000
        await engine.close()
    finally:
        start.ground.remove()
    python_ms = bash_ms = 0.0
    if all(proof.ok for proof in proofs):
        python_ms, bash_ms = await _times(settled, environ)
    return SelfTest(
        tier="bubblewrap",
        bubblewrap=str(start.bwrap),
        python=str(start.layout.interpreter.path),
        proofs=proofs,
        start_ms=round(start_ms, 1),
        python_ms=round(python_ms, 2),
        bash_ms=round(bash_ms, 2),
    )


async def _times(policy: Policy, environ: Mapping[str, str]) -> tuple[float, float]:
    executor = SandboxExecutor(policy, environ)
    try:
        await executor.start()
        return (
            await _median(executor, "python", "1 + 1"),
            await _median(executor, "bash", "true"),
        )
    finally:
        await executor.close()


async def _median(executor: SandboxExecutor, language: str, code: str) -> float:
    times = []
    for number in range(ROUNDS):
        request = ToolRequested(
            call_id=f"check-{number}", name=language, language=language, arguments={"code": code}
        )
        began = time.perf_counter()
        async for _ in executor.run(request):
            pass
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
