"""What the messages of a request say: the question, what it has led to so far, and what was before.

The assistant keeps nothing between requests, so everything it knows is derived here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmrepl.ports import ChatMessage
from llmrepl.providers.demo.results import Result, is_results, parse_results, said

LONGEST_QUESTION = 100_000
"""Characters of a question that are kept: pasted code, data and numbers may be long."""

LONGEST_ASK = 1_500
"""Characters of a question that patterns are searched in."""

_POLITE = re.compile(
    r"(?:(?:hello|hi|hey)(?:\s+there)?[,.!]\s+"
    r"|(?:please|kindly|ok|okay|so|(?:can|could|would|will) you|i(?:'d| would) like you to"
    r"|i want you to|tell me|let's)[,:]?\s+)+",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"(?:[\s?.,]|(?<![\d)])!|\b(?:please|thanks|thank you)\b)*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn that is to be answered.

    Attributes:
        question: what the person wrote.
        results: what each block sent since then gave, in order.
        earlier: the person's questions before this one, newest first.
    """

    question: str = ""
    results: tuple[Result, ...] = ()
    earlier: tuple[str, ...] = ()

    @property
    def ask(self) -> str:
        """The question without courtesies and closing punctuation."""
        return tidy(self.question)


def turn_of(messages: Sequence[ChatMessage]) -> Turn:
    """Return the turn that `messages` end in."""
    results: list[Result] = []
    asked: list[str] = []
    for message in reversed(messages):
        if message.role != "user":
            continue
        if not is_results(message.text):
            asked.append(said(message.text)[:LONGEST_QUESTION])
        elif not asked:
            results = parse_results(message.text)[:1] + results
    return Turn(asked[0] if asked else "", tuple(results), tuple(asked[1:]))


def tidy(question: str) -> str:
    """Return a question without courtesies and closing punctuation."""
    asked = question[:LONGEST_ASK].strip()
    if opening := _POLITE.match(asked):
        asked = asked[opening.end() :]
    return asked[: _closing(asked)] or asked.strip(" ?!.,")


def _closing(text: str) -> int:
    """Return where the closing courtesies begin; looks at the last words only."""
    start = max(0, len(text) - 60)
    match = _CLOSING.search(text, start)
    return match.start() if match else len(text)
