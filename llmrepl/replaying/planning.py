"""Which calls of a session can be run again, and why the others cannot.

What cannot be repeated is named: nothing is guessed about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from llmrepl.events import (
    ApprovalDecided,
    NetworkRequested,
    ToolFinished,
    ToolRequested,
    ToolStarted,
)
from llmrepl.record import Record

SANDBOX = "bubblewrap"
"""The name of the executor that runs calls again."""

BY_STATUS = {
    "cancelled": "it was interrupted, and the moment of that cannot be repeated",
    "timeout": "it ran out of time, and how far it came depends on the machine",
    "unknown": "how it ended is not known",
}
"""Why a call that ended so is not run again."""

_PROJECT = re.compile(r"(?:a copy of|reads) ([^;,]+?)(?: \(.*?\))?(?:[;,]|$)")


@dataclass(slots=True)
class Recorded:
    """A call as the log has it; `seq` is the record that ended it, or asked for it.

    `ran` says whether it was handed to an executor. `why_not` says in a line why it is not run
    again, "" where it is.
    """

    request: ToolRequested
    seq: int
    turn: int
    step: int
    at: int = 0
    started: ToolStarted | None = None
    finished: ToolFinished | None = None
    approved_by: str = ""
    network: bool = False

    @property
    def ran(self) -> bool:
        """Whether an executor got it."""
        return self.started is not None

    @property
    def why_not(self) -> str:
        """Why it is not run again; "" where it is."""
        started, finished = self.started, self.finished
        if started is None:
            return self._never_ran()
        if finished is None:
            return BY_STATUS["unknown"]
        if started.executor != SANDBOX:
            return f"it ran in “{started.executor}”, not in the full sandbox"
        if " for real" in started.policy:
            return "it could write for real"
        if self.network:
            return "it used the network"
        return BY_STATUS.get(finished.status, "")

    def _never_ran(self) -> str:
        if self.request.problem:
            return f"it was malformed and never ran: {self.request.problem}"
        if self.finished is None:
            return "it never ran: the session ends before"
        if self.finished.by:
            return f"it never ran: a {self.finished.by} gave its result"
        by = f" by {self.approved_by}" if self.approved_by else ""
        return f"it never ran: {self.finished.status}{by}"


def recorded_calls(records: Iterable[Record]) -> list[Recorded]:
    """Return the calls of a session in the order in which they ended."""
    calls: dict[str, Recorded] = {}
    ended: list[Recorded] = []
    for record in records:
        match record.event:
            case ToolRequested() as request:
                calls[request.call_id] = Recorded(request, record.seq, record.turn, record.step)
            case ApprovalDecided(call_id=call_id) as decided if call_id in calls:
                call = calls[call_id]
                call.approved_by = decided.by
                if decided.arguments:
                    call.request = replace(call.request, arguments=decided.arguments)
            case ToolStarted(call_id=call_id) as started if call_id in calls:
                calls[call_id].started = started
            case NetworkRequested(call_id=call_id) if call_id in calls:
                calls[call_id].network = True
            case ToolFinished(call_id=call_id) as finished if call_id in calls:
                call = calls.pop(call_id)
                call.finished, call.seq, call.at = finished, record.seq, record.at
                ended.append(call)
    return [*ended, *calls.values()]


def project_of(calls: Iterable[Recorded]) -> tuple[str, bool]:
    """Return the project that the calls saw, "" for none, and whether they wrote a copy of it."""
    for call in calls:
        if call.started is None:
            continue
        match = _PROJECT.search(call.started.policy)
        copied = "a copy of " in call.started.policy
        return (match[1] if match else "", copied)
    return "", False
