"""What the screens of the table have in common: a desk, a header, a footer and the way to both."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen

from llmrepl.compose import Assembly
from llmrepl.errors import LlmreplError
from llmrepl.record import Record
from llmrepl.sanitise import clean
from llmrepl_textual.desk import Desk
from llmrepl_textual.transcript.widget import Transcript
from llmrepl_textual.widgets.foot import Foot


class View(Screen[None]):
    """A screen of `llmrepl_textual.screens.TABLE`. It is made once, and kept while others show.

    A subclass composes its widgets in `contents`, fills them in `begin`, and takes what happens
    from then on in `took`.

    Args:
        desk: the session, and what can be done in it.
    """

    AUTO_FOCUS: ClassVar[str | None] = "*"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def compose(self) -> ComposeResult:
        """Yield what the screen shows, and the keys at its foot."""
        yield from self.contents()
        yield Foot()

    def contents(self) -> ComposeResult:
        """Yield what the screen shows."""
        yield from ()

    async def first(self) -> None:
        """Show what can be seen before the session is open."""

    async def begin(self, assembly: Assembly) -> None:
        """Show what there is: the session is open."""

    async def moved(self) -> None:
        """Show what there is: the chat goes on in another session."""

    def took(self, record: Record) -> None:
        """Take a record that has just come, durable or transient; it must take no time."""

    def reveal(self, seq: int) -> None:
        """Show what a record belongs to: another screen was left for it.

        On a screen with a transcript that is the block it is told by.
        """
        for transcript in self.query(Transcript):
            transcript.reveal(seq)

    def jump(self, name: str, seq: int) -> None:
        """Go on to another screen, which shows what a record belongs to.

        Args:
            name: the screen's, as in the table.
            seq: the record's.
        """
        self.app.call_next(self._jump, name, seq)

    async def _jump(self, name: str, seq: int) -> None:
        await self.app.switch_mode(name)
        if isinstance(self.app.screen, View):
            self.app.screen.reveal(seq)

    def dressed(self) -> None:
        """Show what is drawn in colours of its own in the theme that holds now."""

    def show(self, record: Record) -> None:
        """Take a record (`llmrepl.ports.Display`)."""
        self.took(record)

    def on_mount(self) -> None:
        """Begin as soon as the session is open."""
        self.run_worker(self._begin())

    async def _begin(self) -> None:
        try:
            await self.first()
            assembly = await self.desk.ready()
        except LlmreplError as error:
            self.failed(error)
            assembly = await self.desk.opened()
        try:
            self.follow_records()
            await self.begin(assembly)
        except LlmreplError as error:
            self.failed(error)

    def failed(self, error: LlmreplError) -> None:
        """Say what went wrong."""
        told = self.desk.redact("\n".join(filter(None, (error.message, error.hint))))
        self.notify(clean(told), severity="error", markup=False)

    def follow_records(self) -> None:
        """Take whatever comes from now on."""
        self.desk.subscribe(self)
        self.desk.on_move(lambda: self.call_next(self.moved))
