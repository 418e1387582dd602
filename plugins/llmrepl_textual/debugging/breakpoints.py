"""Breakpoints: data that a person types as a line, and whether a moment of a turn is one of them.

What is looked for is bounded, in characters and in time, so that no pattern can hold the app up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import assert_never

from llmrepl.conversation import Conversation
from llmrepl.errors import LlmreplError
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ContextCompacted,
    Event,
    MessageFinished,
    ToolFinished,
    ToolRequested,
)
from llmrepl.figures import money
from llmrepl.loop import (
    AskApproval,
    CallModel,
    CloseCall,
    FinishStep,
    FinishTurn,
    RunTools,
    WarnModel,
    Work,
)
from llmrepl.parts import Output, Text, text_of
from llmrepl.stepping import GIVEN, source_of

LOOKED_AT = 20_000
"""Characters of a text in which a pattern is looked for."""

SECONDS = 0.1
"""How long a pattern may be looked for in one text."""

ACTIONS: Mapping[str, type[Work]] = {
    "model": CallModel,
    "tools": RunTools,
    "approval": AskApproval,
    "step": FinishStep,
    "turn": FinishTurn,
}
"""What can be broken at before it is done."""

STATUSES = (*GIVEN, "unknown")
SCOPES = ("turn", "session")

FORMS = (
    ("action model", "or tools, approval, step, turn"),
    ("tool bash", "before it runs; * and ? stand for letters"),
    ("status error", "after a call; !ok: in any other way"),
    ("cost turn > 0.05", "dollars, of a turn or the session"),
    ("pattern rm\\s+-r", "in code, results and messages"),
)
"""What can be typed, and what it is for."""


@dataclass(frozen=True, slots=True)
class OnAction:
    """Before an action of a kind."""

    name: str

    def __str__(self) -> str:
        return f"action {self.name}"


@dataclass(frozen=True, slots=True)
class OnTool:
    """Before a call whose tool's name is like this."""

    like: str

    def __str__(self) -> str:
        return f"tool {self.like}"


@dataclass(frozen=True, slots=True)
class OnStatus:
    """After a call that ended so, or, with `but`, in any other way."""

    status: str
    but: bool = False

    def __str__(self) -> str:
        return f"status {'!' * self.but}{self.status}"


@dataclass(frozen=True, slots=True)
class OnCost:
    """When a turn or the session has come to cost more than this, in US dollars."""

    scope: str
    above: Decimal

    def __str__(self) -> str:
        return f"cost {self.scope} > {self.above}"


@dataclass(frozen=True, slots=True)
class OnPattern:
    """Where an expression matches in code that waits, in a result, or in what the model said."""

    pattern: str

    def __str__(self) -> str:
        return f"pattern {self.pattern}"


Breakpoint = OnAction | OnTool | OnStatus | OnCost | OnPattern


@dataclass(frozen=True, slots=True)
class Moment:
    """Before an action: the state that led to it, and what has happened since the one before."""

    state: Conversation
    action: Work
    since: tuple[Event, ...] = ()


class TooSlow(Exception):
    """A pattern could not be looked for in the time there is."""


# Typed


def parsed(text: str) -> Breakpoint:
    """Return the breakpoint that a person typed.

    Raises:
        LlmreplError: it is none; the hint says what would be one.
    """
    kind, _, rest = text.strip().partition(" ")
    read = _READ.get(kind)
    if read is None:
        known = ", ".join(_READ)
        raise LlmreplError(f"there is no breakpoint {kind!r}", hint=f"there are: {known}")
    if not rest.strip():
        form = next(form for form, _ in FORMS if form.startswith(kind))
        raise LlmreplError(f"{kind} of what?", hint=f"for example: {form}")
    return read(rest.strip())


def _action(text: str) -> OnAction:
    if text not in ACTIONS:
        raise LlmreplError(f"there is no action {text!r}", hint=f"there are: {', '.join(ACTIONS)}")
    return OnAction(text)


def _status(text: str) -> OnStatus:
    status = text.removeprefix("!")
    if status not in STATUSES:
        raise LlmreplError(
            f"there is no status {status!r}", hint=f"there are: {', '.join(STATUSES)}"
        )
    return OnStatus(status, but=status != text)


