"""Drive the loop: perform each action, stamp and store the events it produced, pass them on.

The runtime is the only mutable object around the pure core. It decides nothing: `decide` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar, assert_never

from llmrepl.conversation import APPROVALS, Conversation, Progress, Spend, evolve
from llmrepl.draft import Draft
from llmrepl.errors import ExecutorError, ProviderError, SandboxUnavailable
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ErrorRaised,
    Event,
    MessageFinished,
    NoteAdded,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.loop import (
    AbandonMessage,
    AskApproval,
    AwaitUser,
    CallModel,
    CloseCall,
    FinishStep,
    FinishTurn,
    Limits,
    RunTools,
    WarnModel,
    Work,
    decide,
)
from llmrepl.pace import Paces
from llmrepl.parser import Check
from llmrepl.parts import Part
from llmrepl.ports import (
    Approver,
    Clock,
    Context,
    Display,
    Executor,
    Finish,
    Meter,
    Provider,
    Request,
    Store,
    TextChunk,
    ToolEvent,
)
from llmrepl.record import Record
from llmrepl.redaction import NOTHING, Redactor, Stream
from llmrepl.usage import Cost, Usage
from llmrepl.vector import Vector

T = TypeVar("T")

STEERED = "The person says, while you work: "
"""What stands before what a person says in the middle of a turn."""


def fold(records: Iterable[Record], start: Conversation | None = None) -> Conversation:
    """Return the conversation that `records` lead to.

    Raises:
        ProtocolError: a record cannot follow the ones before it.
    """
    state = start or Conversation()
    for record in records:
        state = evolve(state, record.event)
    return state


@dataclass(slots=True)
class Edges:
    """Everything a runtime reaches the world through. The provider may be changed between turns.

    What `redactor` knows to be secret gets into no record, and so into no request, log or display.
    """

    provider: Provider
    executor: Executor
    approver: Approver
    context: Context
    meter: Meter
    store: Store
    clock: Clock
    redactor: Redactor = NOTHING


class Runtime:
    """One live conversation.

    Args:
        edges: what the runtime reaches the world through.
        limits: what ends a turn that does not end by itself.
        state: where to go on from; see `fold`.
        seq: the sequence number of the last stored record.
        checks: per language, what tells whether a block's source compiles.
    """

    def __init__(
        self,
        edges: Edges,
        limits: Limits | None = None,
        *,
        state: Conversation | None = None,
        seq: int = 0,
        checks: Mapping[str, Check] | None = None,
    ) -> None:
        self.edges = edges
        self.limits = limits or Limits()
        self.state = state or Conversation()
        self._seq = seq
        self._paces = Paces()
        self._checks = checks
        self._displays: list[Display] = []
        self._stop = ""
        self._steering: list[str] = []
        self._waiting: asyncio.Future[Any] | None = None
        self._interrupting: asyncio.Future[None] | None = None
        self._turn_began = self._step_began = 0.0
        self._first_token_ms: float | None = None

    def subscribe(self, display: Display) -> None:
        """Pass every record from now on to `display`."""
        self._displays.append(display)

    def unsubscribe(self, display: Display) -> None:
        """Stop passing records to `display`."""
        self._displays.remove(display)

    async def turn(self, prompt: Sequence[Part], *, source: str = "person") -> str:
        """Run one turn to its end and return its stop reason.

        Raises:
            ProtocolError: a turn is under way or was left unfinished; `resume` it first.
            SessionError: the session could not be written; the turn stops where it was.
        """
        self._stop = ""
        self.record(TurnStarted(prompt=tuple(prompt), source=source))
        return await self.resume()

    async def command(self, code: str, *, aside: bool = False, seconds: float | None = None) -> str:
        """Run a bash block that the person typed, at once: to have typed it is their yes.

        It is not run again, not even after a crash. Return `cancelled` where it was ended, else
        `end_turn`; what went wrong with it is recorded.

        Args:
            code: the block, which runs as it is though secrets in it are not recorded.
            aside: keep it and what comes of it from the model.
            seconds: how long it may take; None for what a block may.

        Raises:
            ProtocolError: a turn is under way or was left unfinished.
            SessionError: the session could not be written.
        """
        limit = {} if seconds is None else {"timeout": seconds}
        request = ToolRequested(
            call_id=f"{self.state.turn}.!{self._seq + 1}",
            name="bash",
            language="bash",
            arguments={"code": code, **limit},
            origin="aside" if aside else "person",
        )
        self.record(request)
        self._stop = ""
        concern = await self.edges.approver.concern(request)
        if isinstance(concern, ApprovalRequested):
            concern = ApprovalDecided(call_id=request.call_id, decision="once")
        if concern is not None:
            self.record(concern)
        allowed = concern is None or concern.decision in APPROVALS
        if allowed and not self._stop:
            await self._run_tools([request])
        stop = self._stop
        await self.resume()
        return stop or "end_turn"

    def rewind(self, state: Conversation, seq: int) -> None:
        """Go on from another state, which `seq` records have led to. No turn may be under way."""
        self.state = state
        self._seq = seq

    async def resume(self) -> str:
        """Go on from wherever the log stopped; return the stop reason, empty if all was done."""
        self._stop = reason = ""
        clock = self.edges.clock
        self._turn_began = self._step_began = clock.monotonic()
        loop = asyncio.get_running_loop()
        alarm = loop.call_later(self.limits.turn_seconds, self.cancel, "max_time")
        try:
            while not isinstance(action := decide(self.state, self.limits, self._stop), AwaitUser):
                if isinstance(action, FinishTurn):
                    reason = action.reason
                await self._perform(action)
        finally:
            alarm.cancel()
        return reason

    def cancel(self, reason: str = "cancelled") -> None:
        """Wind the turn down for `reason`: what runs is ended, what it gave so far is kept."""
        if self._stop:
            return
        self._stop = reason
        if self._waiting is not None:
            self._waiting.cancel()
        else:
            self._interrupting = asyncio.ensure_future(self.edges.executor.interrupt())

    def steer(self, text: str) -> None:
        """Tell the model `text` as soon as the turn allows: with the next results."""
        self._steering.append(text)

    @property
    def steering(self) -> tuple[str, ...]:
        """What `steer` was given and the model has not been told."""
        return tuple(self._steering)

    def unsteer(self) -> tuple[str, ...]:
        """Return what the model has not been told, and no longer tell it."""
        texts, self._steering = self.steering, []
        return texts

    def record(self, event: Event) -> None:
        """Let `event` happen: redact it, fold it, store it, show it.

        Text that arrives in pieces must have been redacted before: a piece shows no secret.

        Raises:
            ProtocolError: it cannot happen now.
            SessionError: it could not be stored; it has not happened then.
        """
        state, seq, at = self.state, 0, self.edges.clock.now()
        if event.durable:
            event = self._paces.complete(self.edges.redactor.scrub(event), at)
            state, seq = evolve(state, event), self._seq + 1
        else:
            self._paces.note(event, at)
        record = Record(seq, at, state.turn, state.step, event)
        if event.durable:
            self.edges.store.append(record, sync=isinstance(event, TurnFinished))
            self.state, self._seq = state, seq
        for display in tuple(self._displays):
            try:
                display.show(record)
            except Exception as error:  # noqa: BLE001 - a plugin boundary: the loop must go on
                self._displays.remove(display)
                name = type(display).__name__
                self.record(
                    ErrorRaised(
                        kind="PluginError",
                        message=f"the display {name} failed and was switched off: {error!r}",
                    )
                )

    async def _perform(self, action: Work) -> None:
        match action:
            case CallModel():
                await self._call_model()
            case AbandonMessage():
                self.record(MessageFinished(parts=(), stop="interrupted"))
            case AskApproval(request, question):
                await self._ask(request, question)
            case WarnModel(request, text):
                self.record(NoteAdded(text=text, audience="model", call_id=request.call_id))
            case RunTools(requests):
                if await self._cleared(requests):
                    await self._run_tools(requests)
            case CloseCall(request, status, reason):
                self.record(ToolFinished(call_id=request.call_id, status=status, reason=reason))
            case FinishStep():
                self._finish_step()
            case FinishTurn(reason):
                spend = self.state.turn_spend
                ms = self._ms_since(self._turn_began)
                cost = _known_cost(spend)
                self.record(TurnFinished(reason=reason, usage=spend.usage, cost=cost, ms=ms))
            case _:
                assert_never(action)

    def _ms_since(self, began: float) -> float:
        return round((self.edges.clock.monotonic() - began) * 1000, 3)

    def _tell(self) -> None:
        """Let what the person says meanwhile go with the results, if the model is asked again."""
        if not self._steering:
            return
        # Without the messages, because a vector that grows twice is copied, and counted anew.
        alone = replace(self.state, messages=Vector())
        after = evolve(alone, StepFinished())
        while self._steering and isinstance(decide(after, self.limits, self._stop), CallModel):
            self.record(NoteAdded(text=STEERED + self._steering[0], audience="both"))
            del self._steering[0]

    def _finish_step(self) -> None:
        self._tell()
        spend = self.state.step_spend
        ms = self._ms_since(self._step_began)
        self.record(StepFinished(usage=spend.usage, cost=_known_cost(spend), ms=ms))

    async def _cleared(self, requests: Sequence[ToolRequested]) -> bool:
        """Return whether nothing stands between the calls and their run.

        What does is recorded, one at a time: the loop then decides again.
        """
        for request in requests:
            if self.state.call(request.call_id).progress is Progress.APPROVED:
                continue
            concern = await self.edges.approver.concern(request)
            if self._stop:
                return False
            if concern is not None:
                await self._settle(request, concern)
                return False
        return True

    async def _ask(self, request: ToolRequested, question: str) -> None:
        """Ask about a call, whatever the rules say: only a no of theirs needs no question."""
        concern = await self.edges.approver.concern(request)
        if self._stop:
            return
        if concern is None or (
            isinstance(concern, ApprovalDecided) and concern.decision in APPROVALS
        ):
            concern = ApprovalRequested(call_id=request.call_id, question=question)
        await self._settle(request, concern)

    async def _settle(
        self, request: ToolRequested, concern: ApprovalRequested | ApprovalDecided
    ) -> None:
        self.record(concern)
        if isinstance(concern, ApprovalDecided):
            return
        review = asyncio.ensure_future(self.edges.approver.review(request, concern))
        try:
            decided = await self._wait(review)
        except asyncio.CancelledError:
            if not self._stop:
                raise
            decided = ApprovalDecided(call_id=request.call_id, decision="deny", reason=self._stop)
        self.record(decided)

    async def _wait(self, future: asyncio.Future[T]) -> T:
        """Wait for `future` so that `cancel` can end it."""
        self._waiting = future
        try:
            return await future
        finally:
            self._waiting = None

    async def _call_model(self) -> None:
        edges, state = self.edges, self.state
        request = edges.context.request(state)
        self._step_began = edges.clock.monotonic()
        self._first_token_ms = None
        self.record(
            StepStarted(
                provider=edges.provider.name,
                model=request.model,
                estimated_tokens=request.estimated_tokens,
            )
        )
        draft = Draft(f"{state.turn}.{state.step + 1}", self._checks, edges.redactor)
        finish = await self._heard_out(request, draft)
        for event in draft.close(finish.stop):
            self.record(event)
        usage = finish.usage
        if usage is None:
            output = edges.meter.count(draft.received)
            usage = Usage(request.estimated_tokens, output, estimated=True)
        stop = draft.stop(finish.stop)
        self.record(
            MessageFinished(
                parts=draft.parts,
                stop=stop,
                usage=usage,
                cost=await edges.meter.cost(edges.provider, request.model, usage),
                first_token_ms=self._first_token_ms,
                total_ms=self._ms_since(self._step_began),
            )
        )
        for note in draft.notes(stop):
            self.record(note)

    async def _heard_out(self, request: Request, draft: Draft) -> Finish:
        """Read the model's message until it ends, for whatever reason."""
        try:
            return await self._wait(asyncio.ensure_future(self._stream(request, draft)))
        except asyncio.CancelledError:
            if not self._stop:
                raise
            return Finish("cancelled")
        except ProviderError as error:
            self.record(ErrorRaised(kind=error.kind, message=error.message, hint=error.hint))
            return Finish("error")

    async def _stream(self, request: Request, draft: Draft) -> Finish:
        """Read the message until the provider ends it, or nothing more of it would count."""
        async with aclosing(self.edges.provider.stream(request)) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, Finish):
                    return chunk
                if self._first_token_ms is None:
                    self._first_token_ms = self._ms_since(self._step_began)
                take = draft.text if isinstance(chunk, TextChunk) else draft.reasoning
                for event in take(chunk.text):
                    self.record(event)
                if draft.done:
                    return Finish()
        raise ProviderError(f"{self.edges.provider.name} ended its stream without saying so")

    async def _run_tools(self, requests: Sequence[ToolRequested]) -> None:
        executor = self.edges.executor
        try:
            await self._wait(asyncio.ensure_future(executor.start()))
        except asyncio.CancelledError:
            if not self._stop:
                raise
            return
        except SandboxUnavailable as error:
            self._refuse(requests, error)
            return
        for request in requests:
            self.record(
                ToolStarted(call_id=request.call_id, executor=executor.name, policy=executor.policy)
            )
        if len(requests) == 1:
            await self._run(requests[0])
        else:
            await asyncio.gather(*map(self._run, requests))

    def _refuse(self, requests: Sequence[ToolRequested], error: SandboxUnavailable) -> None:
        self.record(ErrorRaised(kind=error.kind, message=error.message, hint=error.hint))
        reason = f"{error.message} ({error.hint})" if error.hint else error.message
        for request in requests:
            self.record(ToolFinished(call_id=request.call_id, status="denied", reason=reason))

    async def _run(self, request: ToolRequested) -> None:
        began = self.edges.clock.monotonic()
        finished = False
        problem = "the executor gave no result"
        try:
            events = self.edges.executor.run(request)
            async for event in redacted(events, self.edges.redactor):
                finished = finished or isinstance(event, ToolFinished)
                self.record(event)
        except ExecutorError as error:
            self.record(ErrorRaised(kind=error.kind, message=error.message, hint=error.hint))
            problem = error.message
        if not finished:
            ms = self._ms_since(began)
            self.record(
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


def _known_cost(spend: Spend) -> Cost | None:
    return None if spend.unpriced else spend.cost
