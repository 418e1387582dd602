"""The pane of providers: their circuits, how their models do, and a word to each to see."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.binding import Binding, BindingType

from llmrepl.compose.checks import site_in_chat
from llmrepl.figures import duration
from llmrepl.health import TIME_LIMIT, Outcome, installed, run_checks
from llmrepl.health.telling import lines as told_lines
from llmrepl.ports import Rationed
from llmrepl_textual.desk import Desk
from llmrepl_textual.figures.counted import Counted
from llmrepl_textual.figures.doing import BLANK, models
from llmrepl_textual.panes import SheetPane
from llmrepl_timeline.lines import Line, Span, line, wrap

CHECK = "provider"
STYLES = {"ok": "ok", "warning": "warn", "failed": "bad", "skipped": "dim"}


class Providers(SheetPane):
    """How providers do.

    Args:
        desk: the session.
        counted: its tally.
    """

    TITLE = "Providers"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "check", "Send each a word")]

    def __init__(self, desk: Desk, tally: Counted) -> None:
        super().__init__(desk)
        self._counted = tally
        self.outcomes: list[Outcome] = []

    async def look(self) -> str | None:
        """Read the records."""
        await self._counted.read()
        self.sheet.put(self._drawn, top=False)
        return None

    def _drawn(self, width: int) -> list[Line]:
        assembly, routes = self.assembly, self.assembly.routes
        names = [assembly.edges.provider.name, *self.desk.config.providers]
        names += [name.partition("/")[0] for name in self._counted.tally.models]
        chains = routes.chains()
        names += [
            model.partition("/")[0]
            for chain in chains.values()
            for group in chain
            for model in group
            if "/" in model
        ]
        states = {name: routes.state(name) for name in dict.fromkeys(names)}
        drawn = models(self._counted.tally, chains, states, width)
        provider = assembly.edges.provider
        for limit in provider.allowances if isinstance(provider, Rationed) else ():
            again = "" if limit.again is None else f", all again in {duration(limit.again * 1000)}"
            drawn.append(line(f"{limit.left:,} of {limit.most:,} {limit.kind} left{again}"))
        drawn += [BLANK, line("A word to each model", "strong"), BLANK]
        if not self.outcomes:
            told = "c sends one word to each model that is configured, which may cost a little."
            return [*drawn, *wrap([Span(told, "dim")], width)]
        for outcome in self.outcomes:
            for text in told_lines(outcome):
                drawn += wrap([Span(text, STYLES[outcome.finding.status])], width)
        return drawn

    def action_check(self) -> None:
        """Send each model a word."""
        self.do("asking each model", self._check)

    async def _check(self) -> str | None:
        assembly, environ = self.assembly, self.desk.environ

        check, site = await asyncio.to_thread(
            lambda: (installed()[CHECK], site_in_chat(assembly, environ, TIME_LIMIT))
        )
        found = await run_checks({CHECK: check}, site)
        scrub = assembly.redactor.scrub
        self.outcomes = [each._replace(finding=scrub(each.finding)) for each in found]
        self.sheet.put(self._drawn, top=False)
        self.sheet.scroll_end(animate=False)
        return None
