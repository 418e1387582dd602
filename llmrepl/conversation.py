"""The state of a conversation, folded from its events and from nothing else.

`evolve` is the only thing that changes state. It is pure and O(1) amortised: what grows with the
session is kept in `Vector`s, everything else is bounded by one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum
from typing import Any

from llmrepl.errors import ProtocolError
from llmrepl.events import (
    TYPED,
    ApprovalDecided,
    ApprovalRequested,
    CheckFinished,
    ConfigChanged,
    ContextCompacted,
    ContextPinned,
    ContextRestored,
    ContextTrimmed,
    Custom,
    ErrorRaised,
    Event,
    MessageFinished,
    ModelChosen,
    NetworkRequested,
    NoteAdded,
    RequestFailed,
    StepFinished,
    StepStarted,
    SystemSet,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    Unknown,
)
from llmrepl.parts import Output, Part, Text, ToolResult
from llmrepl.usage import Cost, Usage
from llmrepl.vector import Vector

RECENT_CALLS = 32
"""How many calls back a repetition is looked for; bounds the state's size."""


class Phase(Enum):
    """What a conversation is waiting for."""

    IDLE = "idle"  # the person
    READY = "ready"  # a decision: ask the model, or end the turn
    STREAMING = "streaming"  # the model's message
    RETRYING = "retrying"  # another request of the same step
    ACTING = "acting"  # the results of the message's calls
    RUNNING = "running"  # the end of a call that the person typed


TRANSITIONS: dict[Phase, dict[type[Event], Phase]] = {
    Phase.IDLE: {
        TurnStarted: Phase.READY,
        ToolRequested: Phase.RUNNING,
        ContextTrimmed: Phase.IDLE,
        ContextCompacted: Phase.IDLE,
        ContextRestored: Phase.IDLE,
    },
    Phase.READY: {
        StepStarted: Phase.STREAMING,
        ContextTrimmed: Phase.READY,
        ContextCompacted: Phase.READY,
        TurnFinished: Phase.IDLE,
    },
    Phase.STREAMING: {
        ToolRequested: Phase.STREAMING,
        RequestFailed: Phase.RETRYING,
        MessageFinished: Phase.ACTING,
    },
    Phase.RETRYING: {StepStarted: Phase.STREAMING, MessageFinished: Phase.ACTING},
    Phase.ACTING: {
        ApprovalRequested: Phase.ACTING,
        ApprovalDecided: Phase.ACTING,
        ToolStarted: Phase.ACTING,
        ToolFinished: Phase.ACTING,
        StepFinished: Phase.READY,
    },
    Phase.RUNNING: {
        ApprovalDecided: Phase.RUNNING,
        ToolStarted: Phase.RUNNING,
        ToolFinished: Phase.IDLE,
    },
}
"""Which durable event may arrive in which phase, and where it leads.

The state diagram in the documentation is generated from this table.
"""

ANYWHERE = (
    CheckFinished,
    ConfigChanged,
    ContextPinned,
    Custom,
    ErrorRaised,
    ModelChosen,
    NetworkRequested,
    NoteAdded,
    SystemSet,
    Unknown,
)
"""Durable events that may arrive at any time and leave the phase as it is."""


APPROVALS = frozenset({"once", "session", "always", "edit"})
"""The decisions that let a call run."""


def verdict(event: ApprovalDecided) -> str:
    """Return a decision as a line: what it was, whose, and why."""
    told = f"allowed ({event.decision})" if event.decision in APPROVALS else "refused"
    why = event.reason or (", ".join(event.rules) if event.by == "rule" else "")
    return f"{told} by {event.by}" + (f": {why}" if why else "")


