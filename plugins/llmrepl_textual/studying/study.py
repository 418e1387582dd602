"""What screens about saved sessions have in common: work that may fail, and a way back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.worker import WorkType

from llmrepl.errors import LlmreplError
from llmrepl.sanitise import clean
from llmrepl_textual.screen import View


class Study(View):
    """A screen that shows what has been, not what comes."""

    def follow_records(self) -> None:
        """Take no records."""

    def do(self, group: str, work: Callable[..., Coroutine[Any, Any, Any]], *args: object) -> None:
        """Do something in the background, in the place of what else the group does.

        What goes wrong is said.
        """
        # A coroutine that is made here would never be awaited where it is cancelled at once.
        told: WorkType[None] = partial(self._told, work, *args)
        self.run_worker(told, exclusive=True, group=group)

    async def _told(self, work: Callable[..., Coroutine[Any, Any, Any]], *args: object) -> None:
        try:
            await work(*args)
        except LlmreplError as error:
            self.failed(error)
        except OSError as error:
            self.failed(LlmreplError(str(error)))

    def pop_up(self, told: str, severity: SeverityLevel = "information") -> None:
        """Let something be seen for some seconds, whatever screen is shown."""
        self.notify(clean(self.desk.redact(told)), severity=severity, markup=False)


class Above(Study):
    """A screen that is opened above the list, and closed again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "close", "Back")]

    def action_close(self) -> None:
        """Go back to the list."""
        self.app.pop_screen()
