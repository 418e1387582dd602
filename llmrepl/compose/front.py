"""What commands show beyond lines of text; each front end has its own way with it.

Lines themselves are written to `sys.stdout`, which a front end puts its own stream in place of.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from llmrepl.compose.again import show_again
from llmrepl.compose.opening import Opened
from llmrepl.displays.opening import surface_for
from llmrepl.displays.views import Line, write
from llmrepl.sanitise import clean

View = Callable[[int], Sequence[Line]]
"""Returns styled lines for a width in cells."""


class Front(Protocol):
    """What a person sees and uses."""

    def draw(self, view: View) -> None:
        """Show styled lines."""
        ...

    async def read(self, text: str) -> None:
        """Show a text that may be long, and holds no secrets."""
        ...

    def clear(self) -> None:
        """Clear the screen."""
        ...

    def again(self, opened: Opened) -> None:
        """Show the end of a session that is gone on with."""
        ...


class Printing:
    """A front end that writes everything to stdout.

    Args:
        theme: returns the name of the theme that holds.
        display: the name of the display that shows sessions.
    """

    def __init__(self, theme: Callable[[], str], display: str) -> None:
        self._theme = theme
        self._display = display

    def draw(self, view: View) -> None:
        """Write styled lines."""
        surface = surface_for(sys.stdout, self._theme(), os.environ)
        write(surface.stream, view(surface.size()[0]), surface.theme)

    async def read(self, text: str) -> None:
        """Write a text."""
        sys.stdout.write(clean(text) + "\n")

    def clear(self) -> None:
        """Clear the screen."""
        sys.stdout.write("\x1b[H\x1b[2J")

    def again(self, opened: Opened) -> None:
        """Write the last turns of a session."""
        surface = surface_for(sys.stdout, self._theme(), os.environ)
        show_again(opened, self._display, surface)
