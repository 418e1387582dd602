"""The sandbox tried out for a health check: what it proves, and how long it takes."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from llmrepl.events import ToolRequested
from llmrepl.executors.macos import SeatbeltExecutor, executor_for
from llmrepl.executors.policy import Policy
from llmrepl.executors.running.opening import open_engine, plan
from llmrepl.executors.sandbox import SandboxExecutor
from llmrepl.executors.tiers import TIERS
from llmrepl.executors.walls.proofs import Proof

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Time:
    """How long something takes in the sandbox, and as a program of its own without one, in ms."""

    ms: float
    bare_ms: float


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a sandbox showed of itself.

    `variant` is how bubblewrap had to be started, "" for another tier, `gaps` what the tier does
    not do. `start` is a new sandbox with its Python, `python` and `bash` the median of a few
    trivial blocks in a warm one.
    """

    tier: str
    variant: str
    bubblewrap: str
    python_path: str
    proofs: tuple[Proof, ...]
    gaps: tuple[str, ...]
    start: Time
    python: Time
    bash: Time

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return all(proof.ok for proof in self.proofs)

    @property
    def lines(self) -> tuple[str, ...]:
        """It all for people, a line each."""
        how = f" ({self.variant})" if self.variant else ""
        times = (("start", self.start), ("python block", self.python), ("bash block", self.bash))
        return (
            f"{self.tier}{how} with {self.python_path}",
            *(
                f"{'proven' if proof.ok else 'BROKEN'}: {proof.name}: {proof.tried}; {proof.detail}"
                for proof in self.proofs
            ),
            *(f"gap: {gap}" for gap in self.gaps),
            *(f"{name}: {t.ms} ms; without a sandbox {t.bare_ms} ms" for name, t in times),
        )

    @property
    def data(self) -> dict[str, Any]:
        """It all as JSON-ready data."""
        return asdict(self)


async def self_test(policy: Policy = Policy(), environ: Mapping[str, str] = os.environ) -> SelfTest:
    """Start a sandbox as a session would, try it, and end it.

    A promise that was broken is in the result; blocks are then not tried, and their times are 0.

    Raises:
        SandboxUnavailable: there is none; the hint says what mends it.
        ConfigError: the policy names a Python that cannot be used.
    """
    began = time.perf_counter()
    executor = executor_for(policy, environ)
    if isinstance(executor, SeatbeltExecutor):
        return await _test_of_seatbelt(executor, began)
    settled = executor.settings
    start = plan(settled, environ)
    try:
        engine, proofs, variant = await open_engine(start)
        start_ms = (time.perf_counter() - began) * 1000
        await engine.close()
    finally:
        start.ground.remove()
    python_ms = bash_ms = 0.0
    if all(proof.ok for proof in proofs):
        python_ms, bash_ms = await _times(settled, environ)
    bare_python, bare_bash = await asyncio.to_thread(_bare_times)
    return SelfTest(
        tier=TIERS[policy.tier].name,
        variant=variant,
        bubblewrap=str(start.bwrap or ""),
        python_path=str(start.layout.interpreter.path),
        proofs=proofs,
        gaps=TIERS[policy.tier].gaps,
        start=Time(round(start_ms, 1), bare_python),
        python=Time(round(python_ms, 2), bare_python),
        bash=Time(round(bash_ms, 2), bare_bash),
    )


async def _test_of_seatbelt(executor: SeatbeltExecutor, began: float) -> SelfTest:
    """Return what macOS's sandbox shows; one that does not keep a promise does not start."""
    try:
        await executor.start()
        start_ms = (time.perf_counter() - began) * 1000
        python_ms = await _median(executor, "python", "1 + 1")
        bash_ms = await _median(executor, "bash", "true")
    finally:
        await executor.close()
    bare_python, bare_bash = await asyncio.to_thread(_bare_times)
    tier = TIERS[executor.settings.tier]
    return SelfTest(
        tier=tier.name,
        variant="",
        bubblewrap="",
        python_path=executor.settings.python,
        proofs=executor.proofs,
        gaps=tier.gaps,
        start=Time(round(start_ms, 1), bare_python),
        python=Time(round(python_ms, 2), bare_python),
        bash=Time(round(bash_ms, 2), bare_bash),
    )


def _bare_times() -> tuple[float, float]:
    """Return how long a Python and a bash that do nothing take outside, in milliseconds.

    They are our own Python and the system's bash: nothing of the project may run out here.
    """
    shell = next((path for path in ("/bin/bash", "/bin/sh") if os.path.exists(path)), "sh")
    return _bare([sys.executable, "-I", "-S", "-c", "1 + 1"]), _bare([shell, "-c", "true"])


def _bare(command: list[str]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 2)


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
