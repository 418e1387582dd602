"""The state of a session behind each of its records, folded from these and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmrepl.conversation import Conversation, evolve
from llmrepl.errors import ProtocolError
from llmrepl.events import (
    ContextCompacted,
    ContextRestored,
    Event,
    MessageFinished,
    StepStarted,
)
from llmrepl.record import Record

EVERY = 256
"""Records between two states that are kept."""


class Stand(NamedTuple):
    """How a session stood: its conversation, whom it was talking to, and what was sent to it.

    `context` are tokens, of which `estimated` says that nobody but llmrepl counted them.
    """

    state: Conversation = Conversation()
    model: str = ""
    context: int = 0
    estimated: bool = False


class States:
    """The states of one session; any of them is a few hundred records away.

    Args:
        records: the session, from its first record on.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._kept = [Stand()]
        self._last = 0, Stand()

    def at(self, count: int) -> Stand:
        """Return how it stood behind the first `count` records."""
        while (len(self._kept)) * EVERY <= count:
            begin = (len(self._kept) - 1) * EVERY
            self._kept.append(self._folded(self._kept[-1], begin, begin + EVERY))
        begin, stand = count // EVERY * EVERY, self._kept[count // EVERY]
        if begin <= self._last[0] <= count:
            begin, stand = self._last
        self._last = count, self._folded(stand, begin, count)
        return self._last[1]

    def _folded(self, stand: Stand, begin: int, end: int) -> Stand:
        for record in self._records[begin:end]:
            stand = after(stand, record.event)
        return stand


def after(stand: Stand, event: Event) -> Stand:
    """Return how it stands after an event; one that cannot happen then changes no conversation."""
    try:
        stand = stand._replace(state=evolve(stand.state, event))
    except ProtocolError:
        return stand  # what the log has is shown, whoever wrote it
    match event:
        case StepStarted(provider=provider, model=model, estimated_tokens=count):
            return stand._replace(model=f"{provider}/{model}", context=count, estimated=True)
        case MessageFinished(usage=usage) if usage.input_tokens:
            count = usage.input_tokens + usage.output_tokens
            return stand._replace(context=count, estimated=usage.estimated)
        case (
            ContextCompacted(tokens_after=count, problem="") | ContextRestored(tokens_after=count)
        ) if count:
            return stand._replace(context=count, estimated=True)
        case _:
            return stand
