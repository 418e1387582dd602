"""An approver whose answers are known beforehand."""

from __future__ import annotations

from collections.abc import Iterable

from llmrepl.events import ApprovalDecided, ApprovalRequested, ToolRequested


class ScriptedApprover:
    """Implements `llmrepl.ports.Approver`.

    Args:
        answers: the decisions, in order: `once`, `deny` or another of the options. A str gives
            the same answer to everything. An `ApprovalDecided` is given as it is.
        question: what is asked about every call; "" asks only where that cannot be left out.
    """

    def __init__(
        self, answers: str | Iterable[str | ApprovalDecided] = "once", question: str = ""
    ) -> None:
        self._always = answers if isinstance(answers, str) else None
        self._answers = iter(() if isinstance(answers, str) else answers)
        self._question = question
        self.asked: list[tuple[ToolRequested, ApprovalRequested]] = []

    async def concern(self, request: ToolRequested) -> ApprovalRequested | None:
        """Return the question, if there is one."""
        if not self._question:
            return None
        return ApprovalRequested(call_id=request.call_id, question=self._question)

    async def review(self, request: ToolRequested, asked: ApprovalRequested) -> ApprovalDecided:
        """Return the next answer.

        Raises:
            AssertionError: there is none left.
        """
        self.asked.append((request, asked))
        answer = self._always or next(self._answers, None)
        if answer is None:
            raise AssertionError(f"no answer is left for call {request.call_id}: {asked.question}")
        if isinstance(answer, ApprovalDecided):
            return answer
        return ApprovalDecided(call_id=request.call_id, decision=answer)
