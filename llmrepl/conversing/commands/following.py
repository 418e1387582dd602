"""What the chat does after a command, where the command leads to something."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Following:
    """A `draft` that stands in the next prompt, or a `turn` to run, which returns why it ended."""

    draft: str = ""
    turn: Coroutine[Any, Any, str] | None = None
