"""The object that drives a conversation: it performs what `decide` wants, thing after thing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, assert_never

from llmrepl.conversation import APPROVALS, Conversation, Phase, evolve
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ContextCompacted,
    ContextRestored,
    Event,
    MessageFinished,
    NoteAdded,
    StepFinished,
    ToolFinished,
    ToolRequested,
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
from llmrepl.parser import Check
from llmrepl.parts import Part
from llmrepl.ports import Display
from llmrepl.runtime.alarm import Alarm
from llmrepl.runtime.asking import Asking, settled
from llmrepl.runtime.calls import Calls
from llmrepl.runtime.halt import Halt
from llmrepl.runtime.journal import Edges, Journal, known_cost
from llmrepl.runtime.relieving import Relieving
from llmrepl.usage import Cost
from llmrepl.vector import Vector

if TYPE_CHECKING:
    from llmrepl.stepping import Instead, Stepper


class Runtime:
    """One live conversation.

    Args:
        edges: what the runtime reaches the world through.
        limits: what ends a turn that does not end by itself.
        state: where to go on from; see `fold`.
        seq: the sequence number of the last stored record.
        checks: per language, what tells whether a block's source compiles.
        makes_room: make room in the context before a request that would not fit.

    Attributes:
        stepper: is asked before each action of a turn; None where nobody is.
    """

    def __init__(
        self,
        edges: Edges,
        limits: Limits | None = None,
        *,
        state: Conversation | None = None,
        seq: int = 0,
        checks: Mapping[str, Check] | None = None,
        makes_room: bool = True,
    ) -> None:
        self.edges = edges
        self.limits = limits or Limits()
        self.stepper: Stepper | None = None
        self._journal = journal = Journal(edges, state, seq)
        self._halt = Halt()
        self._asking = Asking(journal, self._halt, checks)
        self._calls = Calls(journal, self._halt)
        self._room = Relieving(journal, self._halt, unasked=makes_room)
        self._steering: list[str] = []
        self._interrupting: asyncio.Future[None] | None = None
        self._turn_began = 0.0

    @property
    def state(self) -> Conversation:
        """The conversation as it is."""
        return self._journal.state

    def subscribe(self, display: Display) -> None:
        """Pass every record from now on to `display`."""
        self._journal.subscribe(display)

    def unsubscribe(self, display: Display) -> None:
        """Stop passing records to `display`."""
        self._journal.unsubscribe(display)

    async def turn(self, prompt: Sequence[Part], *, source: str = "person") -> str:
        """Run one turn to its end and return its stop reason.

        Raises:
            ProtocolError: a turn is under way or was left unfinished; `resume` it first.
            SessionError: the session could not be written; the turn stops where it was.
        """
        self._halt.reason = ""
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
            call_id=f"{self.state.turn}.!{self._journal.seq + 1}",
            name="bash",
            language="bash",
            arguments={"code": code, **limit},
            origin="aside" if aside else "person",
        )
        self.record(request)
        self._halt.reason = ""
        concern = await self.edges.approver.concern(request)
        if isinstance(concern, ApprovalRequested):
            concern = ApprovalDecided(call_id=request.call_id, decision="once")
        if concern is not None:
            self.record(concern)
        allowed = concern is None or concern.decision in APPROVALS
        if allowed and not self._halt.reason:
            await self._calls.run([request])
        stop = self._halt.reason
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
        try:
            return await self._room.compact(focus)
        finally:
            await settled(self._journal)

    def restore(self) -> ContextRestored:
        """Send again what the last compaction or trimming took from the context.

        Raises:
            ProtocolError: there was none, or a turn is under way.
        """
        return self._room.restore()

    def rewind(self, state: Conversation, seq: int) -> None:
        """Go on from another state, which `seq` records have led to. No turn may be under way."""
        self._journal.state, self._journal.seq = state, seq

    async def resume(self) -> str:
        """Go on from wherever the log stopped; return the stop reason, empty if all was done."""
        self._halt.reason = reason = ""
        self._room.begin()
        clock = self.edges.clock
        limits = self._limits
        self._turn_began = self._asking.began = clock.monotonic()
        alarm = Alarm(self.limits.turn_seconds, partial(self.cancel, "max_time"))
        alarm.wind()
        try:
            while not isinstance(
                action := decide(self.state, limits, self._halt.reason), AwaitUser
            ):
                if self._is_stepped and await self._stepped(action, alarm):
                    continue
                if isinstance(action, FinishTurn):
                    reason = action.reason
                await self._perform(action)
        finally:
            alarm.stop()
        return reason

    @property
    def _is_stepped(self) -> bool:
        """Whether somebody is asked before the next action.

        Nobody is while a turn winds down, and a call that the person typed is no turn.
        """
        return (
            self.stepper is not None
            and not self._halt.over()
            and self.state.phase is not Phase.RUNNING
        )

    async def _stepped(self, action: Work, alarm: Alarm) -> bool:
        """Ask the stepper; return whether something came in the action's stead.

        The time that this takes is not the turn's.
        """
        stepper, clock = self.stepper, self.edges.clock
        assert stepper is not None
        alarm.stop()
        began = clock.monotonic()
        asked = stepper.step(self.state, action)
        instead = await self._halt.wait(asked, lambda: None)
        waited = clock.monotonic() - began
        self._turn_began += waited
        self._asking.began += waited
        alarm.wind()
        over = self._halt.over()
        if instead is not None and not over:
            await self._do_instead(instead)
        return over or instead is not None

    async def _do_instead(self, instead: Instead) -> None:
        from llmrepl.stepping import Edit, happenings, next_message

        if isinstance(instead, Edit):
            await self._calls.edit(instead.call_id, instead.arguments)
            return
        draft = self._asking.draft(next_message(self.state))
        for event in happenings(instead, draft):
            self.record(event)

    def cancel(self, reason: str = "cancelled") -> None:
        """Wind the turn down for `reason`: what runs is ended, what it gave so far is kept."""
        if not self._halt.reason and not self._halt.end(reason):
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
        self._journal.record(event)

    @property
    def _limits(self) -> Limits:
        """The limits of the loop: accounts know better which model of a chain the budget allows."""
        return self.limits if self.edges.accounts is None else replace(self.limits, budget=None)

    async def _perform(self, action: Work) -> None:
        match action:
            case CallModel():
                await self._call_model()
            case AbandonMessage(stop):
                cost = Cost() if self.state.phase is Phase.RETRYING else None
                self.record(MessageFinished(parts=(), stop=stop, cost=cost))
            case AskApproval(request, question):
                await self._calls.ask(request, question)
            case WarnModel(request, text):
                self.record(NoteAdded(text=text, audience="model", call_id=request.call_id))
            case RunTools(requests):
                if await self._calls.cleared(requests):
                    await self._calls.run(requests)
            case CloseCall(request, status, reason):
                self.record(ToolFinished(call_id=request.call_id, status=status, reason=reason))
            case FinishStep():
                self._finish_step()
            case FinishTurn(reason):
                spend = self.state.turn_spend
                ms = self._journal.ms_since(self._turn_began)
                cost = known_cost(spend)
                self.record(TurnFinished(reason=reason, usage=spend.usage, cost=cost, ms=ms))
            case _:
                assert_never(action)

    async def _call_model(self) -> None:
        try:
            if self.state.phase is Phase.RETRYING or not await self._room.relieved():
                await self._asking.ask()
        finally:
            await settled(self._journal)

    def _tell(self) -> None:
        """Let what the person says meanwhile go with the results, if the model is asked again."""
        if not self._steering:
            return
        from llmrepl.stepping import STEERED

        # Without the messages, because a vector that grows twice is copied, and counted anew.
        alone = replace(self.state, messages=Vector())
        after = evolve(alone, StepFinished())
        while self._steering and isinstance(
            decide(after, self._limits, self._halt.reason), CallModel
        ):
            self.record(NoteAdded(text=STEERED + self._steering[0], audience="both"))
            del self._steering[0]

    def _finish_step(self) -> None:
        self._tell()
        spend = self.state.step_spend
        ms = self._journal.ms_since(self._asking.began)
        self.record(StepFinished(usage=spend.usage, cost=known_cost(spend), ms=ms))
