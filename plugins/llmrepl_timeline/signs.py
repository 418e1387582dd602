"""The signs that a block is set off by, and the words that stand for them where signs are read out.

Only what the timeline adds itself goes through here: the text of others stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands before the lines of a block, and what parts of a line are called.

    `under` is for the lines of a prompt after its first, `within` for those of a result's end.
    `replaced` turns a sign within a line into words.
    """

    prompt: str = "❯ "
    call: str = "╭─ "
    code: str = "│ "
    spent: str = "├─ "
    result: str = "╰─ "
    under: str = "  "
    within: str = "   "
    cognition: str = "◇ "
    item: str = "·"
    ok: str = "✓"
    bad: str = "✗"
    warn: str = "!"
    unknown: str = "?"
    replaced: Mapping[str, str] | None = None

    def told(self, text: str) -> str:
        """Return a line of the timeline's own as it is shown."""
        for sign, words in (self.replaced or {}).items():
            text = text.replace(sign, words)
        return text


SIGNS = Signs()

WORDS = Signs(
    prompt="You: ",
    call="Block: ",
    code="  ",
    spent="Message: ",
    result="Result: ",
    under="  ",
    within="  ",
    cognition="Decided: ",
    item="-",
    ok="",
    bad="",
    warn="Warning:",
    unknown="",
    replaced={
        "↑ ": "sent ",
        "↓ ": "received ",
        " → ": " to ",
        " · ": ", ",
        "… ": "",
        "~": "about ",
    },
)
"""For screen readers, which read a box drawing character by character."""
