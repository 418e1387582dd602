"""The pane of tools and plugins: what there is, where it comes from, and whether it can be used."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from textual.app import ComposeResult

from llmrepl.cells import elided, fit
from llmrepl.compose.extended import extensions
from llmrepl.compose.standing import standing_of
from llmrepl.context.tools import TOOLS
from llmrepl.errors import LlmreplError
from llmrepl.figures import counted
from llmrepl_textual.desk import Desk
from llmrepl_textual.panes import Pane
from llmrepl_textual.widgets.rows import Rows
from llmrepl_textual.widgets.sheet import Sheet
from llmrepl_timeline.lines import Line, Span, line, wrap

BAD = "cannot be loaded"


class Thing(NamedTuple):
    """A tool or a plugin: its kind and name, its state, where it is from, and all about it."""

    kind: str
    name: str
    state: str
    source: str
    about: str
    style: str = "ok"


class Installed(Pane):
    """Tools and plugins."""

    TITLE = "Plugins"

    DEFAULT_CSS = """
    Installed #about { height: 5; border-top: solid $primary; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.found: Sequence[Thing] = ()
        self._rows = Rows(self._line, self.theme, "things")
        self._rows.add_class("main")
        self._about = Sheet(self.theme, "about")

    def contents(self) -> ComposeResult:
        """Yield the things, and all about the one that is chosen."""
        yield self._rows
        yield self._about

    async def look(self) -> str | None:
        """Load every plugin."""
        plugins = await asyncio.to_thread(_plugins)
        self.found = [*self._tools(), *plugins]
        self._rows.fill(len(self.found))
        bad = sum(each.style == "bad" for each in self.found)
        told = f"{counted(len(TOOLS), 'tool')} · {counted(len(plugins), 'plugin')}"
        if not bad:
            return told
        raise LlmreplError(f"{told} · {bad} cannot be used", hint="4, then c, says what mends it")

    def _tools(self) -> Sequence[Thing]:
        standing = standing_of(self.assembly)
        state, style = ("no sandbox", "bad") if standing.alarm else ("ready", "ok")
        mode = f"approval: {standing.mode}"
        found = []
        for tool in TOOLS:
            about = f"{tool.description} {standing.sandbox}: {standing.policy}; {mode}."
            found.append(Thing("tool", tool.name, state, "llmrepl", about, style))
        return found

    def _line(self, at: int, width: int) -> Line:
        thing = self.found[at]
        name_cells = max(12, min(28, width // 3))
        head = f"{fit(thing.kind, 10)}  {fit(thing.name, name_cells)}  "
        room = max(4, width - len(head) - 19)
        return (
            Span(head),
            Span(f"{fit(thing.state, 16)}  ", thing.style),
            Span(elided(thing.source, room), "dim"),
        )

    def on_rows_moved(self) -> None:
        """Tell of another one."""
        if 0 <= self._rows.at < len(self.found):
            thing = self.found[self._rows.at]
            self._about.put(
                lambda width: [
                    line(f"{thing.kind} {thing.name} · {thing.source}", "strong"),
                    *wrap([Span(thing.about, "bad" if thing.style == "bad" else "")], width),
                ]
            )


def _plugins() -> Sequence[Thing]:
    found = []
    for each in extensions():
        entry = each.entry
        source = f"{each.package} {each.version}".strip() or "nobody knows"
        if each.error is None:
            found.append(Thing(each.kind, entry.name, "loaded", source, entry.value))
        else:
            about = f"{entry.value} {BAD}: {each.error!r}"
            found.append(Thing(each.kind, entry.name, BAD, source, about, "bad"))
    return found
