"""How a chat looks: the theme that holds now, and everybody who draws with it.

A theme that is configured, or that the person chose, holds. Where it is left open, the terminal's
answer decides about it, whenever that comes; what is drawn already stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from prompt_toolkit.output import ColorDepth
from prompt_toolkit.shortcuts import PromptSession
from prompt_toolkit.styles import Style

AUTO = "auto"

_PLAIN = {
    "completion-menu": "bg:default fg:default",
    "completion-menu.completion.current": "bg:default fg:default reverse",
    "completion-menu.meta.completion": "bg:default fg:default",
    "completion-menu.meta.completion.current": "bg:default fg:default reverse",
    "scrollbar.background": "bg:default",
    "scrollbar.button": "bg:default reverse",
    "search": "bg:default fg:default reverse",
}
STYLES: Mapping[str, Mapping[str, str]] = {
    "light": {"auto-suggestion": "fg:ansibrightblack"},
    "contrast": {
        **_PLAIN,
        "completion-menu.completion": "bold",
        "completion-menu.completion.current": "bg:default fg:default bold reverse",
        "auto-suggestion": "fg:default underline",
    },
    "none": {**_PLAIN, "auto-suggestion": "fg:default italic"},
}
"""What the prompt looks like in a theme, where prompt-toolkit has it otherwise."""


class Look:
    """The theme of a chat.

    Args:
        configured: what `ui.theme` says; `auto` leaves it open.
    """

    def __init__(self, configured: str) -> None:
        self._open = configured == AUTO
        self._theme = configured
        self._followers: list[Callable[[str], object]] = []

    @property
    def theme(self) -> str:
        """The theme's name; setting it is the person's choice, which holds."""
        return self._theme

    @theme.setter
    def theme(self, name: str) -> None:
        self._open = False
        self.suppose(name)

    @property
    def open(self) -> bool:
        """Whether the terminal decides."""
        return self._open

    def suppose(self, name: str) -> None:
        """Go on with a theme until somebody knows better."""
        self._theme = name
        for take in self._followers:
            take(name)

    def told(self, theme: str) -> None:
        """Take what suits the terminal's background, if that is left open."""
        if self._open:
            self.suppose(theme)

    def follow(self, take: Callable[[str], object]) -> None:
        """Have `take` called with the theme: now, and whenever it is another."""
        self._followers.append(take)
        take(self._theme)


def dress(session: PromptSession[str], theme: str) -> None:
    """Give a prompt the colours of a theme."""
    session.style = _style(theme)
    session.color_depth = ColorDepth.DEPTH_1_BIT if theme == "none" else None


@cache
def _style(theme: str) -> Style | None:
    return Style.from_dict(dict(STYLES[theme])) if theme in STYLES else None
