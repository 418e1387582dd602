"""Gives a saved session its time back: which record is shown when, with messages in pieces again.

A log has no pieces. A message's text is cut into words and spread evenly between its first token
and its end; the calls in it come where they stood. A pause is never longer than `LONGEST`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from llmrepl.events import (
    BlockDelta,
    BlockOpened,
    Event,
    MessageFinished,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolRequested,
)
from llmrepl.parts import Reasoning, Text, ToolCall
from llmrepl.record import Record

LONGEST = 2.0
"""Seconds that a pause takes at the most, before the speed is applied."""

Frame = tuple[float, Record]
"""Seconds to wait, and the record that is shown then."""

_WORD = re.compile(r"\S{1,24}\s{0,24}|\s{1,24}")


def frames(records: Iterable[Record], longest: float = LONGEST) -> Iterator[Frame]:
    """Yield the records with the seconds before each, and transient ones for messages.

    Durable records come in the order of the log, but for the calls of a message: each stands where
    the model wrote it.

    Args:
        records: a session's.
        longest: seconds that a pause takes at the most.
    """
    last: int | None = None
    held: list[Record] = []
    for record in records:
        event = record.event
        if isinstance(event, ToolRequested):
            held.append(record)
            continue
        pause = 0.0 if last is None else max(0, record.at - last) / 1000
        if isinstance(event, MessageFinished):
            yield from _message(record, event, held, longest)
        else:
            yield from ((0.0, request) for request in held)
            yield min(pause, longest), record
        held = []
        last = record.at
    yield from ((0.0, request) for request in held)


def _message(
    record: Record, event: MessageFinished, held: Iterable[Record], longest: float
) -> Iterator[Frame]:
    first = (event.first_token_ms or 0.0) / 1000
    requests = {
        request.event.call_id: request
        for request in held
        if isinstance(request.event, ToolRequested)
    }
    shown = list(_pieces(event, record, requests))
    transient = sum(not piece.event.durable for piece in shown)
    rest = max(0.0, event.total_ms / 1000 - first)
    each = min(rest, longest * 5) / transient if transient else 0.0
    pause = min(first, longest)
    for piece in shown:
        yield (0.0 if piece.event.durable else pause), piece
        if not piece.event.durable:
            pause = each
    yield from ((0.0, request) for request in requests.values())
    yield (pause if transient else min(event.total_ms / 1000, longest)), record


def _pieces(
    event: MessageFinished, record: Record, requests: dict[str, Record]
) -> Iterator[Record]:
    def live(piece: Event) -> Record:
        return replace(record, seq=0, event=piece)

    for part in event.parts:
        match part:
            case Reasoning(text=text):
                yield from (live(ReasoningDelta(text=word)) for word in words(text))
            case Text(text=text):
                yield from (live(TextDelta(text=word)) for word in words(text))
            case ToolCall(call_id=call_id, language=language, arguments=arguments):
                yield live(BlockOpened(language=language))
                code = arguments.get("code")
                for word in words(code if isinstance(code, str) else ""):
                    yield live(BlockDelta(text=word))
                if call_id in requests:
                    yield requests.pop(call_id)


def words(text: str) -> list[str]:
    """Return `text` in pieces of about a word; joined they are `text` again."""
    return _WORD.findall(text)


def is_step(record: Record) -> bool:
    """Say whether a replay that is stepped through stops behind this record."""
    return record.event.durable and not isinstance(record.event, StepStarted)
