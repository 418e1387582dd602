"""When the pieces of a message or of an output came: kept coarsely, with the event that ends them.

Pieces that come close together count as one, and closeness grows with their number, so that what
is kept stays small however long it took.
"""

from __future__ import annotations

from dataclasses import replace

from llmrepl.events import (
    BlockDelta,
    Event,
    MessageFinished,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)
from llmrepl.parts import Output

CLOSE = 50
"""Milliseconds in which pieces count as one, to begin with."""

MOST = 256
"""How many pieces are kept; where there are more, twice as much counts as close."""

Piece = tuple[int, int]
"""Milliseconds since the beginning, and how many characters came."""


class Pace:
    """When the pieces of one text came."""

    def __init__(self) -> None:
        self._close = CLOSE
        self.pieces: list[Piece] = []

    def add(self, ms: int, length: int) -> None:
        """Note that `length` characters came after `ms` milliseconds, no earlier than the last."""
        _append(self.pieces, (ms, length), self._close)
        while len(self.pieces) > MOST:
            self._close *= 2
            merged: list[Piece] = []
            for piece in self.pieces:
                _append(merged, piece, self._close)
            self.pieces = merged


def _append(pieces: list[Piece], piece: Piece, close: int) -> None:
    if pieces and piece[0] - pieces[-1][0] < close:
        pieces[-1] = (pieces[-1][0], pieces[-1][1] + piece[1])
    else:
        pieces.append(piece)


class _Begun:
    """Something that began at `at`, Unix time in milliseconds, with a pace for each stream."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._last = 0
        self.streams: dict[str, Pace] = {}

    def add(self, at: int, length: int, stream: str = "") -> None:
        self._last = max(self._last, at - self._at)  # a clock may be set back
        self.streams.setdefault(stream, Pace()).add(self._last, length)

    def came_at_once(self, at: int) -> bool:
        """Whether all of it came just before its end at `at`: there is nothing to tell then."""
        first = min((pace.pieces[0][0] for pace in self.streams.values()), default=None)
        return first is None or at - self._at - first < CLOSE


class Paces:
    """The paces of what is under way: of the message, and of each call."""

    def __init__(self) -> None:
        self._message = _Begun(0)
        self._calls: dict[str, _Begun] = {}

    def note(self, event: Event, at: int) -> None:
        """Take in a transient event that came at `at`, Unix time in milliseconds."""
        match event:
            case TextDelta(text=text) | ReasoningDelta(text=text) | BlockDelta(text=text):
                self._message.add(at, len(text))
            case ToolOutput(call_id=call_id) if begun := self._calls.get(call_id):
                begun.add(at, len(event.text), event.stream)
            case _:
                pass

    def complete(self, event: Event, at: int) -> Event:
        """Return a durable event, with its pace where it ends what came in pieces."""
        match event:
            case StepStarted():
                self._message = _Begun(at)
            case ToolStarted(call_id=call_id):
                self._calls[call_id] = _Begun(at)
            case MessageFinished() if not self._message.came_at_once(at):
                pieces = self._message.streams[""].pieces
                return replace(event, pace=tuple(number for piece in pieces for number in piece))
            case ToolFinished(call_id=call_id) if begun := self._calls.pop(call_id, None):
                if not begun.came_at_once(at):
                    return replace(event, pace=_placed(begun, event))
            case _:
                pass
        return event


def _placed(begun: _Begun, event: ToolFinished) -> tuple[int, ...]:
    """Return milliseconds, which part, and characters of each piece that is in the result."""
    placed = (
        (ms, number, length)
        for number, part in enumerate(event.parts)
        if isinstance(part, Output) and part.stream in begun.streams
        for ms, length in begun.streams[part.stream].pieces
    )
    return tuple(number for piece in sorted(placed) for number in piece)
