"""The model's part of a session, found again by what the model had been told and not by order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from llmrepl.conversation import Conversation, Message, evolve
from llmrepl.events import MessageFinished, StepStarted
from llmrepl.parts import Output, Part, Text, ToolResult, encode_parts
from llmrepl.record import Record

Normalise = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Reply:
    """A message of the model's; `seq` is the record that has it."""

    seq: int
    message: MessageFinished


class Cassette:
    """Replies by the digest of the conversation they answer.

    Args:
        records: the session.
        normalise: takes out of results what belongs to one run alone.
    """

    def __init__(self, records: Iterable[Record], normalise: Normalise) -> None:
        self._replies: dict[str, Reply] = {}
        state, asked = Conversation(), ""
        for record in records:
            event = record.event
            if isinstance(event, StepStarted):
                asked = key(state, normalise)
            elif isinstance(event, MessageFinished):
                self._replies.setdefault(asked, Reply(record.seq, event))
            state = evolve(state, event)

    def reply(self, state: Conversation, normalise: Normalise) -> Reply | None:
        """Return what the model answered to this conversation; None where it never heard it."""
        return self._replies.get(key(state, normalise))


def key(state: Conversation, normalise: Normalise) -> str:
    """Return the digest of what a model is told in this state: every message and result."""
    told = [[message.role, encode_parts(_told(message, normalise))] for message in state.messages]
    text = json.dumps(told, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _told(message: Message, normalise: Normalise) -> list[Part]:
    return [_plain(part, normalise) for part in message.parts]


def _plain(part: Part, normalise: Normalise) -> Part:
    match part:
        case ToolResult():
            parts = tuple(_plain(inner, normalise) for inner in part.parts)
            return replace(part, parts=parts, ms=0.0, reason=normalise(part.reason))
        case Output() | Text():
            return replace(part, text=normalise(part.text))
        case _:
            return part
