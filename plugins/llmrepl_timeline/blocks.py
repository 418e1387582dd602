"""Blocks of the timeline and the table of their drawings, which plugins add to.

A block's kind is the type of the event that completes it, or the name of a plugin's own event.
An entry point of the group `llmrepl.blocks` that is called like a kind names what draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from llmrepl.conversation import Spend
from llmrepl.errors import PluginError
from llmrepl.events import ApprovalRequested, Custom, Event, ToolRequested, Unknown
from llmrepl.sanitise import clean
from llmrepl_timeline.code import highlighted
from llmrepl_timeline.lines import Line, Span, fold, indented, wrap
from llmrepl_timeline.markdown import Look, draw
from llmrepl_timeline.signs import SIGNS, Signs

GROUP = "llmrepl.blocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A unit of work that is done.

    Args:
        event: what completed it.
        text: what the model wrote or thought, where the block is that.
        ms: how long it took, in milliseconds; 0 where that is not known.
        tokens: how many tokens the model wrote for it, about.
        call: the call that the event is about, where it is about one.
        together: whether other calls run at the same time.
        spent: what the session has cost so far.
        asked: what a person or a rule had to answer, where the block is the answer and nobody has
            shown the question yet.
    """

    event: Event
    text: str = ""
    ms: float = 0.0
    tokens: int = 0
    call: ToolRequested | None = None
    together: bool = False
    spent: Spend = Spend()
    asked: ApprovalRequested | None = None

    @property
    def kind(self) -> str:
        """What the drawing goes by."""
        return kind_of(self.event)


def kind_of(event: Event) -> str:
    """Return the kind of the block that `event` completes."""
    return event.name if isinstance(event, Custom | Unknown) else event.type


@dataclass(frozen=True, slots=True)
class Page:
    """What a block is drawn on: `width` cells, and ways to fill them.

    Whatever text a drawing returns is made safe to show. `signs` set blocks off, and `rest` is what
    a person does to see all of an output that is folded (see `llmrepl.ports.Surface`). `whole` says
    that nothing is to be folded.
    """

    width: int
    links: bool = False
    signs: Signs = SIGNS
    rest: str = ""
    whole: bool = False

    def text(self, text: str, style: str = "", indent: str = "") -> list[Line]:
        """Return `text` broken between words, behind `indent`."""
        lead: Line = (Span(indent),) if indent else ()
        lines = wrap([Span(clean(text), style)], max(1, self.width - len(indent)))
        return indented(lines, lead, lead)

    def told(self, text: str, style: str = "", indent: str = "") -> list[Line]:
        """Return a line of the drawing's own, in words where signs are not wanted."""
        return self.text(self.signs.told(text), style, indent)

    def code(self, source: str, language: str = "", before: Line = ()) -> list[Line]:
        """Return highlighted code behind `before`; a line that is too long goes on below."""
        room = max(1, self.width - sum(len(span.text) for span in before))
        rows = (row for line in highlighted(clean(source), language) for row in fold(line, room))
        return [(*before, *row) for row in rows]

    def markdown(self, text: str) -> list[Line]:
        """Return Markdown."""
        return draw(clean(text), Look(self.width, self.links, words=self.signs is not SIGNS))

    def narrower(self, cells: int) -> Page:
        """Return a page with so many cells less."""
        return replace(self, width=max(1, self.width - cells))


Drawing = Callable[[Block, Page], Iterable[Line]]
"""Returns a block's lines; they are printed once and never again."""


def installed() -> dict[str, Drawing]:
    """Return the drawings of installed plugins; each is loaded when it is first needed."""
    from importlib.metadata import entry_points

    return {entry.name: partial(_drawn, entry) for entry in entry_points(group=GROUP)}


def _drawn(entry: Any, block: Block, page: Page) -> Iterable[Line]:
    try:
        drawn: list[Line] = [*entry.load()(block, page)]
    except Exception as error:
        raise PluginError(
            f"the drawing of {entry.name} from {entry.value} failed: {error!r}",
            hint="update or remove the package that brings it",
        ) from error
    return drawn


def with_drawings(own: Mapping[str, Drawing]) -> dict[str, Drawing]:
    """Return `own` with what plugins add or replace."""
    return {**own, **installed()}
