"""An executor that runs nothing: it looks the output of each call up in a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from llmrepl.events import ToolFinished, ToolOutput, ToolRequested
from llmrepl.parts import Output
from llmrepl.ports import ToolEvent


@dataclass(frozen=True, slots=True)
class Canned:
    """What a call gives: text on one stream, and how it ends.

    `delay` is seconds between the output and the end, in which an interrupt ends the call.
    """

    text: str = ""
    stream: str = "stdout"
    status: str = "ok"
    exit_code: int | None = 0
    reason: str = ""
    delay: float = 0.0


class FakeExecutor:
    """Implements `llmrepl.ports.Executor`.

    Args:
        outputs: what each code, or each tool's name, gives; a str is plain output. Code is looked
            up without white space around it.
        otherwise: what everything else gives.
        unavailable: raised by `start`, where given.
    """

    name = "fake"
    policy = "runs nothing"

    def __init__(
        self,
        outputs: Mapping[str, str | Canned] | None = None,
        *,
        otherwise: str | Canned = "",
        unavailable: Exception | None = None,
    ) -> None:
        self._outputs = dict(outputs or {})
        self._otherwise = otherwise
        self._unavailable = unavailable
        self._running: set[asyncio.Event] = set()
        self.started = 0
        self.closed = 0
        self.ran: list[ToolRequested] = []

    async def start(self) -> None:
        """Count the start."""
        if self._unavailable is not None:
            raise self._unavailable
        self.started += 1

    async def run(self, request: ToolRequested) -> AsyncIterator[ToolEvent]:
        """Give what the table says."""
        self.ran.append(request)
        key = str(request.arguments.get("code", request.name)).strip()
        canned = self._outputs.get(key, self._otherwise)
        if isinstance(canned, str):
            canned = Canned(canned)
        call_id = request.call_id
        if canned.text:
            yield ToolOutput(call_id=call_id, stream=canned.stream, text=canned.text)
        parts = (Output(canned.stream, canned.text),) if canned.text else ()
        if await self._interrupted(canned.delay):
            yield ToolFinished(
                call_id=call_id, status="cancelled", parts=parts, reason="a person interrupted"
            )
            return
        yield ToolFinished(
            call_id=call_id,
            status=canned.status,
            parts=parts,
            exit_code=canned.exit_code,
            ms=canned.delay * 1000,
            reason=canned.reason,
        )

    async def interrupt(self) -> None:
        """End everything that is running."""
        for running in self._running:
            running.set()

    async def close(self) -> None:
        """Count the close, and end everything that is running."""
        self.closed += 1
        await self.interrupt()

    async def _interrupted(self, delay: float) -> bool:
        """Wait for `delay` seconds; return whether an interrupt came in them."""
        if not delay:
            return False
        interrupt = asyncio.Event()
        self._running.add(interrupt)
        try:
            await asyncio.wait_for(interrupt.wait(), delay)
        except TimeoutError:
            return False
        finally:
            self._running.discard(interrupt)
        return True
