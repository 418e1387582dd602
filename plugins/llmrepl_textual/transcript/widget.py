"""The transcript as a widget: the blocks of a session, and what keys and the mouse do with them.

What comes is drawn some times a second, and may take no more than a part of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer

from llmrepl.conversation import Spend
from llmrepl.events import TurnFinished
from llmrepl.record import Record
from llmrepl_textual.records import Records
from llmrepl_textual.transcript.entries import Entry, Fold
from llmrepl_textual.transcript.story import Story
from llmrepl_textual.transcript.strips import Artist
from llmrepl_textual.transcript.view import GUTTER, RowsView
from llmrepl_timeline.lines import Line

PAUSE = 0.05
"""Seconds between two drawings of what comes, at the least."""

SHARE = 0.2
"""The part of the time that may be spent on these."""

TICK = 0.5
"""Seconds after which what goes on is drawn again though nothing came, since its time goes on."""

STAGED = 12
"""Rows of what is not final, of one thing that goes on."""


class Transcript(RowsView, can_focus=True):
    """The blocks of a session (`llmrepl_textual.transcript.story.Sink`).

    Args:
        records: where the blocks' records are.
        theme: returns the name of the theme that holds.
        clock: returns the seconds that what goes on is told by.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "block(-1)", "Block before", show=False),
        Binding("down", "block(1)", "Block after", show=False),
        Binding("enter", "unfold", "More of it"),
        Binding("space", "fold", "Less of it"),
        Binding("shift+up", "scroll_up", "Row up", show=False),
        Binding("shift+down", "scroll_down", "Row down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home", "scroll_home", "To the beginning", show=False),
        Binding("end", "scroll_end", "To the end", show=False),
    ]

    chosen: reactive[int] = reactive(-1, init=False)
    """The block that keys are about: its index, -1 for none."""

    class Chosen(Message):
        """Another block was chosen."""

        def __init__(self, entry: Entry | None) -> None:
            super().__init__()
            self.entry = entry

    def __init__(
        self,
        records: Records,
        theme: Callable[[], str],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(theme, "transcript")
        self._records = records
        self._clock = clock
        self._artist = Artist(records)
        self.story = Story(self, records.size, clock)
        self._answer: list[Strip] = []  # what is final of the answer that is being written
        self._first = 1  # of the records that are here
        self._awaited = 0
        self._due = False
        self._tick: Timer | None = None
        self._next = 0.0

    @property
    def complete(self) -> bool:
        """Whether nothing of the session is still to be read."""
        return self._first == 1

    @property
    def marked(self) -> int:
        """The entry whose rows have a mark: that which was chosen."""
        return self.chosen

    def lines(self, entry: Entry, width: int) -> list[Line]:
        """Return the lines of an entry, without its gap."""
        return self._artist.lines(entry, width)

    # What comes

    def begin(self, first: int = 1) -> None:
        """Hold nothing, and follow another session.

        Args:
            first: the record that is taken next; those before it come with `prepend`.
        """
        self.rows.clear()
        self.below, self._answer = [], []
        self.story = Story(self, self._records.size, self._clock)
        self._first, self._awaited = first, 0
        if first > 1:
            self.story.goes_on()
        self._following, self.chosen = True, -1
        self.later()

    def take(self, record: Record) -> None:
        """Take a record in."""
        self.story.take(record)
        self.later()

    def say(self, own: Callable[[int], Iterable[Line]]) -> None:
        """Show lines that no record holds; `own` returns them for a width."""
        self.story.say(own)
        self.later()

    def add(self, entry: Entry, lines: list[Line] | None = None) -> None:
        """Take a block from the story."""
        drawn = None
        if lines is not None:
            drawn = [*self._answer, *self.painted(lines[len(self._answer) :])]
            self._answer = []
        self.rows.append(entry, drawn)

    def prepend(self, entries: list[Entry], heights: list[int], spent: Spend) -> None:
        """Put what came before in front, and count what it cost; what is in view stays.

        Args:
            entries: all that came before.
            heights: about how many rows each of them has.
            spent: what they cost.
        """
        self.story.spent = _sum(spent, self.story.spent)
        for entry in self.rows.entries:
            if entry.kind == TurnFinished.type:
                entry.spent = _sum(spent, entry.spent)
        self.rows.repaint()
        self.rows.prepend(entries, heights)
        self._first = 1
        if self.chosen >= 0:
            self.set_reactive(Transcript.chosen, self.chosen + len(entries))
        self.show(self.top + self.rows.heights.above(len(entries)))
        if self._awaited:
            self.reveal(self._awaited)

    def settle(self) -> None:
        """Show that nothing goes on."""
        self.story.settle()
        self.later()

    def later(self) -> None:
        """Draw what has come, soon."""
        if self._due or not self.is_attached:
            return
        self._due = True
        if (wait := self._next - time.monotonic()) > 0:
            self.set_timer(wait, self.draw)
        else:
            self.call_next(self.draw)

    def draw(self) -> None:
        """Draw what has come."""
        self._due = False
        if not self.size.width:
            return
        began = time.perf_counter()
        self._draw_stage()
        self.show(self.top)
        took = time.perf_counter() - began
        self._next = time.monotonic() + max(PAUSE, took * (1 - SHARE) / SHARE)
        if self._tick is not None:
            self._tick.stop()
        self._tick = self.set_timer(TICK, self.later) if self.below else None

    def _draw_stage(self) -> None:
        answer, width = self.story.answer, self.rows.width
        if answer is not None:
            same = answer.advance(width)
            if same < len(self._answer):
                self._answer = self._answer[:same]
            self._answer += self.painted(answer.final[len(self._answer) :])
            rest = answer.rest(STAGED)
        else:
            self._answer, rest = [], []
        for stage in self.story.staged:
            rest += stage.draw(width, STAGED)
        self.below = [*self._answer, *self.painted(rest)]

    # What is seen

    def on_resize(self) -> None:
        """Draw everything for the width there is now; the block on top stays there."""
        self.dress()
        width = max(1, self.scrollable_content_region.width - GUTTER)
        if width == self.rows.width:
            self.show(self.top)
            return
        at, row = self.at(self.top)
        self.rows.forget(width)
        self._answer = []
        self._draw_stage()
        self.show(self.rows.heights.above(at) + min(row, self.rows.heights[at]) if at >= 0 else 0)

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        self.dress()
        self.rows.repaint()
        self._answer = []
        self._draw_stage()
        self.refresh()

    # What keys and the mouse do

    def watch_chosen(self) -> None:
        """Show which block is chosen."""
        self.refresh()
        entry = self.rows.entries[self.chosen] if self.chosen >= 0 else None
        self.post_message(self.Chosen(entry))

    def on_focus(self) -> None:
        """Choose the last block in view, where none is."""
        if self.chosen < 0 and len(self.rows):
            at, _ = self.at(min(self.top + self.size.height, self.rows.total) - 1)
            self.chosen = at if at >= 0 else len(self.rows) - 1
        self.refresh()

    def on_blur(self) -> None:
        """Show that keys are about something else."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Choose the block that was clicked; at its sign, or twice, show more or less of it."""
        at, _ = self.at(self.top + event.y)
        if at < 0:
            return
        again = at == self.chosen
        self.chosen = at
        if event.x < GUTTER or (again and event.chain > 1):
            shut = self.rows.entries[at].fold is Fold.SHUT
            self._fold(at, Fold.USUAL if shut else Fold.SHUT)

    def action_block(self, by: int) -> None:
        """Choose another block, and bring it into view."""
        at = self.chosen + by
        while 0 <= at < len(self.rows) and not self.rows.measure(at):
            at += by
        if 0 <= at < len(self.rows):
            self.chosen = at
            self.bring(at)

    def reveal(self, seq: int) -> None:
        """Choose the block that tells of a record, and bring it into view, once it is read."""
        self._awaited = seq if seq < self._first else 0
        if self._awaited:
            return
        found = self.rows.place_of(seq)
        if found >= 0:
            self.focus()
            self.chosen = found
            self.bring(found)

    def action_unfold(self) -> None:
        """Show more of the chosen block."""
        self._step(1)

    def action_fold(self) -> None:
        """Show less of the chosen block; of what is shut, more."""
        shut = self.chosen >= 0 and self.rows.entries[self.chosen].fold is Fold.SHUT
        self._step(1 if shut else -1)

    def _step(self, by: int) -> None:
        if 0 <= self.chosen < len(self.rows):
            fold = self.rows.entries[self.chosen].fold + by
            self._fold(self.chosen, Fold(min(max(fold, Fold.SHUT), Fold.OPEN)))

    def _fold(self, at: int, fold: Fold) -> None:
        if self.rows.entries[at].foldable:
            self._following = False
            self.rows.fold(at, fold)
            self.rows.measure(at)
            self.show(self.top)
            self.bring(at)


def _sum(one: Spend, other: Spend) -> Spend:
    return Spend(one.usage + other.usage, one.cost + other.cost, one.unpriced + other.unpriced)
