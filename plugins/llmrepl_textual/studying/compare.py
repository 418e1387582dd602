"""Two sessions side by side, from where they part."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from llmrepl.sessions.branching.beside import drawn
from llmrepl.sessions.branching.contrast import Contrast, contrast
from llmrepl.sessions.catalog import session_path
from llmrepl.sessions.reader import LogReader
from llmrepl_textual.desk import Desk
from llmrepl_textual.studying.study import Above
from llmrepl_textual.widgets.rows import Rows
from llmrepl_timeline.lines import Line, Span

if TYPE_CHECKING:
    from llmrepl.compose import Assembly

WIDE = 56
"""Cells from which on the two stand in columns: less than a terminal printed on needs, since what
is in a column can be scrolled here."""

BETWEEN = " │ "

STYLES = {
    "▸ ": "call",
    "❯ ": "prompt",
    "turn ": "strong",
    "rest of turn ": "strong",
    "↑ ": "dim",
    "(": "dim",
    "… ": "dim",
    "common: ": "dim",
    "── ": "mark",
}
"""How a line is set off, by what it begins with."""


class Compare(Above):
    """The comparison.

    Args:
        desk: the session, and what can be done in it.
        left: the id of one session.
        right: that of the other.
    """

    AUTO_FOCUS: ClassVar[str] = "#compared"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "swap", "Swap sides")]

    def __init__(self, desk: Desk, left: str, right: str) -> None:
        super().__init__(desk)
        self.names = left, right
        self.found: Contrast | None = None
        self._lines: list[str] = []
        self.rows = Rows(self._line, lambda: desk.look.theme, "compared", chooses=False)

    def contents(self) -> ComposeResult:
        """Yield the lines."""
        yield self.rows

    async def begin(self, assembly: Assembly) -> None:
        """Read both sessions."""
        del assembly
        self.do("reading", self._read)

    async def _read(self) -> None:
        assembly = await self.desk.ready()
        directory = self.desk.config.sessions.directory

        def read() -> Contrast:
            left, right = (
                assembly.redactor.scrub([*LogReader(session_path(directory, name))])
                for name in self.names
            )
            return contrast(left, right)

        self.found = await asyncio.to_thread(read)
        self._draw()

    def on_rows_sized(self) -> None:
        """Draw both for the width there is."""
        self._draw()

    def dressed(self) -> None:
        """Draw both in the theme that holds now."""
        self.rows.redraw()

    def _draw(self) -> None:
        if self.found is not None and self.rows.width:
            self._lines = [*drawn(self.found, self.names, self.rows.width, WIDE)]
            self.rows.fill(len(self._lines))

    def _line(self, at: int, width: int) -> Line:
        del width
        left, between, right = self._lines[at].partition(BETWEEN)
        return (
            (_styled(left), Span(between, "frame"), _styled(right)) if between else (_styled(left),)
        )

    def action_swap(self) -> None:
        """Let the two change their places."""
        if self.found is not None:
            found, (left, right) = self.found, self.names
            self.names = right, left
            self.found = found._replace(left=found.right, right=found.left)
            self._draw()


def _styled(text: str) -> Span:
    style = next((style for sign, style in STYLES.items() if text.startswith(sign)), "")
    return Span(text, style)
