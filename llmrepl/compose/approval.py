"""Who answers where a call needs approval, by approval mode."""

from __future__ import annotations

from llmrepl.events import ApprovalDecided, ToolRequested
from llmrepl.ports import Approver


class Refuser:
    """Says no to everything it is asked.

    Args:
        reason: goes to the model and the log.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def review(self, request: ToolRequested, question: str) -> ApprovalDecided:  # noqa: ARG002 - the port's signature
        """Return a no."""
        return ApprovalDecided(
            call_id=request.call_id, decision="deny", by="mode", reason=self._reason
        )


class Consenter:
    """Says yes to everything but an ambiguous block, which it passes on to a person.

    Args:
        person: who is asked about an ambiguous block.
    """

    def __init__(self, person: Approver) -> None:
        self._person = person

    async def review(self, request: ToolRequested, question: str) -> ApprovalDecided:
        """Return a yes, or what the person says."""
        if request.ambiguous:
            return await self._person.review(request, question)
        return ApprovalDecided(call_id=request.call_id, decision="once", by="mode")


def approver_for(mode: str, person: Approver | None) -> Approver:
    """Return who answers in approval mode `mode` (ask, auto or deny).

    Args:
        mode: the configured mode.
        person: how to ask a person; None where there is nobody to ask.
    """
    if mode == "deny":
        return Refuser("the approval mode is deny")
    asked = person or Refuser("there is no person to ask")
    return Consenter(asked) if mode == "auto" else asked
