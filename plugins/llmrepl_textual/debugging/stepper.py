"""Who is asked before each action of a turn (`llmrepl.stepping.Stepper`): lets it go on, or waits.

It holds what a person wants: how far to go, breakpoints, and what is to come instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from llmrepl.conversation import Conversation, Phase
from llmrepl.errors import LlmreplError
from llmrepl.events import Custom, Event, TurnFinished, TurnStarted
from llmrepl.loop import CallModel, FinishTurn, Work
from llmrepl.record import Record
from llmrepl.stepping import Instead, next_message, why_not
from llmrepl_textual.bars.spans import PAUSED
from llmrepl_textual.debugging.breakpoints import Breakpoint, Moment, TooSlow, hit
from llmrepl_textual.debugging.words import done_instead, outcome, title

ACTIONS_KEPT = 500
"""Actions of a turn that its history holds: the last."""


class Pace(Enum):
    """How far a turn goes before it pauses, breakpoints aside."""

    RUN = "runs to the next breakpoint"
    STEP = "pauses before each action"
    OVER = "runs to the end of the step"
    END = "runs to the end of the turn"


@dataclass(slots=True)
class Watch:
    """A breakpoint of the list: whether it holds, and how often a turn has paused there."""

    breakpoint: Breakpoint
    on: bool = True
    hits: int = 0


@dataclass(slots=True)
class Done:
    """An action that was performed, or what came in its stead: how it is called, and its end."""

    step: str
    what: str
    came: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A turn that waits before an action; `why` says what it paused for."""

    state: Conversation
    action: Work
    why: str


class PausingStepper:
    """Steps through turns. It is a display as well, by which it knows what has happened.

    Args:
        record: records an event.
        changed: is called when there is something else to see.

    Attributes:
        pace: how far turns go.
        pause: where the turn waits; None where it does not.
        watches: the breakpoints.
        history: what was done in the turn, or in the last one.
        told: what a person has to know of a breakpoint.
    """

    def __init__(
        self, record: Callable[[Event], object], changed: Callable[[], object] = tuple
    ) -> None:
        self.pace = Pace.RUN
        self.pause: Pause | None = None
        self.watches: list[Watch] = []
        self.history: list[Done] = []
        self.told = ""
        self._record = record
        self._changed = changed
        self._since: list[Event] = []
        self._choice: asyncio.Future[Instead | None] | None = None
        self._stays = ""  # why it pauses again: something came instead of the last action

    # What happens

    def show(self, record: Record) -> None:
        """Take note of what has happened (`llmrepl.ports.Display`)."""
        event = record.event
        if not event.durable:
            return
        if isinstance(event, TurnStarted):
            self.history.clear()
            self._since.clear()
            self._stays = ""
        if not isinstance(event, Custom):
            self._since.append(event)
        if isinstance(event, TurnFinished):
            self._close()
            if self.pace in (Pace.OVER, Pace.END):
                self.pace = Pace.RUN
            self._changed()

    async def step(self, state: Conversation, action: Work) -> Instead | None:
        """Let the action be performed, or wait until a person says what is to happen."""
        moment = Moment(state, action, self._close())
        why = self._why(moment)
        instead = await self._ask(Pause(state, action, why)) if why else None
        what = done_instead(instead) if instead is not None else title(action)
        asks = isinstance(action, CallModel)
        step = next_message(state) if asks else f"{state.turn}.{state.step}"
        self.history.append(Done(step, what))
        del self.history[:-ACTIONS_KEPT]
        self._stays = "" if instead is None else f"{what}, and now"
        return instead

    def _close(self) -> tuple[Event, ...]:
        """Return what has happened since the last action, and say so of it."""
        since, self._since = tuple(self._since), []
        if self.history and since:
            self.history[-1].came = outcome(since)
        return since

    def _why(self, moment: Moment) -> str:
        """Return why the turn pauses; empty where it does not."""
        hits = [why for watch in self.watches if watch.on and (why := self._hit(watch, moment))]
        if hits:
            return " · ".join(hits)
        if self._stays:
            return self._stays
        match self.pace:
            case Pace.STEP:
                return "step by step"
            case Pace.OVER if moment.state.phase is Phase.READY:
                return "the step is over"
            case Pace.END if isinstance(moment.action, FinishTurn):
                return "the turn is at its end"
            case _:
                return ""

    def _hit(self, watch: Watch, moment: Moment) -> str:
        try:
            why = hit(watch.breakpoint, moment)
        except TooSlow:
            watch.on = False
            why = f"{watch.breakpoint}: this takes too long, so it is off from now on"
            self.told = why
        watch.hits += bool(why)
        return why

    async def _ask(self, pause: Pause) -> Instead | None:
        self.pause = pause
        self._choice = asyncio.get_running_loop().create_future()
        began = time.monotonic()
        self._changed()
        try:
            return await self._choice
        finally:
            self.pause = self._choice = None
            ms = round((time.monotonic() - began) * 1000)
            self._record(Custom(name=PAUSED, data={"ms": ms, "before": title(pause.action)}))
            self._changed()

    # What a person does

    def go(self, pace: Pace) -> None:
        """Go on, so far; where nothing waits, the next turn goes so far."""
        self.pace = pace
        if self._choice is not None and not self._choice.done():
            self._choice.set_result(None)
        self._changed()

    def instead(self, instead: Instead, pause: Pause) -> None:
        """Let something come instead of the action of a pause, and pause again.

        Raises:
            LlmreplError: it cannot.
        """
        if self.pause is not pause or self._choice is None or self._choice.done():
            raise LlmreplError("the turn does not wait there any more")
        if problem := why_not(instead, pause.state, pause.action):
            raise LlmreplError(problem)
        self._choice.set_result(instead)

    def add(self, breakpoint_: Breakpoint) -> int:
        """Add a breakpoint, and return its place; one that is there already is on again."""
        for at, watch in enumerate(self.watches):
            if watch.breakpoint == breakpoint_:
                watch.on = True
                return at
        self.watches.append(Watch(breakpoint_))
        return len(self.watches) - 1
