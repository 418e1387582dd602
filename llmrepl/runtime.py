"""Drive the loop: perform each action, stamp and store the events it produced, pass them on.

The runtime is the only mutable object around the pure core. It decides nothing: `decide` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar, assert_never

from llmrepl.conversation import Conversation, Spend, evolve
from llmrepl.errors import ExecutorError, ProviderError, SandboxUnavailable
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    BlockDelta,
    BlockOpened,
    ErrorRaised,
    Event,
    MessageFinished,
    NoteAdded,
    ReasoningDelta,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolFinished,
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
from llmrepl.parser import (
    Block,
    BlockParser,
    Check,
    Code,
    Ignored,
    Item,
    Opened,
    Prose,
    Thought,
)
from llmrepl.parts import Part, Reasoning, Text, ToolCall
from llmrepl.ports import (
    Approver,
    Clock,
    Context,
    Display,
    Executor,
    Finish,
    Meter,
    Provider,
    ReasoningChunk,
    Request,
    Store,
    TextChunk,
)
from llmrepl.record import Record
from llmrepl.usage import Cost, Usage

T = TypeVar("T")

BROKEN_OFF = "Your message before this was broken off and is incomplete."


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
    """Everything a runtime reaches the world through. The provider may be changed between turns."""

    provider: Provider
    executor: Executor
    approver: Approver
    context: Context
    meter: Meter
    store: Store
    clock: Clock


@dataclass(slots=True)
class _Draft:
    """The message that is arriving: its parts so far, and what to record once it has ended."""

    parts: list[Part] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    calls: int = 0
    first_at: float | None = None

    def receive(self, text: str, clock: Clock) -> None:
        """Note that `text` came from the provider."""
        if self.first_at is None:
            self.first_at = clock.monotonic()
        self.received.append(text)

    def flush(self) -> None:
        """Turn the text gathered so far into a part."""
        if self.thought:
            self.parts.append(Reasoning("".join(self.thought)))
            self.thought.clear()
        if self.text:
            self.parts.append(Text("".join(self.text)))
            self.text.clear()


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
        self._checks = checks
        self._displays: list[Display] = []
        self._stop = ""
        self._waiting: asyncio.Future[Any] | None = None
        self._interrupting: asyncio.Future[None] | None = None
        self._turn_began = self._step_began = 0.0

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

    def record(self, event: Event) -> None:
        """Let `event` happen: fold it, store it, show it.

        Raises:
            ProtocolError: it cannot happen now.
            SessionError: it could not be stored; it has not happened then.
        """
        state, seq = self.state, 0
        if event.durable:
            state, seq = evolve(state, event), self._seq + 1
        record = Record(seq, self.edges.clock.now(), state.turn, state.step, event)
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
                self.record(NoteAdded(text=text, audience="both", call_id=request.call_id))
            case RunTools(requests):
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

    def _finish_step(self) -> None:
        spend = self.state.step_spend
        ms = self._ms_since(self._step_began)
        self.record(StepFinished(usage=spend.usage, cost=_known_cost(spend), ms=ms))

    async def _ask(self, request: ToolRequested, question: str) -> None:
        self.record(ApprovalRequested(call_id=request.call_id, question=question))
        review = asyncio.ensure_future(self.edges.approver.review(request, question))
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
        edges = self.edges
        request = edges.context.request(self.state)
        self._step_began = edges.clock.monotonic()
        self.record(
            StepStarted(
                provider=edges.provider.name,
                model=request.model,
                estimated_tokens=request.estimated_tokens,
            )
        )
        draft = _Draft()
        parser = BlockParser(self._checks)
        usage: Usage | None = None
        try:
            stream = asyncio.ensure_future(self._stream(request, parser, draft))
            finish = await self._wait(stream)
            stop, usage = finish.stop, finish.usage
        except asyncio.CancelledError:
            if not self._stop:
                raise
            stop = "cancelled"
        except ProviderError as error:
            self.record(ErrorRaised(kind=error.kind, message=error.message, hint=error.hint))
            stop = "error"
        broken = stop in ("cancelled", "error")
        for item in parser.close(cut=broken or stop == "max_tokens"):
            if draft.calls:
                break  # nothing after a block counts: the model has not seen its result
            if not broken or isinstance(item, Prose | Thought):
                self._take(item, draft)
        draft.flush()
        if usage is None:
            output = edges.meter.count("".join(draft.received))
            usage = Usage(request.estimated_tokens, output, estimated=True)
        cost = await edges.meter.cost(edges.provider, request.model, usage)
        first = draft.first_at
        self.record(
            MessageFinished(
                parts=tuple(draft.parts),
                stop=stop,
                usage=usage,
                cost=cost,
                first_token_ms=None
                if first is None
                else round((first - self._step_began) * 1e3, 3),
                total_ms=self._ms_since(self._step_began),
            )
        )
        if broken and draft.parts:
            self.record(NoteAdded(text=BROKEN_OFF, audience="model"))
        for reason in draft.ignored:
            self.record(NoteAdded(text=reason, audience="both"))

    async def _stream(self, request: Request, parser: BlockParser, draft: _Draft) -> Finish:
        """Read the model's message until it ends or its first helper block is complete.

        What a model writes after a block it could not have seen the result of is never read.
        """
        async with aclosing(self.edges.provider.stream(request)) as chunks:
            async for chunk in chunks:
                match chunk:
                    case TextChunk(text):
                        draft.receive(text, self.edges.clock)
                        for item in parser.feed(text):
                            self._take(item, draft)
                            if draft.calls:
                                return Finish("tool_calls")
                    case ReasoningChunk(text):
                        draft.receive(text, self.edges.clock)
                        self._take(Thought(text), draft)
                    case Finish():
                        return chunk
                    case _:
                        assert_never(chunk)
        raise ProviderError(f"{self.edges.provider.name} ended its stream without saying so")

    def _take(self, item: Item, draft: _Draft) -> None:
        match item:
            case Prose(text):
                if draft.thought:
                    draft.flush()
                draft.text.append(text)
                self.record(TextDelta(text=text))
            case Thought(text):
                if draft.text:
                    draft.flush()
                draft.thought.append(text)
                self.record(ReasoningDelta(text=text))
            case Opened(language):
                self.record(BlockOpened(language=language))
            case Code(text):
                self.record(BlockDelta(text=text))
            case Block():
                self._request_calls(item, draft)
            case Ignored(reason):
                draft.ignored.append(reason)
            case _:
                assert_never(item)

    def _request_calls(self, block: Block, draft: _Draft) -> None:
        draft.flush()
        for call in block.calls:
            draft.calls += 1
            call_id = f"{self.state.turn}.{self.state.step}.{draft.calls}"
            part = ToolCall(call_id, call.name, call.language, call.arguments, call.problem)
            draft.parts.append(part)
            self.record(
                ToolRequested(
                    call_id=call_id,
                    name=call.name,
                    language=call.language,
                    arguments=call.arguments,
                    span=block.span,
                    ambiguous=call.ambiguous,
                    problem=call.problem,
                )
            )

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
            async for event in self.edges.executor.run(request):
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


def _known_cost(spend: Spend) -> Cost | None:
    return None if spend.unpriced else spend.cost
