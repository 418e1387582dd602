"""The pane of the audit log: the newest entries first, read as far as somebody looks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from llmrepl.audit.choosing import Entry
from llmrepl.audit.reading import verify
from llmrepl.audit.telling import details
from llmrepl.cells import elided, fit
from llmrepl.config.paths import audit_directory
from llmrepl.errors import LlmreplError
from llmrepl.figures import counted
from llmrepl_textual.desk import Desk
from llmrepl_textual.figures.entries import HINT, Filter, Reader
from llmrepl_textual.panes import Pane
from llmrepl_textual.widgets.reading import Reading
from llmrepl_textual.widgets.rows import Rows
from llmrepl_timeline.lines import Line, Span

DATED, NAMED = 100, 110
"""Cells from which on the year, and the session, are told."""

AT_ONCE = 100
"""Entries that are read at once."""

SCANNED = 5_000
"""Lines that are looked at in one go; after them, what was found is shown."""

MISSING = "a line that cannot be read: v verifies the log"
BAD = {"denied", "deny", "error", "failed", "timeout", "limit", "unknown"}


class Audit(Pane):
    """The entries."""

    TITLE = "Audit"

    DEFAULT_CSS = """
    Audit Input { border: none; height: 1; margin: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("enter", "open", "All of it"),
        Binding("v", "verify", "Verify"),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.reader: Reader | None = None
        self._rows = Rows(self._line, self.theme, "entries")
        self._rows.add_class("main")

    def contents(self) -> ComposeResult:
        """Yield the filter and the entries."""
        yield Input(id="filter", placeholder=HINT, compact=True)
        yield self._rows

    @property
    def found(self) -> Sequence[Entry | None]:
        """The entries that are shown."""
        return self.reader.found if self.reader is not None else ()

    async def look(self) -> str | None:
        """Read the newest entries."""
        wanted = Filter(self.query_one(Input).value, time.time())
        directory = audit_directory(self.desk.environ)
        self.reader = Reader(directory, wanted, self.assembly.redactor.scrub)
        self._rows.fill(0)
        return await self._more()

    async def _more(self) -> str:
        reader = self.reader
        assert reader is not None
        before = len(reader.found)
        while len(reader.found) < before + AT_ONCE and not reader.ended:
            await asyncio.to_thread(reader.read, AT_ONCE, SCANNED)
            self._rows.fill(len(reader.found))
            self.tell(f"{counted(reader.scanned, 'entry', 'entries')} searched …")
        shown = counted(len(reader.found), "entry", "entries")
        return shown if reader.ended else f"{shown}, and there may be more"

    def on_rows_ending(self) -> None:
        """Read on."""
        if self.reader is not None and not self.reader.ended and not self.busy:
            self.do("reading", self._more)

    def _line(self, at: int, width: int) -> Line:
        entry = self.found[at]
        if entry is None:
            return (Span(elided(MISSING, width), "bad"),)
        form = "%Y-%m-%d %H:%M:%S" if width >= DATED else "%m-%d %H:%M:%S"
        when = time.strftime(form, time.localtime(entry.get("at", 0) / 1000))
        session = f"{fit(str(entry.get('session', '-')), 20)}  " if width >= NAMED else ""
        head = f"{fit(entry['type'], 18)}  "
        text = " ".join(details(entry).split())
        bad = {str(entry.get("status")), str(entry.get("decision"))} & BAD
        room = width - len(when) - 2 - len(head) - len(session)
        return (
            Span(f"{when}  ", "dim"),
            Span(head, "warn" if bad or "failed" in entry["type"] else "mark"),
            Span(session, "dim"),
            Span(elided(text, room)),
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Show what fits."""
        event.stop()
        self._rows.focus()
        self.read()

    def on_rows_picked(self) -> None:
        """Show all of an entry."""
        self.action_open()

    def action_filter(self) -> None:
        """Let somebody type what is wanted."""
        self.query_one(Input).focus()

    def action_back(self) -> None:
        """Leave the filter; from the entries, take it away."""
        box = self.query_one(Input)
        if box.has_focus:
            self._rows.focus()
        elif box.value:
            box.value = ""
            self.read()

    def action_open(self) -> None:
        """Show all of an entry."""
        if 0 <= self._rows.at < len(self.found):
            entry = self.found[self._rows.at]
            text = MISSING if entry is None else json.dumps(entry, indent=2, ensure_ascii=False)
            self.app.push_screen(Reading(text))

    def action_verify(self) -> None:
        """Verify the log."""
        self.do("verifying", self._verify)

    async def _verify(self) -> str:
        report = await asyncio.to_thread(verify, audit_directory(self.desk.environ))
        if report.damage is not None:
            raise LlmreplError(
                f"damaged: {report.damage}",
                hint=f"{counted(report.lines, 'entry', 'entries')} before it verify",
            )
        whole = counted(report.lines, "entry", "entries")
        return f"ok: {whole} in {counted(report.files, 'file')}, digest {report.seq}:{report.last}"
