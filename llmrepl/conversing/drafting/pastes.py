"""Large pastes: one line in the prompt stands for each, until the prompt is sent.

A placeholder that was changed is ordinary text, one that was deleted takes its paste along, and
what a paste holds is never looked at again.
"""

from __future__ import annotations

import re

MOST_CHARACTERS = 1000
MOST_LINES = 15
"""A paste that is longer, or has more lines, gets a placeholder."""

_PLACEHOLDER = re.compile(r"\[Pasted text #([1-9][0-9]{0,8}): [0-9]+ lines?\]")


class Pastes:
    """The large pastes of one chat, numbered from 1."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """Return what stands in the prompt for `text`: itself, or a placeholder where it is large.

        Args:
            text: what was pasted, with newlines as its line ends.
        """
        if len(text) <= MOST_CHARACTERS and _lines(text) <= MOST_LINES:
            return text
        from llmrepl.figures import counted

        count = _lines(text)
        number = len(self._texts) + 1
        placeholder = f"[Pasted text #{number}: {counted(count, 'line')}]"
        self._texts[placeholder] = text
        return placeholder

    def expand(self, text: str) -> str:
        """Return `text` with each placeholder replaced by what it stands for."""
        return _PLACEHOLDER.sub(lambda found: self._texts.get(found[0], found[0]), text)

    def split(self, text: str) -> list[tuple[str, bool]]:
        """Return `text` expanded, in pieces: each with whether it was pasted."""
        pieces = []
        at = 0
        for found in _PLACEHOLDER.finditer(text):
            pasted = self._texts.get(found[0])
            if pasted is not None:
                pieces += [(text[at : found.start()], False), (pasted, True)]
                at = found.end()
        return [*pieces, (text[at:], False)]


def _lines(text: str) -> int:
    """Return the number of lines; a line end at the end begins none."""
    return text.count("\n") + (not text.endswith("\n"))
