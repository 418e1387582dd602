"""Gives a saved session its time back: which record is shown when, with messages in pieces again.

A log has no pieces. It says when they came, or at least when the first came and the last: a text
is then cut into words and spread evenly. No pause is longer than `LONGEST`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from operator import itemgetter

from llmrepl.events import (
    BlockDelta,
    BlockOpened,
    Event,
    MessageFinished,
    ReasoningDelta,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
)
from llmrepl.parts import Output, Part, Reasoning, Text, ToolCall
from llmrepl.record import Record

LONGEST = 2.0
"""Seconds that a pause takes at the most, before the speed is applied."""

Frame = tuple[float, Record]
"""Seconds to wait, and the record that is shown then."""

_Timed = tuple[float, Record]
"""Milliseconds since the beginning of the session, and the record that is shown then."""

_WORD = re.compile(r"\S{1,24}\s{0,24}|\s{1,24}")


def frames(records: Iterable[Record], longest: float = LONGEST) -> Iterator[Frame]:
    """Yield the records with the seconds before each, and transient ones for messages and outputs.

    Durable records come in the order of the log, but for the calls of a message: each stands where
    the model wrote it.

    Args:
        records: a session's.
        longest: seconds that a pause takes at the most.
    """
    score = _Score()
    last = 0.0
    for record in records:
        score.add(record)
        if isinstance(record.event, StepFinished | StepStarted):
            for ms, shown in score.take():
                yield min((ms - last) / 1000, longest), shown
                last = ms
    for ms, shown in score.take():
        yield min((ms - last) / 1000, longest), shown
        last = ms


class _Score:
    """What is shown when. It is taken out step by step, so that little of it is held."""

    def __init__(self) -> None:
        self._timed: list[_Timed] = []
        self._requests: dict[str, Record] = {}
        self._begun: dict[str, float] = {}  # calls, and the message as ""
        self._now = 0.0
        self._at: int | None = None

    def take(self) -> list[_Timed]:
        """Return what was added since the last time, in order."""
        timed, self._timed = sorted(self._timed, key=itemgetter(0)), []
        return timed

    def add(self, record: Record) -> None:
        """Add the next record of the log."""
        event = record.event
        if isinstance(event, ToolRequested) and event.origin in ("block", "native"):
            self._requests[event.call_id] = record  # its message comes next and says where it stood
            return
        if isinstance(event, MessageFinished):
            self._message(record, event)
        else:
            self._place_requests()
            self._now += 0 if self._at is None else max(0, record.at - self._at)
        if isinstance(event, StepStarted):
            self._begun[""] = self._now
        elif isinstance(event, ToolStarted):
            self._begun[event.call_id] = self._now
        elif isinstance(event, ToolFinished):
            self._outputs(record, event)
        self._at = record.at
        self._timed.append((self._now, record))

    def _place_requests(self) -> None:
        self._timed += [(self._now, request) for request in self._requests.values()]
        self._requests.clear()

    def _message(self, record: Record, event: MessageFinished) -> None:
        began = self._begun.get("", self._now)
        self._now = max(self._now, began + event.total_ms)
        for ms, piece in _pieces(event, pace_of(event)):
            at = min(began + ms, self._now)
            if isinstance(piece, ToolCall):
                if request := self._requests.pop(piece.call_id, None):
                    self._timed.append((at, request))
            else:
                self._timed.append((at, replace(record, seq=0, event=piece)))
        self._place_requests()

    def _outputs(self, record: Record, event: ToolFinished) -> None:
        began = self._begun.pop(event.call_id, self._now)
        told = [0] * len(event.parts)
        numbers = iter(event.pace)
        for ms, index, length in zip(numbers, numbers, numbers, strict=False):
            part = event.parts[index] if 0 <= index < len(told) else None
            if isinstance(part, Output):
                text = part.text[told[index] : told[index] + length]
                told[index] += len(text)
                piece = ToolOutput(call_id=event.call_id, stream=part.stream, text=text)
                at = min(began + max(0, ms), self._now)
                self._timed.append((at, replace(record, seq=0, event=piece)))


def pace_of(event: MessageFinished) -> list[tuple[float, int]]:
    """Return when the characters of a message came: milliseconds since its step began, how many.

    Where it does not say, its words are spread evenly between its first token and its end.
    """
    if event.pace:
        numbers = iter(event.pace)
        pairs = zip(numbers, numbers, strict=False)
        return [(float(max(0, ms)), max(0, length)) for ms, length in pairs]
    lengths = [len(word) for part in event.parts for word in words(_body(part))]
    first = event.first_token_ms or 0.0
    each = max(0.0, event.total_ms - first) / max(1, len(lengths))
    return [(first + each * number, length) for number, length in enumerate(lengths)]


def _pieces(
    event: MessageFinished, pace: Iterable[tuple[float, int]]
) -> Iterator[tuple[float, Event | ToolCall]]:
    """Yield the message again, in pieces as long as `pace` says; a call stands behind its block."""
    left = iter(pace)
    ms, room = next(left, (0.0, 0))
    for part in event.parts:
        text, piece = _body(part), _KINDS.get(type(part))
        if isinstance(part, ToolCall):
            yield ms, BlockOpened(language=part.language)
        while text and piece:
            if not room:
                room = len(text)  # more than was told of: at once
            yield ms, piece(text[:room])
            text, room = text[room:], max(0, room - len(text))
            while not room and (more := next(left, None)):
                ms, room = more
        if isinstance(part, ToolCall):
            if not _body(part):  # the body of a tool's block is not kept as it was written
                *_, (ms, room) = (ms, room), *left
            yield ms, part


def _body(part: Part) -> str:
    match part:
        case Text(text=text) | Reasoning(text=text):
            return text
        case ToolCall(arguments={"code": str(code)}):
            return code
        case _:
            return ""


_KINDS: dict[type, Callable[[str], Event]] = {
    Text: lambda text: TextDelta(text=text),
    Reasoning: lambda text: ReasoningDelta(text=text),
    ToolCall: lambda text: BlockDelta(text=text),
}


def words(text: str) -> list[str]:
    """Return `text` in pieces of about a word; joined they are `text` again."""
    return _WORD.findall(text)


def is_step(record: Record) -> bool:
    """Say whether a replay that is stepped through stops behind this record."""
    return record.event.durable and not isinstance(record.event, StepStarted)
