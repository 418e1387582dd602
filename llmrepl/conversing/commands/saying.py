"""Says what a command has to say."""

from __future__ import annotations

import sys

from llmrepl.compose import Assembly
from llmrepl.sanitise import clean


def say(text: str) -> None:
    """Write a line, or several."""
    sys.stdout.write(clean(text) + "\n")


def show(assembly: Assembly, text: str) -> None:
    """Say what somebody else wrote, and what may be secret."""
    say(assembly.redactor.redact(text))
