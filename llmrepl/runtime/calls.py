"""A message's calls: what a person is asked about them, and their run in the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from llmrepl.conversation import APPROVALS, Progress
from llmrepl.errors import ExecutorError, SandboxUnavailable
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ErrorRaised,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
)
from llmrepl.ports import ToolEvent
from llmrepl.redaction import Redactor, Stream
from llmrepl.runtime.halt import Halt
from llmrepl.runtime.journal import Journal


class Calls:
    """Asks about calls and runs them.

    Args:
        journal: where what happens is recorded.
        halt: what ends questions and runs.
    """

    def __init__(self, journal: Journal, halt: Halt) -> None:
        self._journal = journal
        self._edges = journal.edges
        self._halt = halt

    async def cleared(self, requests: Sequence[ToolRequested]) -> bool:
        """Return whether nothing stands between the calls and their run.

        What does is recorded, one at a time: the loop then decides again.
        """
        for request in requests:
            if self._journal.state.call(request.call_id).progress is Progress.APPROVED:
                continue
            concern = await self._edges.approver.concern(request)
            if self._halt.reason:
                return False
            if concern is not None:
                await self._settle(request, concern)
                return False
        return True

    async def ask(self, request: ToolRequested, question: str) -> None:
        """Ask about a call, whatever the rules say: only a no of theirs needs no question."""
        concern = await self._edges.approver.concern(request)
        if self._halt.reason:
            return
        if concern is None or (
            isinstance(concern, ApprovalDecided) and concern.decision in APPROVALS
        ):
            concern = ApprovalRequested(call_id=request.call_id, question=question)
        await self._settle(request, concern)

    async def edit(self, call_id: str, arguments: Mapping[str, Any]) -> None:
        """Let a call be run with other arguments, if nothing stands against what it is then.

        What does is recorded, and a person is asked where the rules want it.
        """
        request = self._journal.state.call(call_id).request
        edited = replace(request, arguments=arguments, ambiguous=False)
        concern = await self._edges.approver.concern(edited)
        if self._halt.reason:
            return
        if isinstance(concern, ApprovalRequested):
            self._journal.record(concern)
            review = self._edges.approver.review(edited, concern)
            concern = await self._halt.wait(review, lambda: self._ended(call_id))
            if concern.decision in APPROVALS:
                concern = replace(concern, arguments=concern.arguments or arguments)
        elif concern is None or concern.decision in APPROVALS:
            rules = concern.rules if concern else ()
            concern = ApprovalDecided(
                call_id=call_id, decision="edit", rules=rules, arguments=arguments
            )
        self._journal.record(concern)

    async def _settle(
        self, request: ToolRequested, concern: ApprovalRequested | ApprovalDecided
    ) -> None:
        self._journal.record(concern)
        if isinstance(concern, ApprovalDecided):
            return
        review = self._edges.approver.review(request, concern)
        ended = partial(self._ended, request.call_id)
        self._journal.record(await self._halt.wait(review, ended))

    def _ended(self, call_id: str) -> ApprovalDecided:
        """Return the answer of a question that the end of the turn took away."""
        return ApprovalDecided(call_id=call_id, decision="deny", reason=self._halt.reason)

    async def run(self, requests: Sequence[ToolRequested]) -> None:
        """Run calls at the same time, and record what comes of them."""
        executor = self._edges.executor
        try:
            ready = await self._halt.wait(self._started(requests), tuple)
        except SandboxUnavailable as error:
            self._refuse(requests, error)
            return
        for request in ready:
            self._journal.record(
                ToolStarted(call_id=request.call_id, executor=executor.name, policy=executor.policy)
            )
        if len(ready) == 1:
            await self._run(ready[0])
        else:
            await asyncio.gather(*map(self._run, ready))

    async def _started(self, requests: Sequence[ToolRequested]) -> Sequence[ToolRequested]:
        """Start the sandbox, and return the calls that can run in it."""
        await self._edges.executor.start()
        return requests

    def _refuse(self, requests: Sequence[ToolRequested], error: SandboxUnavailable) -> None:
        self._journal.record(ErrorRaised(kind=error.kind, message=error.message, hint=error.hint))
        reason = f"{error.message} ({error.hint})" if error.hint else error.message
        for request in requests:
            self._journal.record(
                ToolFinished(call_id=request.call_id, status="denied", reason=reason)
            )

    async def _run(self, request: ToolRequested) -> None:
        journal = self._journal
        began = self._edges.clock.monotonic()
        finished = False
        problem = "the executor gave no result"
        try:
            events = self._edges.executor.run(request)
            async for event in redacted(events, self._edges.redactor):
                finished = finished or isinstance(event, ToolFinished)
                journal.record(event)
        except ExecutorError as error:
            journal.record(ErrorRaised(kind=error.kind, message=error.message, hint=error.hint))
            problem = error.message
        if not finished:
            ms = journal.ms_since(began)
            journal.record(
                ToolFinished(call_id=request.call_id, status="error", reason=problem, ms=ms)
            )


async def redacted(
    events: AsyncIterator[ToolEvent], redactor: Redactor
) -> AsyncIterator[ToolEvent]:
    """Yield what a call gives without secrets, those that are cut between two outputs included."""
    streams: dict[str, Stream] = {}
    async for event in events:
        if isinstance(event, ToolOutput):
            stream = streams.setdefault(event.stream, redactor.stream())
            if text := stream.feed(event.text):
                yield replace(event, text=text)
            continue
        if isinstance(event, ToolFinished):
            for name, stream in streams.items():
                if rest := stream.close():
                    yield ToolOutput(call_id=event.call_id, stream=name, text=rest)
        yield redactor.scrub(event)
