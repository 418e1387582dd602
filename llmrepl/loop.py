"""Decide what to do next. No I/O, no clock, no randomness.

This is the loop in continuation-passing style with the continuation written down as data: `decide`
returns the next `Action`, the runtime performs it, appends the events it produced and asks again.
Since the continuation is derived from the log alone, a crashed, reloaded or forked session goes on
by asking `decide` once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from llmrepl.conversation import Call, Conversation, Phase, Progress
from llmrepl.events import ToolRequested


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a turn that does not end by itself.

    `turn_seconds` is wall time; `budget` is US dollars for the session. The same call is answered
    with a warning at its `repeat_warn`th time in a turn and ends the turn at its `repeat_stop`th.
    """

    max_steps: int = 50
    turn_seconds: float = 1800.0
    budget: Decimal | None = None
    repeat_warn: int = 3
    repeat_stop: int = 5


@dataclass(frozen=True, slots=True)
class AwaitUser:
    """Nothing to do until the person speaks."""


@dataclass(frozen=True, slots=True)
class CallModel:
    """Ask the model for the next message."""


@dataclass(frozen=True, slots=True)
class AbandonMessage:
    """Close a message that nobody waits for: a crash broke it off, so that it is asked for again.

    `stop` is `cancelled` where a person ended the step between two of its requests.
    """

    stop: str = "interrupted"


@dataclass(frozen=True, slots=True)
class AskApproval:
    """Ask whether a call may run."""

    request: ToolRequested
    question: str


@dataclass(frozen=True, slots=True)
class WarnModel:
    """Tell the model something about a call, together with the results of this step."""

    request: ToolRequested
    text: str


@dataclass(frozen=True, slots=True)
class RunTools:
    """Run these calls, all at the same time; those that are not approved, unless they may not."""

    requests: tuple[ToolRequested, ...]


@dataclass(frozen=True, slots=True)
class CloseCall:
    """End a call that will not be run, or not again, with this status."""

    request: ToolRequested
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class FinishStep:
    """Every call of the step has its result."""


@dataclass(frozen=True, slots=True)
class FinishTurn:
    """End the turn for a stop reason."""

    reason: str


Work = (
    CallModel
    | AbandonMessage
    | AskApproval
    | WarnModel
    | RunTools
    | CloseCall
    | FinishStep
    | FinishTurn
)
"""What there can be to do."""

Action = AwaitUser | Work

STOP_REASONS = {
    "end_turn": "the model answered",
    "max_tokens": "the model reached its output limit",
    "max_steps": "the turn reached its number of steps",
    "max_time": "the turn reached its wall time",
    "budget": "a budget has no room for another call",
    "repetition": "the model kept sending the same call",
    "refusal": "the model refused",
    "cancelled": "a person interrupted",
    "interrupted": "the process ended in the middle",
    "error": "the model's service failed",
}
"""Every reason a turn can end for."""

FINAL_STOPS = frozenset({"max_tokens", "refusal", "cancelled", "error"})
"""Message stops that end the turn for the same reason, where the message made no call."""

MOST_UNFINISHED = 2
"""How many messages in a row may be no answer and have no call, before the turn ends with them."""

NOT_BEGUN = "it was ended before it began"
UNKNOWN = "llmrepl ended while this ran, so whether it finished is unknown; it was not run again"
AMBIGUOUS = "a line that is only </helpers> may have cut this block short"
RESEND = "build that line another way and send the whole block again"


def decide(state: Conversation, limits: Limits, stop: str = "") -> Action:
    """Return the next action.

    Args:
        state: the conversation as folded from its events.
        limits: what ends a turn that does not end by itself.
        stop: a stop reason from outside (`cancelled`, `max_time`) that winds the turn down.
    """
    match state.phase:
        case Phase.IDLE:
            return AwaitUser()
        case Phase.STREAMING:
            return AbandonMessage()
        case Phase.RETRYING:
            return AbandonMessage("cancelled") if stop else CallModel()
        case Phase.ACTING:
            return _act(state, limits, stop)
        case Phase.READY:
            return _proceed(state, limits, stop)
        case Phase.RUNNING:
            return _close(state.calls[0])
        case _:
            assert_never(state.phase)


def _close(call: Call) -> Action:
    """Return the end of a call that the person typed: it runs at once, or not at all."""
    match call.progress:
        case Progress.STARTED:
            return CloseCall(call.request, "unknown", UNKNOWN)
        case Progress.DENIED:
            return CloseCall(call.request, "denied", call.reason)
        case _:
            return CloseCall(call.request, "cancelled", NOT_BEGUN)


def _act(state: Conversation, limits: Limits, stop: str) -> Action:
    if not state.calls:
        return FinishStep()
    call = state.calls[0]
    request = call.request
    stop = stop or (state.stop if state.stop in ("cancelled", "error") else "")
    if call.progress is Progress.STARTED:
        return CloseCall(request, "unknown", UNKNOWN)
    if request.problem:
        return CloseCall(request, "error", request.problem)
    if stop:
        return CloseCall(request, "cancelled", STOP_REASONS[stop])
    if call.repeats >= limits.repeat_stop:
        return CloseCall(request, "limit", f"this same call came {call.repeats} times in one turn")
    if call.repeats == limits.repeat_warn and not call.warned:
        return WarnModel(
            request,
            f"You have sent this same {request.name} call {call.repeats} times and it will not give"
            f" another result. Do something else, or answer. The turn ends at the"
            f" {limits.repeat_stop}th time.",
        )
    if call.progress is Progress.DENIED:
        why = call.reason or "a person said no"
        if request.ambiguous:
            why = f"not run: {AMBIGUOUS} ({why}); {RESEND}"
        return CloseCall(request, "denied", why)
    if request.ambiguous and call.progress is not Progress.APPROVED:
        return AskApproval(request, AMBIGUOUS)
    return RunTools(_together(state.calls))


def _together(calls: tuple[Call, ...]) -> tuple[ToolRequested, ...]:
    """Return the first call, with the plain tool calls that follow it where it is one itself.

    Blocks share the sandbox's Python state and working directory, so they run one by one.
    """
    first = calls[0].request
    if first.language != "tool":
        return (first,)
    together = [first]
    for call in calls[1:]:
        request = call.request
        ready = call.progress is Progress.APPROVED or (
            call.progress is Progress.REQUESTED and not request.ambiguous
        )
        if request.language != "tool" or request.problem or not ready or call.repeats > 1:
            break
        together.append(request)
    return tuple(together)


def _proceed(state: Conversation, limits: Limits, stop: str) -> Action:
    if stop:
        return FinishTurn(stop)
    if state.stop in ("cancelled", "error"):
        return FinishTurn(state.stop)
    if state.most_repeats >= limits.repeat_stop:
        return FinishTurn("repetition")
    goes_on = state.stop == "unfinished" and state.unfinished <= MOST_UNFINISHED
    answered = state.step > 0 and not state.acted and state.stop != "interrupted" and not goes_on
    if answered:
        return FinishTurn(state.stop if state.stop in FINAL_STOPS else "end_turn")
    if state.step >= limits.max_steps:
        return FinishTurn("max_steps")
    if limits.budget is not None and state.session_spend.total >= limits.budget:
        return FinishTurn("budget")
    return CallModel()