def _cost(text: str) -> OnCost:
    try:
        scope, amount = text.replace(">", " ").replace("$", " ").split()
        above = Decimal(amount)
    except (ValueError, InvalidOperation):
        scope, above = "", Decimal(-1)
    if scope not in SCOPES or not above.is_finite() or above < 0:
        raise LlmreplError(f"this is no cost: {text}", hint="for example: cost turn > 0.05")
    return OnCost(scope, above)


def _pattern(text: str) -> OnPattern:
    import regex

    try:
        regex.compile(text)
    except regex.error as error:
        raise LlmreplError(
            f"this is no regular expression: {error}",
            hint="a \\ before . * + ? ( ) [ ] { } ^ $ | takes them as they are",
        ) from None
    return OnPattern(text)


_READ: Mapping[str, Callable[[str], Breakpoint]] = {
    "action": _action,
    "tool": OnTool,
    "status": _status,
    "cost": _cost,
    "pattern": _pattern,
}


# Hit


def hit(breakpoint_: Breakpoint, moment: Moment) -> str:
    """Return in a line why a moment is one of a breakpoint's; empty where it is none.

    Raises:
        TooSlow: nobody can tell, as the pattern takes too long.
    """
    match breakpoint_:
        case OnAction(name):
            if isinstance(moment.action, ACTIONS[name]) and not _again(moment):
                return str(breakpoint_)
            decided = any(isinstance(event, ApprovalDecided) for event in moment.since)
            return "a call was decided about" if name == "approval" and decided else ""
        case OnTool(like):
            fitting = (r.name for r in pending(moment.action) if fnmatchcase(r.name, like))
            return "" if _again(moment) else _first(f"tool {name}" for name in fitting)
        case OnStatus(status, but):
            ended = (e.status for e in moment.since if isinstance(e, ToolFinished))
            return _first(f"status {each}" for each in ended if (each == status) is not but)
        case OnCost(scope, above):
            return _dearer(scope, above, moment)
        case OnPattern(pattern):
            found = (place for place, text in _texts(moment) if matches(pattern, text))
            return _first(f"pattern {pattern} in {place}" for place in found)
        case _:
            assert_never(breakpoint_)


def _first(found: Iterator[str]) -> str:
    return next(found, "")


def pending(action: Work) -> tuple[ToolRequested, ...]:
    """Return the calls that an action is about to run, or to ask about."""
    match action:
        case RunTools(requests):
            return requests
        case AskApproval(request, _):
            return (request,)
        case _:
            return ()


def about(action: Work) -> tuple[ToolRequested, ...]:
    """Return the calls that an action is about."""
    if isinstance(action, WarnModel | CloseCall):
        return (action.request,)
    return pending(action)


def _again(moment: Moment) -> bool:
    """Whether only a question was answered since calls were last about to run: it is no news."""
    ids = {request.call_id for request in pending(moment.action)}
    asked = (e for e in moment.since if isinstance(e, ApprovalRequested | ApprovalDecided))
    return any(event.call_id in ids for event in asked)


def _dearer(scope: str, above: Decimal, moment: Moment) -> str:
    """Return that an amount was exceeded since, by what was paid since."""
    state = moment.state
    spend = state.turn_spend if scope == "turn" else state.session_spend
    paid = (e.cost for e in moment.since if isinstance(e, MessageFinished | ContextCompacted))
    before = spend.total - sum((cost.total for cost in paid if cost is not None), Decimal(0))
    return f"the {scope} has cost {money(spend.total)}" if before <= above < spend.total else ""


def _texts(moment: Moment) -> Iterator[tuple[str, str]]:
    """Yield what a pattern is looked for in, and where that is."""
    fresh = not _again(moment) or any(
        isinstance(event, ApprovalDecided) and event.arguments for event in moment.since
    )
    for request in pending(moment.action) if fresh else ():
        yield f"the code of {request.call_id}", source_of(request.arguments, request.language)[0]
    for event in moment.since:
        match event:
            case ToolFinished(call_id=call_id, parts=parts):
                texts = (part.text for part in parts if isinstance(part, Output | Text))
                yield f"the result of {call_id}", "\n".join((*texts, event.reason))
            case MessageFinished(parts=parts):
                yield "what the model said", text_of(parts)


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern is in the first `LOOKED_AT` characters of a text.

    Raises:
        TooSlow: that takes more than `SECONDS`.
    """
    import regex

    try:
        return regex.search(pattern, text[:LOOKED_AT], timeout=SECONDS) is not None
    except TimeoutError:
        raise TooSlow from None
