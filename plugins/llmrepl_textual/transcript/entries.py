"""What the transcript holds of a block: where its record is, and how much of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from llmrepl.conversation import Spend
from llmrepl.events import Event, ReasoningDelta, TextDelta
from llmrepl.parts import Reasoning, text_of
from llmrepl_textual.records import Records
from llmrepl_timeline.blocks import Block, Page
from llmrepl_timeline.lines import Line
from llmrepl_timeline.staging import about

NO_SPEND = Spend()

SAID = "said"
"""The kind of what commands and llmrepl itself say, which no record holds."""


class Fold(IntEnum):
    """How much of a block is shown: its first line, what its drawing shows, or all there is."""

    SHUT = 0
    USUAL = 1
    OPEN = 2


@dataclass(slots=True)
class Entry:
    """A block.

    `seq` is that of the record that completed it, 0 where no log keeps one; then `event` is there.
    `call` and `asked` are those of the call it is about, and of the question it answers. `part`
    counts the reasoning parts of a message. `text` is a piece of an answer, of which the
    record has the whole. `own` draws what is no event. A `gap` is an empty line before it.
    """

    kind: str
    seq: int = 0
    gap: bool = False
    event: Event | None = None
    text: str = ""
    own: Callable[[int], Iterable[Line]] | None = None
    part: int = 0
    ms: float = 0.0
    call: int = 0
    asked: int = 0
    together: bool = False
    spent: Spend = NO_SPEND
    fold: Fold = Fold.USUAL
    size: int = 0

    def rows(self, width: int) -> int:
        """Return about how many rows it takes, as long as nobody has drawn it."""
        return 1 + self.gap + min(self.size // max(1, width), 24)

    @property
    def foldable(self) -> bool:
        """Whether there is a shorter and a longer form of it."""
        return self.own is None


def block_of(entry: Entry, records: Records) -> Block:
    """Return what a drawing takes for an entry, from the records."""
    event = entry.event or records[entry.seq - 1].event
    if entry.kind == TextDelta.type:
        text = entry.text or text_of(getattr(event, "parts", ()))
        return Block(event=TextDelta(text=""), text=text)
    if entry.kind == ReasoningDelta.type:
        text = entry.text or _thought(event, entry.part)
        return Block(event=ReasoningDelta(text=""), text=text, ms=entry.ms, tokens=about(len(text)))
    call = records[entry.call - 1].event if entry.call else None
    asked = records[entry.asked - 1].event if entry.asked else None
    return Block(
        event=event,
        call=call,  # type: ignore[arg-type] # the story has seen that it is one
        asked=asked,  # type: ignore[arg-type] # the same
        together=entry.together,
        spent=entry.spent,
    )


def _thought(event: Event, part: int) -> str:
    thoughts = [p for p in getattr(event, "parts", ()) if isinstance(p, Reasoning)]
    return thoughts[part].text if part < len(thoughts) else ""


def page_of(entry: Entry, width: int) -> Page:
    """Return the page that an entry is drawn on."""
    return Page(width, links=True, rest="Enter opens it", whole=entry.fold is Fold.OPEN)
