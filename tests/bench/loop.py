"""The loop: one step of model, tool and model again, and whether it grows with the session.

The model is the loopback server without latency, in a process of its own, reached through the real
SDKs; the block runs in the real sandbox; the session is written to disk.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from pathlib import Path

from llmrepl.events import StepStarted
from llmrepl.record import Record
from tests.bench.zero import serving

STEPS = 1010
EARLY, LATE = slice(5, 25), slice(990, 1010)
MEASURED = slice(5, 205)
PROVIDERS = {"ollama": "OLLAMA_HOST", "groq": "GROQ_BASE_URL", "openai": "OPENAI_BASE_URL"}


class _Stopwatch:
    """Notes when each step began."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def show(self, record: Record) -> None:
        if isinstance(record.event, StepStarted):
            self.at.append(asyncio.get_running_loop().time())


async def _steps(provider: str, url: str, home: Path) -> list[float]:
    """Return how many milliseconds each step of one long turn took."""
    from llmrepl.compose import assemble
    from llmrepl.config import load
    from llmrepl.parts import Text

    base = f"{url}/v1" if provider == "openai" else url
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], PROVIDERS[provider]: base}
    environ |= {"GROQ_API_KEY": "k", "OPENAI_API_KEY": "k"}
    os.environ.update(environ)
    flags = {"model": f"{provider}/test", "limits.max_steps": str(STEPS + 10)}
    loaded = load(flags, environ, home)
    assembly = await assemble(loaded.config, environ=environ, cwd=home)
    watch = _Stopwatch()
    assembly.runtime.subscribe(watch)
    await assembly.executor.start()
    assembly.meter.warm().join()
    reason = await assembly.runtime.turn((Text("go"),))
    assert reason == "end_turn", reason
    await assembly.close()
    return [(b - a) * 1000 for a, b in zip(watch.at, watch.at[1:], strict=False)]


def report() -> str:
    """Return the table of steps by provider."""
    lines = ["\nOne step: model -> python block -> model   [median at most 5 ms, no growth]"]
    with tempfile.TemporaryDirectory() as folder:
        for provider in PROVIDERS:
            home = Path(folder) / provider
            home.mkdir()
            with serving("blocks", STEPS) as url:
                steps = asyncio.run(_steps(provider, url, home))
            early, late = statistics.median(steps[EARLY]), statistics.median(steps[LATE])
            lines.append(
                f"  {provider:10s} median of 200 {statistics.median(steps[MEASURED]):7.2f} ms"
                f"   at step 10 {early:7.2f}   at step 1,000 {late:7.2f}   x{late / early:5.2f}"
            )
    return "\n".join(lines)