class Progress(Enum):
    """How far a call has come."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has no result yet: of the current step, or typed by the person.

    `repeats` counts this same call among the turn's last `RECENT_CALLS`, itself included.
    `request` is what runs: where a person `edited` it, it is no longer what the model sent.
    """

    request: ToolRequested
    progress: Progress = Progress.REQUESTED
    repeats: int = 1
    warned: bool = False
    reason: str = ""
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation: `role` is user, assistant, tool or summary."""

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """What a compaction or a trimming took: the `messages` before it.

    `size` messages stand in their place, and `answers` of the model's are in none of these.
    """

    messages: Vector[Message]
    size: int
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Attempts:
    """The requests of a step that failed before the first word.

    `given_up` are the models that are not asked again in this step, `next` the one that is, as
    provider/model, `retries` how often it was asked again, `waited` how many seconds passed idly.
    """

    given_up: tuple[str, ...] = ()
    next: str = ""
    retries: int = 0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Spend:
    """Tokens and money together. `unpriced` counts messages whose price nobody knew."""

    usage: Usage = Usage()
    cost: Cost = Cost()
    unpriced: int = 0

    def add(self, usage: Usage, cost: Cost | None) -> Spend:
        """Return the spend after one more message."""
        if cost is None:
            return Spend(self.usage + usage, self.cost, self.unpriced + 1)
        return Spend(self.usage + usage, self.cost + cost, self.unpriced)

    @property
    def total(self) -> Decimal:
        """US dollars, without the unpriced messages."""
        return self.cost.total


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything `decide` and the context need to know, and nothing about how to show it.

    `calls` and `results` are the current step's, or the call is what the person typed; `stop` is
    why the last message ended; `acted` says whether the last step had calls; `unfinished` counts
    the messages in a row that were no answer and had no call; `notes` wait to go to the model with
    the next results or prompt, where its next request is not due yet; `recent` are the keys of the
    turn's last calls, newest last. `folds` are the compactions and trimmings that were not taken
    back; `restored` says that the last was; `pinned` are texts that every summary has; `system` is
    the system prompt that was recorded last; `attempts` are the step's.
    """

    phase: Phase = Phase.IDLE
    turn: int = 0
    step: int = 0
    system: str = ""
    messages: Vector[Message] = field(default_factory=Vector)
    calls: tuple[Call, ...] = ()
    results: tuple[ToolResult, ...] = ()
    stop: str = ""
    acted: bool = False
    unfinished: int = 0
    notes: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    folds: tuple[Fold, ...] = ()
    restored: bool = False
    pinned: tuple[str, ...] = ()
    attempts: Attempts = Attempts()
    step_spend: Spend = Spend()
    turn_spend: Spend = Spend()
    session_spend: Spend = Spend()

    @property
    def most_repeats(self) -> int:
        """How often the most repeated of the turn's recent calls came."""
        return max(map(self.recent.count, self.recent), default=0)

    @property
    def answered(self) -> int:
        """How many of the model's messages are not sent any more."""
        return sum(fold.answers for fold in self.folds)

    def history(self) -> Iterator[Message]:
        """Yield every message there has been as it was, whatever is sent of it."""
        start = 0
        for fold in self.folds:
            yield from fold.messages.since(start)
            start = fold.size
        yield from self.messages.since(start)

    def call(self, call_id: str) -> Call:
        """Return the unfinished call with this id.

        Raises:
            ProtocolError: there is none.
        """
        for call in self.calls:
            if call.request.call_id == call_id:
                return call
        raise ProtocolError(f"no unfinished call {call_id!r}")


def repetition_key(request: ToolRequested) -> str:
    """Return what makes two calls the same: the language and the code without idle white space."""
    code = request.arguments.get("code")
    if not isinstance(code, str):
        return f"{request.language}\0{request.name}\0{sorted(request.arguments.items())!r}"
    lines = (line.rstrip() for line in code.splitlines())
    return f"{request.language}\0" + "\n".join(line for line in lines if line)


def evolve(state: Conversation, event: Event) -> Conversation:
    """Return the conversation after `event`; a transient event changes nothing.

    Raises:
        ProtocolError: `event` cannot happen in this state.
    """
    if not event.durable:
        return state
    kind = type(event)
    if kind in ANYWHERE:
        phase = state.phase
    else:
        following = TRANSITIONS[state.phase].get(kind)
        if following is None:
            raise ProtocolError(
                f"{event.type} cannot happen while the conversation is {state.phase.value}"
            )
        phase = following
    changes = _CHANGES.get(kind)
    if changes is None:
        return state if phase is state.phase else replace(state, phase=phase)
    return replace(state, phase=phase, **changes(state, event))


Changes = dict[str, Any]


def _turn_started(state: Conversation, event: TurnStarted) -> Changes:
    return {
        "turn": state.turn + 1,
        "step": 0,
        "messages": state.messages.append(Message("user", (*event.prompt, *_texts(state.notes)))),
        "stop": "",
        "acted": False,
        "unfinished": 0,
        "notes": (),
        "recent": (),
        "turn_spend": Spend(),
    }


