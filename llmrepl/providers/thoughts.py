"""Thoughts that a server gives as `reasoning_content`, and wants back with what they led to.

DeepSeek's and Moonshot's models refuse a history without them where tools are offered; other
services refuse the field. So a thought is sealed where it came so, and goes to no one else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from llmrepl.ports import ChatMessage
from llmrepl.providers.encoding import Encoded

FIELD = "reasoning_content"
SEAL = f"openai:{FIELD}"

NO_THOUGHT = " "
"""Stands for a thought that nobody had: Moonshot takes an empty one for none."""

_MISSING = re.compile(r"missing|must be (?:passed|provided|included)|requires?\b", re.IGNORECASE)


class Back(Enum):
    """Which thoughts go back: none, those that are sealed, or one with each answer."""

    NONE = "none"
    OWN = "own"
    ALL = "all"


def with_thought(encoded: Encoded, message: ChatMessage, back: Back) -> Encoded:
    """Return an encoded message with its thought, where that goes back."""
    if back is Back.NONE or message.role != "assistant" or not isinstance(encoded, Mapping):
        return encoded
    thought = "".join(one.text for one in message.thoughts if one.seal == SEAL)
    if back is Back.ALL:
        thought = thought or NO_THOUGHT
    return {**encoded, FIELD: thought} if thought else encoded


def wanted(refusal: str) -> Back | None:
    """Return what goes back to a server that has refused a request; None where that is not why.

    Args:
        refusal: the body of its answer.
    """
    if FIELD not in refusal:
        return None
    return Back.ALL if _MISSING.search(refusal) else Back.NONE
