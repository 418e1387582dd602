"""The line that says how the chat stands: the status line's view, in the theme that holds."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from llmrepl.compose import Assembly
from llmrepl.compose.standing import standing_of
from llmrepl.displays.views import STYLES, THEMES
from llmrepl.sanitise import clean
from llmrepl_textual.themes import sgr

GAP = " · "
PATIENCE = 0.25
"""Seconds between two looks at what is being found out in the background."""


class Status(Static):
    """One row."""

    DEFAULT_CSS = """
    Status { height: 1; padding: 0 1; text-style: reverse; }
    """

    def __init__(self) -> None:
        super().__init__("starting", id="status", markup=False)
        self._assembly: Assembly | None = None
        self._paused = ""
        self._due = False

    def on_mount(self) -> None:
        """Look every now and then at what is being found out."""
        self.set_interval(PATIENCE, self._look)

    def follow(self, assembly: Assembly) -> None:
        """Show how it stands from now on."""
        self._assembly = assembly
        self.later()

    def closed(self) -> None:
        """Say that there is no session."""
        if self._assembly is None:
            self.update("no session is open")

    def later(self) -> None:
        """Show soon how it stands."""
        self._due = True

    def pause(self, action: str) -> None:
        """Say that the turn is paused before an action; empty where it is not."""
        self._paused = f"❚❚ paused before: {clean(action)} · F7" if action else ""
        self._draw()

    def on_resize(self) -> None:
        """Show it in the width there is."""
        self._draw()

    def _look(self) -> None:
        assembly = self._assembly
        if assembly is None:
            return
        warming = assembly.warming is not None and not assembly.warming.done()
        looking = warming or assembly.context_size.asking or not assembly.counting.near
        if self._due or looking:
            self._due = looking  # once more, when all is found out
            self._draw()

    def _draw(self) -> None:
        assembly = self._assembly
        if assembly is None or not self.size.width:
            return
        styles = THEMES.get(assembly.look.theme, STYLES)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(self._paused, sgr(styles.get("alarm", "")))
        room = self.size.width
        if self._paused:
            text.append(GAP)
            room -= text.cell_len
        for style, told in assembly.views.line(standing_of(assembly), max(0, room)):
            text.append(told, sgr(styles.get(style, "")))
        text.append(" " * max(0, self.size.width - text.cell_len))
        self.update(text)