def _system_set(_: Conversation, event: SystemSet) -> Changes:
    return {"system": event.text}


def _step_started(state: Conversation, _: StepStarted) -> Changes:
    if state.phase is Phase.RETRYING:
        return {}
    return {
        "step": state.step + 1,
        "stop": "",
        "acted": False,
        "attempts": Attempts(),
        "step_spend": Spend(),
    }


def _request_failed(state: Conversation, event: RequestFailed) -> Changes:
    if state.calls:
        raise ProtocolError("request.failed cannot happen after the model asked for a call")
    before = state.attempts
    waited = before.waited + event.wait
    if event.next == event.name:
        return {"attempts": Attempts(before.given_up, event.next, before.retries + 1, waited)}
    return {"attempts": Attempts((*before.given_up, event.name), event.next, 0, waited)}


def _tool_requested(state: Conversation, event: ToolRequested) -> Changes:
    if (event.origin in TYPED) is not (state.phase is Phase.IDLE):
        whose = "person" if event.origin in TYPED else "model"
        raise ProtocolError(f"the {whose} cannot ask for a call while it is {state.phase.value}")
    if event.origin in TYPED:
        return {"calls": (Call(event),)}
    key = repetition_key(event)
    recent = (*state.recent, key)[-RECENT_CALLS:]
    call = Call(event, repeats=recent.count(key))
    return {"calls": (*state.calls, call), "recent": recent, "acted": True}


def _message_finished(state: Conversation, event: MessageFinished) -> Changes:
    changes: Changes = {
        "stop": event.stop,
        "unfinished": state.unfinished + 1 if event.stop == "unfinished" else 0,
        "step_spend": state.step_spend.add(event.usage, event.cost),
        "turn_spend": state.turn_spend.add(event.usage, event.cost),
        "session_spend": state.session_spend.add(event.usage, event.cost),
    }
    if event.parts:
        changes["messages"] = state.messages.append(Message("assistant", event.parts))
    if event.stop == "interrupted":
        # A message that was broken off has no calls: none of them ran, and all will come again.
        kept = len(state.recent) - len(state.calls)
        changes |= {"calls": (), "recent": state.recent[:kept], "acted": False}
    return changes


def _approval_requested(state: Conversation, event: ApprovalRequested) -> Changes:
    state.call(event.call_id)
    return {}


def _approval_decided(state: Conversation, event: ApprovalDecided) -> Changes:
    verdict = Progress.APPROVED if event.decision in APPROVALS else Progress.DENIED
    changes: Changes = {"progress": verdict, "reason": event.reason}
    if event.arguments:
        request = state.call(event.call_id).request
        changes |= {"request": replace(request, arguments=event.arguments), "edited": True}
    return _update(state, event.call_id, **changes)


def _tool_started(state: Conversation, event: ToolStarted) -> Changes:
    return _update(state, event.call_id, progress=Progress.STARTED)


def _tool_finished(state: Conversation, event: ToolFinished) -> Changes:
    call = state.call(event.call_id)
    result = ToolResult(
        event.call_id,
        call.request.name,
        event.status,
        event.parts,
        event.exit_code,
        event.ms,
        event.reason,
        call.request.arguments if call.edited or state.phase is Phase.RUNNING else {},
        typed=state.phase is Phase.RUNNING,
    )
    if result.typed:
        told = call.request.origin == "person" and call.progress is Progress.STARTED
        messages = state.messages.append(Message("tool", (result,))) if told else state.messages
        return {"calls": (), "messages": messages}
    return {
        "calls": tuple(c for c in state.calls if c.request.call_id != event.call_id),
        "results": (*state.results, result),
        "stop": "cancelled" if event.status == "cancelled" else state.stop,
    }


def _step_finished(state: Conversation, _: StepFinished) -> Changes:
    if state.calls:
        waiting = ", ".join(call.request.call_id for call in state.calls)
        raise ProtocolError(f"step.finished cannot happen while calls are unfinished: {waiting}")
    told = state.results or (state.notes and state.stop == "unfinished")
    if not told:
        return {}  # notes wait for the person's next prompt
    message = Message("tool", (*state.results, *_texts(state.notes)))
    return {"messages": state.messages.append(message), "results": (), "notes": ()}


