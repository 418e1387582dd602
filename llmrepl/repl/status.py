"""The status line below the prompt: what a view draws of how the chat stands now.

Before everything is loaded it is a word. Nothing is imported here before then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.formatted_text import StyleAndTextTuples

if TYPE_CHECKING:
    from llmrepl.compose import Assembly
    from llmrepl.standing import Standing

STYLES = {
    "strong": "bold",
    "warn": "fg:ansiyellow",
    "hot": "bold fg:ansiyellow",
    "bad": "bold fg:ansired",
    "alarm": "noreverse bg:ansired fg:ansiwhite",
}
"""What a fragment's style looks like on the line, which is drawn in reverse."""

THEMES: Mapping[str, Mapping[str, str]] = {
    "contrast": {
        **dict.fromkeys(("strong", "warn"), "bold"),
        **dict.fromkeys(("hot", "bad"), "bold underline"),
        "alarm": "bold noreverse bg:ansired fg:ansiwhite",
    },
    "none": {},
}
"""The same in themes that differ."""

PATIENCE = 0.25
"""Seconds between two looks at what is being found out in the background."""

LOOKS = 80
"""How often it is looked at, until it is no longer waited for."""


class StatusLine:
    """The line as prompt-toolkit asks for it, at each redraw.

    Args:
        refresh: has the prompt drawn anew.
    """

    def __init__(self, refresh: Callable[[], object]) -> None:
        self._refresh = refresh
        self._text = "starting"
        self._assembly: Assembly | None = None
        self._watching: asyncio.Task[None] | None = None
        self._drawn: tuple[Standing, int, str, StyleAndTextTuples] | None = None

    def line(self) -> StyleAndTextTuples:
        """Return the line for now and for the width there is."""
        if self._assembly is None:
            return [("", self._text)]
        from llmrepl.compose.standing import standing_of

        standing, width = standing_of(self._assembly), get_app().output.get_size().columns
        theme = self._assembly.look.theme
        if self._drawn is None or self._drawn[:3] != (standing, width, theme):
            drawn = self._assembly.views.line(standing, width)
            styles = THEMES.get(theme, STYLES)
            line: StyleAndTextTuples = [(styles.get(style, ""), text) for style, text in drawn]
            self._drawn = (standing, width, theme, line)
        return self._drawn[3]

    def say(self, text: str) -> None:
        """Show `text` until there is more to show."""
        self._text = text
        self._refresh()

    def follow(self, assembly: Assembly) -> None:
        """Show how `assembly` stands from now on, and what is still being found out as it comes."""
        self._assembly = assembly
        self._refresh()
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._watch(assembly))

    async def _watch(self, assembly: Assembly) -> None:
        for _ in range(LOOKS):
            if not _pending(assembly):
                break
            await asyncio.sleep(PATIENCE)
            self._refresh()
        _tell_problems(assembly)


def _pending(assembly: Assembly) -> bool:
    """Return whether the background may still find out what the line tells."""
    warming = assembly.warming is not None and not assembly.warming.done()
    counting = not (assembly.meter.tokens.exact and assembly.counting.near)
    return warming or counting or assembly.context_size.asking


def _tell_problems(assembly: Assembly) -> None:
    """Let it happen that views failed, so that every display tells of it."""
    from llmrepl.errors import SessionError
    from llmrepl.events import ErrorRaised

    problems = assembly.views.problems
    while problems:
        error = problems.pop()
        with suppress(SessionError):  # the turn that cannot be written says so
            assembly.runtime.record(
                ErrorRaised(kind=error.kind, message=error.message, hint=error.hint)
            )
