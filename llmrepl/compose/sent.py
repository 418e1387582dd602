"""What a step of a session sent to its model, made again from the records before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmrepl.context.render import Piece
from llmrepl.context.telling import Telling
from llmrepl.errors import SessionError
from llmrepl.events import StepStarted
from llmrepl.ports import ChatMessage
from llmrepl.record import Record
from llmrepl.runtime import fold

NO_SYSTEM = "this session does not hold the system prompt of this step: it is older than that"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request told its model; `system` is empty where the session does not hold it.

    `pieces` are the texts of the messages by what they are; see `llmrepl.context.render.KINDS`.
    """

    step: str
    provider: str
    system: str
    messages: Sequence[ChatMessage]
    pieces: Sequence[Piece] = ()

    @property
    def told(self) -> Iterator[ChatMessage]:
        """The messages, the system prompt first."""
        if self.system:
            yield ChatMessage("system", self.system)
        yield from self.messages

    @property
    def body(self) -> Iterable[Mapping[str, Any]]:
        """The messages as they stood in the request's body; raises ProviderRefused."""
        from llmrepl.providers.wire import messages_in

        return messages_in(self.provider, self.system, self.messages)


def sent(records: Sequence[Record], step: str = "", at: int | None = None) -> Sent:
    """Return what a step sent: the one that is named, or the last that had begun by a record.

    Args:
        records: those of the session, without secrets.
        step: TURN.STEP, such as 1.2; empty for any.
        at: the seq of a record; None for the last.

    Raises:
        SessionError: there is no such step or record.
    """
    if at is not None and not 0 <= at <= len(records):
        raise SessionError(f"there is no record {at}", hint=f"there are 1 to {len(records)}")
    begun = {
        f"{record.turn}.{record.step}": index
        for index, record in enumerate(records[:at])
        if isinstance(record.event, StepStarted)
    }
    chosen = step or next(reversed(begun), "")
    if chosen not in begun:
        which = f"there is no step {step}" if step else "nothing had been sent by then"
        raise SessionError(which, hint=_known(records))
    index = begun[chosen]
    state = fold(records[:index])
    event = records[index].event
    assert isinstance(event, StepStarted)
    telling = Telling(event.tools)
    pieces = [
        piece for message in state.messages for told in telling.add(message) for piece in told
    ]
    return Sent(chosen, event.provider, state.system, telling.messages, pieces)


def is_step(text: str) -> bool:
    """Return whether this names a step."""
    return re.fullmatch(r"\d+\.\d+", text) is not None


def _known(records: Iterable[Record]) -> str:
    steps = (f"{r.turn}.{r.step}" for r in records if isinstance(r.event, StepStarted))
    return f"there are: {', '.join(steps) or 'none'}"
