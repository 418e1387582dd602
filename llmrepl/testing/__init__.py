"""Stand-ins and checks for tests of llmrepl and its plugins; each is imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmrepl.providers.script import Reply
    from llmrepl.providers.scripted import Scripted
    from llmrepl.testing.approver import ScriptedApprover
    from llmrepl.testing.builders import Step, one_of_each, records, turn
    from llmrepl.testing.clock import FakeClock
    from llmrepl.testing.contracts import check_display, check_executor, check_provider
    from llmrepl.testing.dialects import Wire
    from llmrepl.testing.executor import Canned, FakeExecutor
    from llmrepl.testing.faults import Broken, Refused
    from llmrepl.testing.server import ModelServer
    from llmrepl.testing.status import check_context, check_status_line, check_usage
    from llmrepl.testing.store import MemoryStore

__all__ = [
    "Broken",
    "Canned",
    "FakeClock",
    "FakeExecutor",
    "MemoryStore",
    "ModelServer",
    "Refused",
    "Reply",
    "Scripted",
    "ScriptedApprover",
    "Step",
    "Wire",
    "check_context",
    "check_display",
    "check_executor",
    "check_provider",
    "check_status_line",
    "check_usage",
    "one_of_each",
    "records",
    "turn",
]

_HOMES = {
    "llmrepl.providers.script": ("Reply",),
    "llmrepl.providers.scripted": ("Scripted",),
    "llmrepl.testing.approver": ("ScriptedApprover",),
    "llmrepl.testing.builders": ("Step", "one_of_each", "records", "turn"),
    "llmrepl.testing.clock": ("FakeClock",),
    "llmrepl.testing.contracts": ("check_display", "check_executor", "check_provider"),
    "llmrepl.testing.dialects": ("Wire",),
    "llmrepl.testing.executor": ("Canned", "FakeExecutor"),
    "llmrepl.testing.faults": ("Broken", "Refused"),
    "llmrepl.testing.server": ("ModelServer",),
    "llmrepl.testing.status": ("check_context", "check_status_line", "check_usage"),
    "llmrepl.testing.store": ("MemoryStore",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
