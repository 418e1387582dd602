"""Drive the loop: perform each action, stamp and store the events it produced, pass them on.

The runtime is the only mutable object around the pure core. It decides nothing: `decide` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar, assert_never

from llmrepl.conversation import APPROVALS, Conversation, Phase, Progress, Spend, evolve
from llmrepl.digest import Digest
from llmrepl.draft import Draft
from llmrepl.errors import (
    ExecutorError,
    LlmreplError,
    ProtocolError,
    ProviderError,
    SandboxUnavailable,
)
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ContextCompacted,
    ContextCompacting,
    ContextRestored,
    ContextTrimmed,
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
    Bounded,
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
from llmrepl.relief import Compact, Trim, compact, relief
from llmrepl.usage import Cost, Usage
from llmrepl.vector import Vector

T = TypeVar("T")

TIGHT = (
    "The next request takes about {total} tokens, and the model takes {window} with its answer."
    " Nothing more of it can give way, so the service may refuse it or cut it."
)
"""What a person is told of a request that does not fit."""

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
        self._tight = ""  # what was said of a context that nothing gives way in; once in a turn

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

    async def compact(self, focus: str = "") -> ContextCompacted | None:
        """Let a summary stand for what came before the last turns; return what came of it.

        None where there is too little to summarise. Where the model gave no summary, the event says
        the problem, and all is as before.

        Args:
            focus: what the summary is to keep in mind.

        Raises:
            ProtocolError: a turn is under way or was left unfinished.
            LlmreplError: this context cannot be compacted.
        """
        state, context = self.state, self.edges.context
        if not isinstance(context, Bounded):
            raise LlmreplError("this context cannot be compacted")
        if state.phase is not Phase.IDLE:
            raise ProtocolError("a conversation is compacted between two turns")
        self._stop = ""
        sizes, budget = context.sizes(state), context.budget
        third = sum(sizes) // 3
        plan = compact(state, sizes, third if budget is None else min(budget.tail, third))
        return None if plan is None else await self._compact(context, plan, "person", focus)

    def restore(self) -> ContextRestored:
        """Send again what the last compaction or trimming took from the context.

        Raises:
            ProtocolError: there was none, or a turn is under way.
        """
        context, before = self.edges.context, self.state
        tokens = context.tokens(before) if isinstance(context, Bounded) else 0
        event = ContextRestored(tokens_before=tokens)
        after = evolve(before, event)  # which makes a vector of its own, so that none is copied
        if isinstance(context, Bounded):
            event = replace(event, tokens_after=context.tokens(after))
        self.record(event)
        return event

    def rewind(self, state: Conversation, seq: int) -> None:
        """Go on from another state, which `seq` records have led to. No turn may be under way."""
        self.state = state
        self._seq = seq

    async def resume(self) -> str:
        """Go on from wherever the log stopped; return the stop reason, empty if all was done."""
        self._stop = self._tight = reason = ""
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

    async def _relieved(self) -> bool:
        """Make room for the next request; return whether something gave way, or a person stopped.

        The loop then decides again. What does not fit all the same is said, and sent.
        """
        context, state = self.edges.context, self.state
        budget = context.budget if isinstance(context, Bounded) else None
        if budget is None or self._tight or not isinstance(context, Bounded):
            return False
        total = context.tokens(state)
        match relief(state, context.sizes(state), total, budget):
            case Trim() as plan:
                self.record(
                    ContextTrimmed(
                        messages=plan.messages,
                        characters=plan.characters,
                        outputs=plan.outputs,
                        dropped=plan.dropped,
                    )
                )
                return True
            case Compact() as plan:
                event = await self._compact(context, plan, "size")
                if self._stop or not event.problem:
                    return True
                self._tight = event.problem
        if total > budget.room:
            self._tight = TIGHT.format(total=total, window=budget.window)
            self.record(NoteAdded(text=self._tight))
        return False

    async def _compact(
        self, context: Bounded, plan: Compact, by: str, focus: str = ""
    ) -> ContextCompacted:
        """Ask the model for a summary, and record what came of it."""
        edges, state = self.edges, self.state
        before, began = context.tokens(state), edges.clock.monotonic()
        request = context.digest(state, plan, focus)
        self.record(ContextCompacting(messages=plan.replaced - len(plan.kept), tokens=plan.tokens))
        digest = Digest()
        problem = ""
        try:
            await self._wait(asyncio.ensure_future(digest.hear(edges.provider, request)))
        except asyncio.CancelledError:
            if not self._stop:
                raise
            problem = "interrupted"
        except ProviderError as error:
            problem = f"{error.message} ({error.hint})" if error.hint else error.message
        usage = digest.usage
        if usage is None:
            sent = request.estimated_tokens if digest.received else 0
            usage = Usage(sent, edges.meter.count(digest.received), estimated=True)
        taken = edges.meter.count("\n\n".join((digest.summary, *state.pinned)))
        problem = problem or digest.problem
        if not problem and taken >= plan.tokens:
            problem = "the summary takes more room than what it stands for"
        event = ContextCompacted(
            summary="" if problem else digest.summary,
            replaced=plan.replaced,
            kept=plan.kept,
            tokens_before=before,
            tokens_after=before if problem else before - plan.tokens + taken,
            by=by,
            focus=focus,
            provider=edges.provider.name,
            model=request.model,
            usage=usage,
            cost=await edges.meter.cost(edges.provider, request.model, usage),
            ms=self._ms_since(began),
            problem=problem,
        )
        self.record(event)
        return event

    async def _call_model(self) -> None:
        if await self._relieved():
            return
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
