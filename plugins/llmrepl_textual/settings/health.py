"""The pane of the health check: its progress, what it found, and repairs, each after a question."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from llmrepl.cells import elided
from llmrepl.compose.checks import ORDER, site_in_chat
from llmrepl.figures import duration
from llmrepl.health import TIME_LIMIT, Outcome, installed, run_checks
from llmrepl.health.telling import MARKS, lines, summary
from llmrepl_textual.desk import Desk
from llmrepl_textual.figures.charts import REST, bar
from llmrepl_textual.panes import Pane
from llmrepl_textual.widgets.dialogs import Confirm
from llmrepl_textual.widgets.rows import Rows
from llmrepl_textual.widgets.sheet import Sheet
from llmrepl_timeline.lines import Line, Span, line, wrap

STYLES = {"ok": "ok", "warning": "warn", "failed": "bad", "skipped": "dim"}
BEFORE = (
    "c checks this installation. Each configured model is sent a word, which may cost a fraction"
    " of a cent."
)
NAMED = 3
"""Checks that are named while they are waited for."""


class Health(Pane):
    """What checks found."""

    TITLE = "Health"

    DEFAULT_CSS = """
    Health #about { height: 6; border-top: solid $primary; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "check", "Check"),
        Binding("f", "repair", "Repair"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.outcomes: list[Outcome] = []
        self._rows = Rows(self._line, self.theme, "outcomes")
        self._rows.add_class("main")
        self._about = Sheet(self.theme, "about")

    def contents(self) -> ComposeResult:
        """Yield what was found, and all about the finding that is chosen."""
        yield self._rows
        yield self._about

    @property
    def chosen(self) -> Outcome | None:
        """The finding that keys are about."""
        at = self._rows.at
        return self.outcomes[at] if 0 <= at < len(self.outcomes) else None

    async def look(self) -> str | None:
        """Show what was found, as long ago as that is."""
        self._rows.fill(len(self.outcomes))
        return summary(self.outcomes)[1] if self.outcomes else BEFORE

    def _line(self, at: int, width: int) -> Line:
        name, finding, ms = self.outcomes[at]
        title = f"{name}: {finding.subject}" if finding.subject else name
        took = f"  {duration(ms)}" if ms else ""
        more = "  f repairs it" if finding.repair is not None else ""
        room = max(8, width - 4 - len(title) - len(took) - len(more))
        text = elided(" ".join(finding.message.split()), room)
        return (
            Span(f"{MARKS[finding.status]} ", STYLES[finding.status]),
            Span(title, "strong"),
            Span(f"  {text}"),
            Span(more, "mark"),
            Span(took, "dim"),
        )

    def on_rows_moved(self) -> None:
        """Tell of another finding."""
        outcome = self.chosen
        self._about.put(lambda width: _about(outcome, width) if outcome else ())

    def action_check(self) -> None:
        """Make all checks."""
        self.do("checking", self._check)

    async def _check(self, names: Collection[str] = ()) -> str:
        assembly, environ = self.assembly, self.desk.environ
        checks, site = await asyncio.to_thread(
            lambda: (installed(ORDER), site_in_chat(assembly, environ, TIME_LIMIT))
        )
        wanted = {name: check for name, check in checks.items() if not names or name in names}
        left = dict.fromkeys(wanted)

        def progress(done: str) -> None:
            left.pop(done, None)
            ready = len(wanted) - len(left)
            waiting = ", ".join([*left][:NAMED]) + (" …" if len(left) > NAMED else "")
            shown = bar(ready, len(wanted), 20, REST)
            self.tell(f"{shown} {ready}/{len(wanted)}  {waiting}")

        progress("")
        found = await run_checks(wanted, site, progress)
        scrub = assembly.redactor.scrub
        anew = [each._replace(finding=scrub(each.finding)) for each in found]
        kept = [each for each in self.outcomes if names and each.name not in wanted]
        order = [*checks]
        self.outcomes = sorted([*kept, *anew], key=lambda each: order.index(each.name))
        self._rows.fill(len(self.outcomes))
        return summary(self.outcomes)[1]

    def action_repair(self) -> None:
        """Do what mends a finding, after a question."""
        if (outcome := self.chosen) is not None:
            self.do("repairing", lambda: self._repair(outcome))

    async def _repair(self, outcome: Outcome) -> str | None:
        name, finding, _ = outcome
        if finding.repair is None:
            if finding.status in ("ok", "skipped"):
                return f"there is nothing to repair: {name} is {finding.status}"
            return f"nothing repairs {name} by itself: {finding.fix or 'see what was found'}"
        asked = Confirm("Repair this?", (finding.message, finding.fix), {"y": "repair it"})
        if not await self.app.push_screen_wait(asked):
            return await self.look()
        told = await asyncio.to_thread(finding.repair)
        await self._check((name,))
        return f"{name}: {told}"


def _about(outcome: Outcome, width: int) -> list[Line]:
    """Return all there is to say of a finding."""
    finding = outcome.finding
    told = [row for text in lines(outcome) for row in wrap([Span(text)], width)]
    more = finding.details.get("lines", ())
    told += [line(str(text), "dim") for text in more]
    return told
