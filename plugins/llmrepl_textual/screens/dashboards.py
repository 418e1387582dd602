"""The dashboards: what calls took, how providers and tools do, what was audited."""

from __future__ import annotations

from collections.abc import Sequence

from llmrepl.record import Record
from llmrepl_textual.desk import Desk
from llmrepl_textual.figures.audit import Audit
from llmrepl_textual.figures.counted import Counted
from llmrepl_textual.figures.providers import Providers
from llmrepl_textual.figures.tools import Tools
from llmrepl_textual.figures.usage import Usage
from llmrepl_textual.panes import Pane, Panes


class Dashboards(Panes):
    """The dashboards' screen."""

    def __init__(self, desk: Desk) -> None:
        self._counted = Counted(desk)
        super().__init__(desk)

    def panes(self) -> Sequence[Pane]:
        """Return the panes, new."""
        desk, tally = self.desk, self._counted
        return Usage(desk), Providers(desk, tally), Tools(desk, tally), Audit(desk)

    def took(self, record: Record) -> None:
        """Count what comes."""
        self._counted.took(record)
        super().took(record)
