"""The screens: a table of them, and a module for each, which is imported when it is opened."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from llmrepl_textual.desk import Desk
    from llmrepl_textual.screen import View


class Row(NamedTuple):
    """A screen: its name, the key that shows it, its title, and `module:class` of what it is."""

    name: str
    key: str
    title: str
    purpose: str
    place: str

    def open(self, desk: Desk) -> View:
        """Return the screen, new."""
        return self.kind()(desk)

    def kind(self) -> type[View]:
        """Return what it is."""
        module, _, name = self.place.partition(":")
        return cast("type[View]", getattr(import_module(module), name))


HERE = __name__

TABLE = (
    Row("help", "f1", "Help", "all keys and commands", f"{HERE}.help:Help"),
    Row("chat", "f2", "Chat", "talk, and see what is done", f"{HERE}.chat:Chat"),
    Row("timeline", "f3", "Timeline", "what took how long", f"{HERE}.timeline:Timeline"),
    Row("inspector", "f4", "Inspector", "all about a block", f"{HERE}.inspector:Inspector"),
    Row("sessions", "f5", "Sessions", "saved sessions", f"{HERE}.sessions:Sessions"),
    Row("dashboards", "f6", "Figures", "use, cost, health", f"{HERE}.dashboards:Dashboards"),
    Row("debugger", "f7", "Debugger", "a turn step by step", f"{HERE}.debugger:Debugger"),
    Row("settings", "f8", "Settings", "configuration and rules", f"{HERE}.settings:Settings"),
)
"""Every screen, in the order of its keys."""

FIRST = "chat"

SCREENS = {row.name: row for row in TABLE if find_spec(row.place.partition(":")[0])}
"""The screens that are there, by name."""
