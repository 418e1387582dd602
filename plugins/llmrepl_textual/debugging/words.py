"""What actions and what comes of them are called, in a line each, and why the loop wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from llmrepl.conversation import Conversation, Phase, Progress, verdict
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ContextCompacted,
    ContextTrimmed,
    ErrorRaised,
    Event,
    MessageFinished,
    NoteAdded,
    RequestFailed,
    StepFinished,
    ToolFinished,
    TurnFinished,
)
from llmrepl.figures import counted, duration, money, tokens
from llmrepl.loop import (
    STOP_REASONS,
    AbandonMessage,
    AskApproval,
    CallModel,
    CloseCall,
    FinishStep,
    FinishTurn,
    RunTools,
    WarnModel,
    Work,
)
from llmrepl.stepping import Answer, Edit, Give, Instead, Skip, Tell


def title(action: Work) -> str:
    """Return what an action is, in a few words."""
    match action:
        case CallModel():
            return "ask the model"
        case AbandonMessage(stop):
            return f"close a message that was {stop}"
        case AskApproval(request, _):
            return f"ask about {request.name} {request.call_id}"
        case WarnModel(request, _):
            return f"warn the model about {request.name} {request.call_id}"
        case RunTools(requests):
            return "run " + ", ".join(f"{r.name} {r.call_id}" for r in requests)
        case CloseCall(request, status, _):
            return f"end {request.name} {request.call_id}: {status}"
        case FinishStep():
            return "finish the step"
        case FinishTurn(reason):
            return f"finish the turn: {reason}"
        case _:
            assert_never(action)


def because(state: Conversation, action: Work) -> str:
    """Return why the loop wants an action, from the state that led to it."""
    match action:
        case CallModel():
            return _why_asked(state)
        case AbandonMessage():
            return "nobody waits for the rest of it"
        case AskApproval(_, question):
            return f"it may not run unasked: {question}"
        case WarnModel(_, text):
            return text
        case RunTools(requests):
            return _why_run(state, len(requests))
        case CloseCall(_, _, reason):
            return reason
        case FinishStep():
            if state.acted:
                return "every call of the step has its result"
            return f"the message asks for no call; it ended: {state.stop}"
        case FinishTurn(reason):
            return STOP_REASONS.get(reason, reason)
        case _:
            assert_never(action)


def _why_asked(state: Conversation) -> str:
    if state.phase is Phase.RETRYING:
        return f"a request of this step failed, and {state.attempts.next or 'another'} follows"
    if state.step == 0:
        return "the turn has begun"
    if state.acted:
        return f"the results of step {state.step} are there"
    return f"the message of step {state.step} was no answer yet: {state.stop}"


def _why_run(state: Conversation, count: int) -> str:
    waiting = counted(len(state.calls), "call")
    told = f"the message asks for it; {waiting} of the step without a result"
    if count > 1:
        told += ", and plain tool calls run together"
    if state.calls and state.calls[0].progress is Progress.APPROVED:
        edited = ", as a person changed it" if state.calls[0].edited else ""
        return f"it is approved{edited}; {waiting} of the step without a result"
    return told


def done_instead(instead: Instead) -> str:
    """Return what came in an action's stead, as what a person did."""
    match instead:
        case Edit(call_id, _):
            return f"you edited {call_id}"
        case Give(call_id, _, status, _):
            return f"you gave {call_id} a result: {status}"
        case Skip(call_id, _):
            return f"you skipped {call_id}"
        case Answer():
            return "you answered in the model's stead"
        case Tell():
            return "you told the model something"
        case _:
            assert_never(instead)


def outcome(since: Sequence[Event]) -> str:
    """Return what came of an action."""
    return " · ".join(filter(None, map(_came, since)))


def _came(event: Event) -> str:
    match event:
        case MessageFinished(usage=usage, cost=cost):
            flow = f"↑{tokens(usage.input_tokens)} ↓{tokens(usage.output_tokens)}"
            price = money(None if cost is None else cost.total)
            return f"{event.stop} {flow} {price} {duration(event.total_ms)}"
        case ToolFinished(call_id=call_id, status=status):
            return " ".join(filter(None, (call_id, status, event.given or duration(event.ms))))
        case ApprovalRequested(question=question):
            return f"asked: {question}"
        case ApprovalDecided():
            return verdict(event)
        case RequestFailed():
            return f"failed: {event.message}"
        case ContextTrimmed() | ContextCompacted():
            return "room was made in the context"
        case ErrorRaised(message=message):
            return f"error: {message}"
        case NoteAdded(text=text, audience=audience) if audience != "model":
            return text
        case StepFinished(ms=ms) | TurnFinished(ms=ms):
            return duration(ms)
        case _:
            return ""
