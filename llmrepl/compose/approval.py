"""Whether a call may run: what the rules say, and who answers where they say nothing.

Where blocks can harm nothing and there are no rules, nothing is looked at: that is the usual case.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from llmrepl.compose.widened import Places, Widened
from llmrepl.errors import ConfigError
from llmrepl.events import ApprovalDecided, ApprovalRequested, ToolRequested
from llmrepl.loop import AMBIGUOUS

if TYPE_CHECKING:
    from llmrepl.approvals.judging import Verdict
    from llmrepl.approvals.matching import Ground
    from llmrepl.approvals.review import Review
    from llmrepl.approvals.reviewer import Reviewer
    from llmrepl.approvals.rules import Rule
    from llmrepl.compose.rulebook import Rulebook


class Person(Protocol):
    """Who is asked. An `edit` of theirs is asked about again, as what it has become."""

    async def review(self, request: ToolRequested, asked: ApprovalRequested) -> ApprovalDecided:
        """Return the answer to what was asked about the call."""
        ...


class Refuser:
    """Answers no.

    Args:
        reason: goes to the model and the log.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def review(self, request: ToolRequested, asked: ApprovalRequested) -> ApprovalDecided:  # noqa: ARG002 - the protocol's signature
        """Return a no."""
        return ApprovalDecided(
            call_id=request.call_id, decision="deny", by="mode", reason=self._reason
        )


