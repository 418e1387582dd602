"""The inspector: all there is to know of one block, facet by facet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from llmrepl.compose import Assembly
from llmrepl.compose.policy import limits_of
from llmrepl.compose.sent import Sent, sent
from llmrepl.errors import LlmreplError
from llmrepl.record import Record
from llmrepl.sanitise import clean
from llmrepl_textual.desk import Desk
from llmrepl_textual.inspecting.document import drawn, suffix_of, written
from llmrepl_textual.inspecting.facets import Case, Facet, Section, facets_of, title_of
from llmrepl_textual.inspecting.subject import block_near, subject_of
from llmrepl_textual.lending import changed
from llmrepl_textual.screen import View
from llmrepl_textual.widgets.sheet import Sheet

TICK = 0.3
"""Seconds between two looks at a block that grows."""

EMPTY = "Nothing has happened yet."


class Inspector(View):
    """The inspector's screen."""

    AUTO_FOCUS: ClassVar[str] = "#facets"

    DEFAULT_CSS = """
    Inspector #title { padding: 0 1; text-style: bold; height: 1; }
    Inspector #facets { width: 14; border: none; padding: 0; height: 1fr; }
    Inspector #facet { padding: 0 1; height: 1fr; width: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "block(-1)", "Block before"),
        Binding("right_square_bracket", "block(1)", "Block after"),
        Binding("y", "copy", "Copy", tooltip="copy what the facet says"),
        Binding("o", "open", "Editor", tooltip="open it in your editor"),
        Binding("t", "go('timeline')", "Timeline", tooltip="the block on the timeline"),
        Binding("c", "go('chat')", "Chat", tooltip="the block in the chat"),
        Binding("right", "into", "Read", show=False, tooltip="scroll what the facet says"),
        Binding("left", "out", "Facets", show=False, tooltip="choose facets again"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.seq = 0
        self._before = 0  # what was chosen in the chat when this was last seen
        self.sections: list[Section] = []
        self._case: Case | None = None
        self._facets: list[Facet] = []
        self._facet = ""
        self._known: tuple[str, Sent] | None = None  # the step whose request is known
        self._tick: Timer | None = None
        self._list = OptionList(id="facets", compact=True)
        self._title = Static(EMPTY, id="title", markup=False)
        self._sheet = Sheet(lambda: desk.look.theme, "facet")

    def contents(self) -> ComposeResult:
        """Yield the facets at the left, and what the chosen one says."""
        yield self._title
        with Horizontal():
            yield self._list
            yield self._sheet

    async def begin(self, assembly: Assembly) -> None:
        """Show the last block, where none was chosen."""
        del assembly
        self.on_screen_resume()

    async def moved(self) -> None:
        """Show the last block of the session that the chat is in now."""
        self.seq, self._known, self._case = 0, None, None
        self.on_screen_resume()

    def on_screen_resume(self) -> None:
        """Show the block that was chosen in the chat meanwhile, else the one before or the last."""
        records, chosen = self.desk.records, self.desk.chosen
        if self.desk.assembly is None or not len(records):
            return
        fresh = chosen if chosen != self._before else 0
        self.reveal(fresh or self.seq or block_near(records, len(records) + 1, -1))

    def took(self, record: Record) -> None:
        """See what has become of the block, soon, where the record is of its turn."""
        if not record.event.durable or self._tick is not None or not self.is_current:
            return
        if self._case is None or record.turn == self._case.subject.record.turn:
            self._tick = self.set_timer(TICK, self._again)

    def _again(self) -> None:
        self._tick = None
        self.on_screen_resume()

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        self._sheet.redraw()

    # The block

    def reveal(self, seq: int) -> None:
        """Inspect the block that a record belongs to."""
        assembly = self.desk.assembly
        if assembly is None or not 0 < seq <= len(self.desk.records):
            return
        same = seq == self.seq
        self.seq, self._before = seq, self.desk.chosen
        subject = subject_of(self.desk.records, seq)
        known = self._known
        self._case = Case(
            subject,
            assembly.meter.count,
            limits_of(assembly.executor.settings),
            known[1] if known and known[0] == subject.step_name else None,
        )
        self._title.update(clean(title_of(subject)))
        self._facets = facets_of(self._case)
        names = [facet.name for facet in self._facets]
        at = names.index(self._facet) if self._facet in names else 0
        with self.prevent(OptionList.OptionHighlighted):
            if names != [str(option.prompt) for option in self._list.options]:
                self._list.set_options(Option(name, id=name) for name in names)
            self._list.highlighted = at
        self._show(names[at], top=not same)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show a facet."""
        event.stop()
        if event.option_id and event.option_id != self._facet:
            self._show(event.option_id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Let keys scroll what a facet says."""
        event.stop()
        self._sheet.focus()

    def _show(self, name: str, *, top: bool = True) -> None:
        case = self._case
        facet = next((facet for facet in self._facets if facet.name == name), None)
        if case is None or facet is None:
            return
        self._facet = name
        if facet.asks and case.sent is None:
            self._put([Section("", "making it again from the records …")], top=top)
            ask = self._ask(case, self.desk.assembly)
            self.run_worker(ask, exclusive=True, group="sent", exit_on_error=False)
            return
        try:
            self._put([*facet.make(case)], top=top)
        except LlmreplError as error:
            self._put([Section("", f"{error.message}\n{error.hint}")], top=top)

    def _put(self, sections: list[Section], *, top: bool = True) -> None:
        self.sections = sections
        self._sheet.put(lambda width: drawn(sections, width), top=top)

    async def _ask(self, case: Case, assembly: Assembly | None) -> None:
        """Find out what the block's step sent, and show it."""
        step, records = case.subject.step_name, self.desk.records
        last = case.subject.step[-1].seq

        def find() -> Sent:
            if assembly is not None:
                assembly.meter.tokens.load()  # so that they are counted, not estimated
            return sent([*records.read(1, last)], step)

        try:
            found = await asyncio.to_thread(find)
        except LlmreplError as error:
            self._put([Section("", f"{error.message}\n{error.hint}")])
            return
        self._known = step, found
        if self._case is not None and self._case.subject.step_name == step:
            self._case = replace(self._case, sent=found)
            self._show(self._facet)

    # What keys do

    def action_block(self, by: int) -> None:
        """Go on to another block."""
        found = block_near(self.desk.records, self.seq, by)
        if found:
            self.reveal(found)
        else:
            self.app.bell()

    def action_into(self) -> None:
        """Let keys scroll what the facet says."""
        self._sheet.focus()

    def action_out(self) -> None:
        """Let keys choose facets."""
        self._list.focus()

    def action_go(self, screen: str) -> None:
        """Show the block on another screen."""
        self.jump(screen, self.seq)

    def action_copy(self) -> None:
        """Copy what the facet says."""
        if self.sections:
            self.app.copy_to_clipboard(written(self.sections))
            self.notify(f"{self._facet} copied")

    def action_open(self) -> None:
        """Open what the facet says in the person's editor."""
        if self.sections:
            self.run_worker(self._look(), exclusive=True, group="editor", exit_on_error=False)

    async def _look(self) -> None:
        name = f"{self._facet.lower()}-{self.seq}{suffix_of(self.sections)}"
        text = written(self.sections)
        try:
            await changed(self.app, self.desk.environ, text, name)  # what changes goes nowhere
        except LlmreplError as error:
            self.failed(error)
