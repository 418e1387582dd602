"""The timeline of the full screen on a long session: from its key to the first bars, and to all.

The bound is for the first screen; moving the choice and taking in what comes draw everything anew.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

RECORDS, ROUNDS, SIZE = 10_000, 3, (120, 40)


def report(rounds: int = ROUNDS) -> str:
    """Return the medians, in milliseconds."""
    runs = [_run() for _ in range(rounds)]
    told = "   ".join(
        f"{name} {statistics.median(r[name] for r in runs):.0f} ms" for name in runs[0]
    )
    return f"\ntimeline, {RECORDS:,} records, 120 x 40   [first screen 500 ms]\n  {told}"


def _run() -> dict[str, float]:
    from llmrepl_textual.tests.host import Machine

    patch = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory() as folder:
        try:
            return asyncio.run(_measured(Machine(Path(folder), patch)))
        finally:
            patch.undo()


async def _measured(machine: Any) -> dict[str, float]:
    from llmrepl_textual.tests.host import full_screen
    from llmrepl_textual.tests.sessions import many, saved

    desk = machine.desk(session=saved(machine, many(RECORDS)))
    async with full_screen(desk, size=SIZE) as pilot:
        await desk.assembly.warming
        await asyncio.sleep(1)
        app, began = pilot.app, time.perf_counter()
        app.switch_mode("timeline")
        await _until(lambda: hasattr(app.screen, "chart") and app.screen.chart.spans.began)
        first = await _drawn(app.screen, began)
        await _until(lambda: app.screen._waiting is None)
        whole = await _drawn(app.screen, began)
        chart = app.screen.chart
        moved = await _timed(app.screen, lambda: chart.action_step(-1))
        grown = await _timed(app.screen, chart.grown)
    return {"first screen": first, "all read": whole, "choice moved": moved, "grown": grown}


async def _until(true: Callable[[], object]) -> None:
    for _ in count():
        if true():
            return
        await asyncio.sleep(0.001)


async def _timed(screen: Any, do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return await _drawn(screen, began)


async def _drawn(screen: Any, began: float) -> float:
    """Wait until the screen has been drawn; return the milliseconds since a moment."""
    drawn = asyncio.Event()
    screen.call_after_refresh(drawn.set)
    await drawn.wait()
    return (time.perf_counter() - began) * 1000