class Gate:
    """Implements `llmrepl.ports.Approver`.

    Args:
        mode: ask, auto or deny.
        person: who is asked; None where there is nobody.
        widened: what blocks may do.
        places: where rules are kept.

    Raises:
        ConfigError: there are rules that cannot be read.
    """

    def __init__(self, mode: str, person: Person | None, widened: Widened, places: Places) -> None:
        self._mode = mode
        self._widened = widened
        self._places = places
        self._answers = person or Refuser("there is no person to ask, and no rule allows it")
        if mode == "deny":
            self._answers = Refuser("the approval mode is deny")
        self._book: Rulebook | None = None
        self._reviewer: Reviewer | None = None
        self._moved = False
        if places.project_rules or places.rules.exists():
            self.book  # noqa: B018 - what is wrong with it is told at the start

    @property
    def book(self) -> Rulebook:
        """The rules."""
        if self._book is None:
            from llmrepl.compose.rulebook import Rulebook

            self._book = Rulebook(self._places.rules, self._places.project_rules)
        return self._book

    def warm(self) -> None:
        """Start what the first review would wait for, if there will be one; blocks meanwhile."""
        if self._rules or self._widened:
            self._reader().warm()

    def close(self) -> None:
        """End what was started. May be called twice."""
        if self._reviewer is not None:
            self._reviewer.close()

    async def concern(self, request: ToolRequested) -> ApprovalRequested | ApprovalDecided | None:
        """Return what has to be answered before the call may run, a rule's decision, or None."""
        concern = None
        if self._rules or self._widened or request.ambiguous:
            concern = await self._concern(request)
        self._follow(request)
        return concern

    async def review(self, request: ToolRequested, asked: ApprovalRequested) -> ApprovalDecided:
        """Return the person's answer, and keep the rules that are part of it."""
        edited = request
        while True:
            decided = await self._answers.review(edited, asked)
            if decided.decision != "edit":
                break
            edited = replace(edited, arguments=decided.arguments, ambiguous=False)
            concern = await self._concern(edited, "this is what you made of it")
            if isinstance(concern, ApprovalDecided):
                return concern
            assert concern is not None
            asked = concern
            self._follow(edited)
        if edited is not request:
            decided = replace(decided, arguments=edited.arguments)
        return self._kept(decided)

    async def _concern(
        self, request: ToolRequested, otherwise: str = ""
    ) -> ApprovalRequested | ApprovalDecided | None:
        """Return what stands against the call; `otherwise` is asked where nothing does."""
        from llmrepl.approvals.judging import judge

        review = await self._reader().review(request)
        verdict = judge(
            self._rules, review, self._ground, self._widened.matter(self._places.project)
        )
        said = tuple(map(str, verdict.rules))
        if verdict.effect == "deny":
            reason = f"the rule “{said[0]}” forbids it" + _because(verdict)
            return ApprovalDecided(
                call_id=request.call_id, decision="deny", by="rule", rules=said, reason=reason
            )
        question = self._question(request, verdict) or otherwise
        if question:
            return self._asked(request, review, verdict, question)
        if said:
            return ApprovalDecided(call_id=request.call_id, decision="once", by="rule", rules=said)
        return None

    def _question(self, request: ToolRequested, verdict: Verdict) -> str:
        """Return what a person must be asked, "" where there is nothing."""
        if request.ambiguous:
            return AMBIGUOUS
        if verdict.rules and verdict.effect == "ask":
            return f"the rule “{verdict.rules[0]}” is about it" + _because(verdict)
        if self._widened.unsandboxed and verdict.open:
            return "there is no sandbox around it"
        if verdict.open and self._mode != "auto":
            kinds = {touch.kind for touch in verdict.open}
            told = [words for kind, words in _USES.items() if kind in kinds]
            return f"no rule allows that it {' and '.join(told)}"
        return ""

    def _asked(
        self, request: ToolRequested, review: Review, verdict: Verdict, question: str
    ) -> ApprovalRequested:
        from llmrepl.approvals.suggesting import suggested

        rules: list[Rule] = []
        if verdict.open and not request.ambiguous:
            exactly = self._widened.unsandboxed
            rules = suggested(verdict.open, review.language, self._ground, exactly=exactly)
        dangers = review.dangers()
        return ApprovalRequested(
            call_id=request.call_id,
            question=question,
            options=WITH_RULES if rules else ONE_BY_ONE,
            dangers=dangers,
            touches=tuple(said for said in review.sentences() if said not in dangers),
            rules=tuple(map(str, rules)),
        )

    def _kept(self, decided: ApprovalDecided) -> ApprovalDecided:
        """Add the rules of an answer to the book."""
        from llmrepl.approvals.rules import parse_rule

        rules = [parse_rule(text) for text in decided.rules]
        try:
            for rule in rules:
                self.book.add(rule, always=decided.decision != "session")
        except ConfigError as error:
            for rule in rules:
                self.book.add(rule, always=False)
            why = f"kept for this session alone, since llmrepl {error.message}"
            reason = "; ".join(filter(None, (decided.reason, why)))
            return replace(decided, reason=reason)
        return decided

    def _follow(self, request: ToolRequested) -> None:
        """Note that blocks may be in another directory after this call."""
        moves = _MOVES.get(request.language)
        if not self._moved and moves is not None:
            self._moved = bool(moves.search(str(request.arguments.get("code"))))

    @property
    def _ground(self) -> Ground:
        from llmrepl.approvals.matching import Ground

        return Ground(str(self._places.project), str(self._places.home), self._moved)

    @property
    def _rules(self) -> tuple[Rule, ...]:
        return self._book.rules if self._book is not None else ()

    def _reader(self) -> Reviewer:
        if self._reviewer is None:
            from llmrepl.approvals.reviewer import Reviewer

            self._reviewer = Reviewer()
        return self._reviewer


WITH_RULES = ("once", "session", "always", "never", "edit", "deny")
ONE_BY_ONE = ("once", "edit", "deny")
"""The options where no rule could change that somebody is asked."""

_MOVES = {
    "python": re.compile(r"\b(?:f?chdir|getattr|exec|eval)\b"),
    "bash": re.compile(r"\b(?:cd|pushd|popd|eval|source)\b|(?:^|[;&|])\s*\.\s", re.MULTILINE),
}
"""What may leave blocks in another directory than the project's."""

_USES = {
    "delete": "deletes files",
    "write": "writes files",
    "network": "uses the network",
    "execute": "starts programs that may do anything",
    "unknown": "does what cannot be told",
}


def _because(verdict: Verdict) -> str:
    return f": it {verdict.why}" if verdict.why else ""
