"""The pane of what calls of models took: by day, model, session and so on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType

from llmrepl.compose.spending import Spending, beginning, bring_in, spending
from llmrepl.errors import LlmreplError
from llmrepl.figures import counted
from llmrepl_textual.desk import Desk
from llmrepl_textual.figures.spending import drawn, summary
from llmrepl_textual.panes import SheetPane

BY = ("day", "week", "month", "model", "session", "project", "purpose")
"""What rows can be by, in the order of the key; a tool's share is in the pane of the tools."""

DAYS = (1, 7, 30, 90, 365)


class Usage(SheetPane):
    """Tokens and money of all sessions, the budgets and the forecast."""

    TITLE = "Usage"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "by(1)", "By …"),
        Binding("B", "by(-1)", "By …, backwards", key_display="Shift-B", show=False),
        Binding("plus,equals_sign", "days(1)", "More days", key_display="+"),
        Binding("minus", "days(-1)", "Fewer days", key_display="-"),
        Binding("i", "bring_in", "Bring in sessions"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.by = BY[0]
        self.days = 30
        self.found: Spending | None = None
        self.clock: Callable[[], float] = time.time

    async def look(self) -> str | None:
        """Read the ledger."""
        desk, by, days, now = self.desk, self.by, self.days, self.clock()
        at = int(now * 1000)
        found = await asyncio.to_thread(
            lambda: spending(
                desk.config, desk.environ, desk.cwd, by=by, since=beginning(days, at), at=at
            )
        )
        same = self.found is not None and (self.found.report.by == by)
        self.found = found
        today = datetime.fromtimestamp(now).astimezone().date()
        self.sheet.put(lambda width: drawn(found, by, days, today, width), top=not same)
        return summary(found.report)

    def action_by(self, step: int) -> None:
        """Show other rows."""
        self.by = BY[(BY.index(self.by) + step) % len(BY)]
        self.read()

    def action_days(self, step: int) -> None:
        """Look further back, or less far."""
        self.days = DAYS[min(max(DAYS.index(self.days) + step, 0), len(DAYS) - 1)]
        self.read()

    def action_bring_in(self) -> None:
        """Bring in what saved sessions say of their calls."""
        self.do("reading saved sessions", self._bring_in)

    async def _bring_in(self) -> str:
        loop = asyncio.get_running_loop()
        left_out: list[str] = []
        over = threading.Event()

        def progress(read: int) -> None:
            if over.is_set():  # nobody waits for it any more
                raise LlmreplError("it was given up")
            loop.call_soon_threadsafe(self.tell, f"reading saved sessions: {read} …")

        def leave_out(name: str, error: LlmreplError) -> None:
            left_out.append(f"{name} is left out: {error.message}")

        config, environ = self.desk.config, self.desk.environ
        try:
            read = await asyncio.to_thread(bring_in, config, environ, progress, leave_out)
        finally:
            over.set()
        await self.look()
        return "\n".join([f"{counted(read, 'session')} read", *left_out[:3]])
