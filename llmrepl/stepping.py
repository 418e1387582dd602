"""A turn step by step: who is asked before each action, and what can happen in an action's stead.

What a person wants instead is data. Nothing of it widens what may run: an edit is judged by the
rules as the call that it makes, and what a person gives in a call's or the model's stead is
recorded as theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, assert_never

from llmrepl.conversation import Call, Conversation, Phase, Progress
from llmrepl.draft import Draft
from llmrepl.errors import LlmreplError
from llmrepl.events import (
    PERSON,
    ApprovalDecided,
    Event,
    MessageFinished,
    NoteAdded,
    StepStarted,
    ToolFinished,
)
from llmrepl.loop import CallModel, Work
from llmrepl.parts import Output
from llmrepl.usage import Cost

STEERED = "The person says, while you work: "
"""What stands before what a person says in the middle of a turn."""

BY_HAND = "debugger"
"""The model of a message that a person wrote in the model's stead; its provider is `PERSON`."""

GIVEN = ("ok", "error", "timeout", "denied", "cancelled", "limit")
"""How a call may end that a person ends."""

SKIPPED = "a person skipped it"
WRITTEN = "A person writes the next message in the model's stead; the model is not asked."
OBJECT = "a tool takes a JSON object, with a value for each parameter"


@dataclass(frozen=True, slots=True)
class Edit:
    """A call is to be run with these arguments, if the rules allow it."""

    call_id: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Give:
    """A call is not run: this is its result."""

    call_id: str
    text: str
    status: str = "ok"
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """A call is refused, and the model is told why."""

    call_id: str
    reason: str = SKIPPED


@dataclass(frozen=True, slots=True)
class Answer:
    """The model is not asked: this is its message, helper blocks included."""

    text: str


@dataclass(frozen=True, slots=True)
class Tell:
    """The model is told this with the next request."""

    text: str


Instead = Edit | Give | Skip | Answer | Tell
"""What can happen in an action's stead; the loop decides again then."""


class Stepper(Protocol):
    """Is asked before each action of a turn, and may take its time."""

    async def step(self, state: Conversation, action: Work) -> Instead | None:
        """Return what is to happen instead; None where the action is to be performed.

        Where the turn is ended meanwhile, this is cancelled. Raises nothing else.
        """
        ...


def why_not(instead: Instead, state: Conversation, action: Work) -> str:
    """Return in a line why something cannot happen in an action's stead; empty where it can."""
    match instead:
        case Answer():
            return "" if isinstance(action, CallModel) else "the model is not about to be asked"
        case Tell():
            asked = state.acted or state.stop == "unfinished"
            if isinstance(action, CallModel) or (state.phase is Phase.ACTING and asked):
                return ""
            return "the model is not asked again in this turn: it can be the next prompt"
        case _:
            return _why_not_about(instead, state)


def _why_not_about(instead: Edit | Give | Skip, state: Conversation) -> str:
    call = next((c for c in state.calls if c.request.call_id == instead.call_id), None)
    if call is None or state.phase is not Phase.ACTING:
        return "there is no call that waits"
    if call.progress is Progress.STARTED:
        return "it has started, and whether it finished is unknown"
    if isinstance(instead, Give):
        known = instead.status in GIVEN
        return "" if known else f"there is no status {instead.status!r}: {', '.join(GIVEN)}"
    if call.request.problem:
        return f"it cannot run: {call.request.problem}"
    return "it was refused" if call.progress is Progress.DENIED else ""


def happenings(instead: Give | Skip | Answer | Tell, draft: Draft) -> Iterator[Event]:
    """Yield the events of what happens in an action's stead, where `why_not` says nothing.

    Args:
        instead: what happens.
        draft: a new one of `next_message`, for an answer.
    """
    match instead:
        case Give(call_id, text, status, exit_code):
            stream = "stdout" if status == "ok" else "error"
            parts = (Output(stream, text),) if text else ()
            yield ToolFinished(
                call_id=call_id, status=status, parts=parts, exit_code=exit_code, by=PERSON
            )
        case Skip(call_id, reason):
            yield ApprovalDecided(call_id=call_id, decision="deny", reason=reason)
        case Tell(text):
            yield NoteAdded(text=STEERED + text, audience="both")
        case Answer(text):
            yield NoteAdded(text=WRITTEN)
            yield StepStarted(provider=PERSON, model=BY_HAND)
            yield from draft.text(text)
            yield from draft.close("end_turn")
            stop = draft.stop("end_turn")
            yield MessageFinished(parts=draft.parts, stop=stop, cost=Cost())
            yield from draft.notes(stop)
        case _:
            assert_never(instead)


def next_message(state: Conversation) -> str:
    """Return what the ids of the calls of the next message begin with."""
    again = state.phase is Phase.RETRYING
    return f"{state.turn}.{state.step if again else state.step + 1}"


def source(call: Call) -> tuple[str, str]:
    """Return what a call would run, and the language that is written in: its code, or JSON."""
    return source_of(call.request.arguments, call.request.language)


def source_of(arguments: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Return what arguments say as a text, and the language of that."""
    code = arguments.get("code")
    if isinstance(code, str):
        return code, language
    return json.dumps(dict(arguments), ensure_ascii=False, indent=2), "json"


def with_source(call: Call, text: str) -> Edit | None:
    """Return the edit that makes a call run a text; None where it would be as it is.

    Raises:
        LlmreplError: the call takes a JSON object, and this is none.
    """
    arguments = call.request.arguments
    if isinstance(arguments.get("code"), str):
        changed: Any = {**arguments, "code": text}
    else:
        try:
            changed = json.loads(text)
        except ValueError as error:
            raise LlmreplError(f"this is no JSON: {error}", hint=OBJECT) from None
        if not isinstance(changed, dict):
            raise LlmreplError("these are no arguments", hint=OBJECT)
    return None if changed == arguments else Edit(call.request.call_id, changed)
