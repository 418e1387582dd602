"""The timeline's themes on Textual: the same names, and the terminal's own colours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from rich.style import Style
from textual.theme import Theme

from llmrepl.displays.views import THEMES as VIEWS
from llmrepl_timeline.themes import THEMES

COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
SHAPES = {"1": "bold", "2": "dim", "3": "italic", "4": "underline", "7": "reverse", "9": "strike"}
FIRST = {30: ("color", ""), 90: ("color", "bright_"), 40: ("bgcolor", "")}
"""Where the SGR codes of eight colours begin, and what they colour."""

CODES: Mapping[str, tuple[str, str]] = {
    str(first + at): (what, lead + colour)
    for first, (what, lead) in FIRST.items()
    for at, colour in enumerate(COLOURS)
}
DEFAULT = "ansi_default"
VIEW = "view."
"""What a style's name begins with that is one of `llmrepl.displays.views`."""


def _theme(name: str, *, dark: bool, **colours: str) -> Theme:
    """Return a theme that leaves the background to the terminal."""
    plain = dict.fromkeys(("foreground", "background", "surface", "panel", "boost"), DEFAULT)
    named: Mapping[str, Any] = {**plain, **colours}
    contrast = "ansi_white" if dark else "ansi_black"
    behind = "ansi_black" if dark else "ansi_bright_white"
    return Theme(
        name=name,
        dark=dark,
        ansi=True,
        variables={
            "ansi-background": behind,
            "ansi-foreground": contrast,
            "block-cursor-foreground": behind,
            "block-cursor-background": contrast,
            "input-cursor-background": contrast,
            "input-cursor-foreground": behind,
            "input-cursor-text-style": "none",
            "input-selection-background": colours["primary"],
            "input-selection-foreground": behind,
            "screen-selection-background": colours["primary"],
            "screen-selection-foreground": behind,
            "scrollbar-background": DEFAULT,
        },
        **named,
    )


def _colours(primary: str, accent: str, warning: str, error: str, success: str) -> dict[str, str]:
    names = ("primary", "secondary", "accent", "warning", "error", "success")
    return {
        name: f"ansi_{colour}"
        for name, colour in zip(
            names, (primary, primary, accent, warning, error, success), strict=True
        )
    }


TEXTUAL: Mapping[str, Theme] = {
    "dark": _theme("dark", dark=True, **_colours("cyan", "cyan", "yellow", "red", "green")),
    "light": _theme("light", dark=False, **_colours("blue", "blue", "magenta", "red", "green")),
    "contrast": _theme(
        "contrast",
        dark=True,
        **_colours("bright_white", "bright_white", "bright_yellow", "bright_red", "bright_green"),
    ),
    "none": _theme("none", dark=True, **_colours("white", "white", "white", "white", "white")),
}
"""The app's themes, by the names of `llmrepl_timeline.themes.THEMES`."""


@cache
def style_of(theme: str, names: str) -> Style:
    """Return what a span's style looks like in a theme.

    Args:
        theme: a name in `TEXTUAL`.
        names: names of the theme's styles with spaces between.
    """
    table = THEMES.get(theme, THEMES["dark"])
    views = VIEWS.get(theme, VIEWS["dark"])
    found = (
        views.get(name[len(VIEW) :], "") if name.startswith(VIEW) else table.get(name, "")
        for name in names.split()
    )
    codes = ";".join(filter(None, found))
    return sgr(codes)


@cache
def sgr(codes: str) -> Style:
    """Return the style that SGR codes mean."""
    shapes: dict[str, Any] = {}
    for code in codes.split(";"):
        if code in SHAPES:
            shapes[SHAPES[code]] = True
        elif code in CODES:
            what, colour = CODES[code]
            shapes[what] = colour
    return Style(**shapes)
