"""The pane of the configuration: every setting, where its value comes from, and a way to change it.

What is changed stands in the person's own file, and holds for chats that begin from then on.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from llmrepl.config import load
from llmrepl.config.showing import Row, known
from llmrepl.config.trying import change
from llmrepl.errors import LlmreplError
from llmrepl_textual.desk import Desk
from llmrepl_textual.panes import Pane
from llmrepl_textual.settings.values import (
    Layers,
    about,
    drawn,
    editable,
    fitting,
    layers,
    overruled,
)
from llmrepl_textual.widgets.dialogs import Ask, Confirm
from llmrepl_textual.widgets.rows import Rows
from llmrepl_textual.widgets.sheet import Sheet
from llmrepl_timeline.lines import Line

HINT = "search: a key, a value, your file, project file"


class Configuration(Pane):
    """The settings."""

    TITLE = "Configuration"

    DEFAULT_CSS = """
    Configuration Input { border: none; height: 1; margin: 0 1; }
    Configuration #about { height: 7; border-top: solid $primary; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "change", "Change"),
        Binding("u,delete", "unset", "Take out"),
        Binding("slash", "search", "Search", key_display="/"),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.in_force = Layers((), desk.loaded)
        self.found: list[Row] = []
        self._rows = Rows(self._line, self.theme, "values")
        self._rows.add_class("main")
        self._about = Sheet(self.theme, "about")

    def contents(self) -> ComposeResult:
        """Yield the search, the settings, and all there is to say of the one that is chosen."""
        yield Input(id="search", placeholder=HINT, compact=True)
        yield self._rows
        yield self._about

    @property
    def chosen(self) -> Row | None:
        """The setting that keys are about."""
        at = self._rows.at
        return self.found[at] if 0 <= at < len(self.found) else None

    async def look(self) -> str | None:
        """Read the files."""
        desk = self.desk
        self.in_force = await asyncio.to_thread(
            lambda: layers(load({}, desk.environ, desk.cwd), desk.loaded, desk.environ)
        )
        self._fill()
        return "\n".join(self.in_force.loaded.warnings) or None

    def _fill(self) -> None:
        before = self.chosen.key if self.chosen else ""
        rows, loaded = self.in_force
        self.found = fitting(rows, self.query_one(Input).value, loaded)
        keys = [row.key for row in self.found]
        self._rows.fill(len(self.found), keys.index(before) if before in keys else 0)

    def _line(self, at: int, width: int) -> Line:
        return drawn(self.found[at], self.in_force.loaded, width)

    def on_rows_moved(self) -> None:
        """Tell of another setting."""
        row, loaded = self.chosen, self.in_force.loaded
        self._about.put(lambda width: about(row, loaded, width) if row else ())

    def on_rows_picked(self) -> None:
        """Change a setting that was clicked twice."""
        self.action_change()

    def on_input_changed(self) -> None:
        """Show what has the words."""
        self._fill()

    def on_input_submitted(self) -> None:
        """Let keys be about the settings."""
        self._rows.focus()

    def action_search(self) -> None:
        """Let somebody type words."""
        self.query_one(Input).focus()

    def action_back(self) -> None:
        """Leave the search; from the settings, show all."""
        box = self.query_one(Input)
        if box.has_focus:
            self._rows.focus()
        else:
            box.value = ""

    def action_change(self) -> None:
        """Ask for another value."""
        if (row := self.chosen) is not None:
            self.do("changing", lambda: self._change(row))

    async def _change(self, row: Row) -> str | None:
        text = editable(row)
        problem: tuple[str, ...] = ()
        _, setting = known(row.key)
        while True:
            told = (row.description, f"accepted: {setting.accepts}", *problem)
            answer = await self.app.push_screen_wait(Ask(row.key, told, value=text))
            text = answer[1:]
            if not answer:
                return None
            try:
                return await self._write(row.key, text)
            except LlmreplError as error:
                problem = tuple(filter(None, ("", error.message, error.hint)))

    def action_unset(self) -> None:
        """Take a setting out of one's own file."""
        if (row := self.chosen) is not None:
            self.do("taking out", lambda: self._unset(row))

    async def _unset(self, row: Row) -> str | None:
        if not row.source.startswith(f"{self.in_force.loaded.user_file}:"):
            return f"{row.key} does not stand in {self.in_force.loaded.user_file}"
        told = (f"{row.key} = {row.text}", f"stands at {row.source}")
        asked = Confirm("Take it out of your file?", told, {"y": "take it out"})
        if not await self.app.push_screen_wait(asked):
            return None
        return await self._write(row.key, None)

    async def _write(self, key: str, text: str | None) -> str:
        desk, file = self.desk, self.in_force.loaded.user_file
        await asyncio.to_thread(lambda: change(file, key, text, environ=desk.environ, cwd=desk.cwd))
        await self.look()
        row = next((row for row in self.in_force.rows if row.key == key), None)
        done = f"{key} is {'set in' if text is not None else 'taken out of'} {file}"
        more = overruled(row, self.in_force.loaded) if row else ""
        return f"{done}: {more or 'it holds for the next chat'}"
