"""Asks about every call before it runs: what stands in where there is no sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from llmrepl.events import ApprovalDecided, ToolFinished, ToolRequested
from llmrepl.ports import Approver, Executor, ToolEvent

QUESTION = "there is no sandbox around it"


class Confirming:
    """An executor that runs what somebody has said yes to; see `llmrepl.ports.Executor`.

    Args:
        executor: runs the calls.
        approver: is asked about each.
    """

    def __init__(self, executor: Executor, approver: Approver) -> None:
        self.name, self.policy = executor.name, executor.policy
        self._executor = executor
        self._approver = approver
        self._asking: asyncio.Future[ApprovalDecided] | None = None

    async def start(self) -> None:
        """Make ready."""
        await self._executor.start()

    async def run(self, request: ToolRequested) -> AsyncIterator[ToolEvent]:
        """Ask, then run the call or not."""
        self._asking = asyncio.ensure_future(self._approver.review(request, QUESTION))
        try:
            decided = await self._asking
        except asyncio.CancelledError:
            yield ToolFinished(call_id=request.call_id, status="cancelled", reason="interrupted")
            return
        finally:
            self._asking = None
        if decided.decision == "deny":
            why = decided.reason or "a person said no"
            yield ToolFinished(call_id=request.call_id, status="denied", reason=why)
            return
        async for event in self._executor.run(request):
            yield event

    async def interrupt(self) -> None:
        """End the question, or what is running."""
        if self._asking is not None:
            self._asking.cancel()
        await self._executor.interrupt()

    async def close(self) -> None:
        """End everything that was started."""
        await self._executor.close()
