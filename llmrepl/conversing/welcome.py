"""What a chat begins with: the blocks that its display shows before anything is said.

No log keeps them: they tell of this start, and of nothing that the conversation is made of.
"""

from __future__ import annotations

import sys

from llmrepl.compose import Assembly
from llmrepl.compose.standing import standing_of
from llmrepl.displays.complaint import complain
from llmrepl.errors import LlmreplError, PluginError
from llmrepl.events import CheckFinished, Custom, Event
from llmrepl.record import Record


def welcome(assembly: Assembly) -> None:
    """Show what a chat has to work with; one that is gone on with has shown its end instead."""
    if assembly.opened and assembly.opened.records:
        return
    standing = standing_of(assembly)
    model = f"{standing.model} ({standing.remark})" if standing.remark else standing.model
    data = {
        "model": model,
        "sandbox": ": ".join(filter(None, (standing.sandbox, standing.policy))),
        "session": assembly.session_id or "not saved",
        "alarms": ["sandbox"] if standing.alarm else [],
    }
    tell(assembly, Custom(name="welcome", data=data))


def failed(assembly: Assembly, name: str, error: LlmreplError) -> None:
    """Show that a check of the system has failed, and what mends it."""
    tell(assembly, CheckFinished(name=name, status="failed", message=error.message, fix=error.hint))


def tell(assembly: Assembly, event: Event) -> None:
    """Show what no log keeps; nothing where no display is open yet."""
    display, event = assembly.display, assembly.redactor.scrub(event)
    if display is None:
        return
    try:
        display.show(Record(0, assembly.edges.clock.now(), 0, 0, event))
    except Exception as error:  # noqa: BLE001 - a plugin boundary: the chat must begin
        complain(sys.stdout, PluginError(f"the display {type(display).__name__} failed: {error!r}"))
