"""An entry of the audit log as one line for people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from llmrepl.figures import duration
from llmrepl.sanitise import clean


def told(entry: dict[str, Any]) -> str:
    """Return an entry for a terminal: when, what, of which session, and what more there is."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.get("at", 0) / 1000))
    line = f"{when}  {entry['type']:18} {entry.get('session', '-'):20}  {details(entry)}"
    return " ".join(clean(line).splitlines())


def details(entry: dict[str, Any]) -> str:
    """Return what there is of an entry besides its time, its type and its session."""
    return " · ".join(str(item) for item in _details(entry) if item not in (None, ""))


def _details(entry: dict[str, Any]) -> Iterator[Any]:
    yield from (entry.get(name) for name in ("call_id", "language", "tool", "status", "decision"))
    yield f"by {entry['by']}" if "by" in entry else None
    yield f"{entry['host']}:{entry.get('port')}" if "host" in entry else None
    yield f"{entry.get('provider')}/{entry['model']}" if "model" in entry else None
    yield f"{entry['key']} = {entry.get('value')}" if "key" in entry else None
    yield ", ".join(map(str, entry.get("paths", ())))
    if entry["type"] == "approval.decided":
        yield ", ".join(map(str, entry.get("rules", ())))
    yield duration(entry["ms"]) if "ms" in entry else None
    if entry["type"] == "sandbox.started":
        yield from (entry.get("executor"), entry.get("policy"))
    yield from (entry.get(name) for name in ("question", "rule", "reason", "first_line"))