def _texts(notes: tuple[str, ...]) -> tuple[Text, ...]:
    return tuple(Text(f"Note from llmrepl: {note}") for note in notes)


PINNED = "Pinned by the person, word for word:\n"


def _compacted(state: Conversation, event: ContextCompacted) -> Changes:
    changes: Changes = {"session_spend": state.session_spend.add(event.usage, event.cost)}
    if not event.provider:  # nobody was asked
        changes = {}
    elif state.phase is Phase.READY:
        changes["turn_spend"] = state.turn_spend.add(event.usage, event.cost)
    if event.problem:
        return changes
    before = state.messages
    replaced = max(0, min(event.replaced, len(before)))
    kept = [place for place in event.kept if 0 <= place < replaced]
    gone = set(range(replaced)) - set(kept)
    texts = (event.summary, *(PINNED + text for text in state.pinned))
    head = [before[place] for place in kept]
    head.append(Message("summary", tuple(map(Text, texts))))
    answers = sum(before[place].role == "assistant" for place in gone)
    fold = Fold(before, len(head) + len(before) - replaced, answers)
    return changes | {
        "messages": Vector((*head, *before.since(replaced))),
        "folds": (*state.folds, fold),
        "restored": False,
    }


def _trimmed(state: Conversation, event: ContextTrimmed) -> Changes:
    before = state.messages
    messages = (
        shortened(message, event.characters) if place < event.messages else message
        for place, message in enumerate(before)
    )
    fold = Fold(before, len(before))
    return {"messages": Vector(messages), "folds": (*state.folds, fold), "restored": False}


def shortened(message: Message, characters: int) -> Message:
    """Return the message with no output of a call longer than so many characters."""
    if message.role != "tool":
        return message
    parts = tuple(
        replace(part, parts=tuple(_short(inner, characters) for inner in part.parts))
        if isinstance(part, ToolResult)
        else part
        for part in message.parts
    )
    return message if parts == message.parts else replace(message, parts=parts)


def _short(part: Part, characters: int) -> Part:
    if not isinstance(part, Output) or len(part.text) <= characters:
        return part
    text = part.text
    said = f"\n[… {len(text)} characters, of which llmrepl left out the middle to save room …]\n"
    room = max(0, characters - len(said))
    head, tail = text[: room - room // 2], text[len(text) - room // 2 :]
    return replace(part, text=head + said + tail)


def _restored(state: Conversation, _: ContextRestored) -> Changes:
    if not state.folds:
        raise ProtocolError("context.restored cannot happen where nothing was compacted")
    last = state.folds[-1]
    return {
        "messages": Vector((*last.messages, *state.messages.since(last.size))),
        "folds": state.folds[:-1],
        "restored": True,
    }


def _pinned(state: Conversation, event: ContextPinned) -> Changes:
    others = tuple(text for text in state.pinned if text != event.text)
    return {"pinned": (*others, event.text) if event.pinned else others}


def _note_added(state: Conversation, event: NoteAdded) -> Changes:
    changes = _update(state, event.call_id, warned=True) if event.call_id else {}
    if event.audience == "person":
        return changes
    if state.phase in (Phase.READY, Phase.RETRYING):  # the model is asked next: it is a message
        changes["messages"] = state.messages.append(Message("user", _texts((event.text,))))
    else:
        changes["notes"] = (*state.notes, event.text)
    return changes


def _update(state: Conversation, call_id: str, **changes: Any) -> Changes:
    call = replace(state.call(call_id), **changes)
    return {"calls": tuple(call if c.request.call_id == call_id else c for c in state.calls)}


_CHANGES: dict[type[Event], Callable[[Conversation, Any], Changes]] = {
    TurnStarted: _turn_started,
    SystemSet: _system_set,
    StepStarted: _step_started,
    RequestFailed: _request_failed,
    ToolRequested: _tool_requested,
    MessageFinished: _message_finished,
    ApprovalRequested: _approval_requested,
    ApprovalDecided: _approval_decided,
    ToolStarted: _tool_started,
    ToolFinished: _tool_finished,
    StepFinished: _step_finished,
    ContextTrimmed: _trimmed,
    ContextCompacted: _compacted,
    ContextRestored: _restored,
    ContextPinned: _pinned,
    NoteAdded: _note_added,
}
"""What each event changes besides the phase; an event that is not here changes nothing else."""
