"""The session that is soaked: a chat's own parts, which does what it is told line by line.

It reads a JSON object a line, and prints one for whatever has happened. Started anew, it goes on
with the session as a chat does.
"""

import asyncio
import contextlib
import ctypes
import gc
import io
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from llmrepl.compose import Assembly, assemble
from llmrepl.compose.opening import Wanted
from llmrepl.config import load
from llmrepl.conversing.commands.continuing import go_on
from llmrepl.conversing.commands.spending import cost
from llmrepl.displays.opening import open_display, surface_for
from llmrepl.errors import LlmreplError
from llmrepl.events import RequestFailed, StepStarted, TextDelta, ToolStarted
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.standing import spend_of

HURRY = 200.0
"""How many seconds pass for the circuits of providers in one second."""

MOMENTS = {TextDelta: "heard", ToolStarted: "started", RequestFailed: "failed"}


def tell(**said: Any) -> None:
    os.write(1, json.dumps(said).encode() + b"\n")


class Moments:
    """A display that tells of the moments at which something may be done from outside."""

    def __init__(self) -> None:
        self._told = ""

    def show(self, record: Record) -> None:
        if isinstance(record.event, StepStarted):
            self._told = ""
        moment = MOMENTS.get(type(record.event), "")
        if moment and moment != self._told:
            tell(at=moment)
            self._told = moment


class Life:
    """One process of the session."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly

    async def turn(self, prompt: str) -> None:
        assembly = self.assembly
        if assembly.unfinished:
            await assembly.runtime.resume()
        reason = await assembly.runtime.turn((Text(prompt),))
        tell(at="done", reason=reason)

    async def resume(self) -> None:
        reason = await self.assembly.runtime.resume()
        tell(at="done", reason=reason)

    async def goon(self) -> None:
        """Do what /continue does."""
        try:
            following = await go_on(self.assembly, "")
        except LlmreplError:
            tell(at="done", reason="")
            return
        assert following.turn is not None
        tell(at="done", reason=await following.turn)

    async def model(self, name: str) -> None:
        await self.assembly.use_model(name)
        tell(at="done")

    async def look(self) -> None:
        """Tell what the process holds, and what the session says it has spent."""
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            await cost(self.assembly, "")
        spent = self.assembly.runtime.state.session_spend
        steps = spend_of(self.assembly.steps.taken)
        tell(
            at="done",
            rss=_resident(),
            fds=_descriptors(),
            tasks=len(asyncio.all_tasks()),
            threads=threading.active_count(),
            children=_children(),
            cost=told.getvalue(),
            spent=[spent.usage.input_tokens, spent.usage.output_tokens, str(spent.total)],
            steps=[steps.usage.input_tokens, steps.usage.output_tokens, str(steps.total)],
        )


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def _children() -> int:
    return sum(len(path.read_text().split()) for path in Path("/proc/self/task").glob("*/children"))


async def main() -> None:
    config = load({}, os.environ, Path.cwd()).config
    assembly = await assemble(config, wanted=Wanted(session="soak"))
    assembly.routes._clock = lambda: time.monotonic() * HURRY
    await assembly.start_sandbox()
    assembly.meter.warm(prices=False)
    nowhere = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    surface = surface_for(nowhere, "none", os.environ)
    assembly.runtime.subscribe(open_display(config.ui.display, surface))
    assembly.runtime.subscribe(assembly.context_size)
    assembly.runtime.subscribe(Moments())
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    life, work = Life(assembly), None
    tell(at="ready", unfinished=assembly.unfinished)
    while line := await reader.readline():
        (order, argument), *_ = json.loads(line).items()
        if order == "cancel":
            assembly.runtime.cancel()
            continue
        if work is not None:
            await work
        work = asyncio.ensure_future(getattr(life, order)(*([argument] if argument else [])))
    if work is not None:
        await work
    await assembly.close()
    nowhere.close()


if __name__ == "__main__":
    asyncio.run(main())
