"""An approver whose answers are known beforehand."""

from __future__ import annotations

from collections.abc import Iterable

from llmrepl.events import ApprovalDecided, ToolRequested


class ScriptedApprover:
    """Implements `llmrepl.ports.Approver`.

    Args:
        answers: the decisions, in order: `once`, `deny` or another of the options. A str gives
            the same answer to everything.
    """

    def __init__(self, answers: str | Iterable[str] = "once") -> None:
        self._always = answers if isinstance(answers, str) else None
        self._answers = iter(() if isinstance(answers, str) else answers)
        self.asked: list[tuple[ToolRequested, str]] = []

    async def review(self, request: ToolRequested, question: str) -> ApprovalDecided:
        """Return the next answer.

        Raises:
            AssertionError: there is none left.
        """
        self.asked.append((request, question))
        answer = self._always or next(self._answers, None)
        if answer is None:
            raise AssertionError(f"no answer is left for call {request.call_id}: {question}")
        return ApprovalDecided(call_id=request.call_id, decision=answer)
