"""The pane of tools: how often they were called, how long that took, what it cost."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.timer import Timer

from llmrepl.figures import counted
from llmrepl.record import Record
from llmrepl_textual.desk import Desk
from llmrepl_textual.figures.counted import Counted, Saved
from llmrepl_textual.figures.doing import tools
from llmrepl_textual.panes import SheetPane

TICK = 0.5
"""Seconds between two drawings of what comes, at the least."""


class Tools(SheetPane):
    """Figures of tools, in this session or in all saved ones.

    Args:
        desk: the session.
        counted: its tally.
    """

    TITLE = "Tools"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "scope", "This session/all")]

    def __init__(self, desk: Desk, tally: Counted) -> None:
        super().__init__(desk)
        self._counted = tally
        self._all = False
        self._due: Timer | None = None

    async def look(self) -> str | None:
        """Read the records."""
        if not self._all:
            await self._counted.read()
            self._draw()
            return None
        saved = Saved(self.desk.config.sessions.directory)
        self.sheet.put(lambda width: tools(saved.tally, "all saved sessions", width))
        async for _ in saved.walk():
            self.tell(f"reading saved sessions: {saved.read} …")
            self.sheet.redraw()
        self.sheet.redraw()
        return "\n".join([f"{counted(saved.read, 'session')} read", *saved.left_out[:3]])

    def took(self, record: Record) -> None:
        """Draw soon what has come."""
        if record.event.durable and not self._all and self._due is None:
            self._due = self.set_timer(TICK, self._soon)

    def _soon(self) -> None:
        self._due = None
        if self.is_on_screen and not self._all:
            self._draw()

    def _draw(self) -> None:
        tally = self._counted.tally
        self.sheet.put(lambda width: tools(tally, "this session", width), top=False)

    def action_scope(self) -> None:
        """Go over to all saved sessions, or back to this one."""
        self._all = not self._all
        self.read()
