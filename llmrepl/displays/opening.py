"""Opens a display by its name: one of the table, or a plugin's.

A plugin's entry point in the group `llmrepl.displays` names what is called with a
`llmrepl.ports.Surface` and returns a `llmrepl.ports.Display`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, TextIO, cast

from llmrepl.errors import ConfigError, LlmreplError, PluginError
from llmrepl.ports import Display, Surface

GROUP = "llmrepl.displays"
BUILT_IN = {
    "plain": ("llmrepl.displays.plain", "PlainDisplay"),
    "json": ("llmrepl.displays.json_lines", "JsonLines"),
}
"""Displays that need no plugin, by name."""

AUTO = "auto"
LINKING = ("VTE_VERSION", "KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "ALACRITTY_WINDOW_ID")
LINKING_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper"})
"""Terminals that show links, by a variable they set and by their name in TERM_PROGRAM."""

LIGHTEST = "7"
"""What COLORFGBG ends with, or a later one, where the background is light."""


READING = ("ACCESSIBLE", "EMACSPEAK_DIR")
"""Variables that are set where what is on the screen is read out."""


def surface_for(
    stream: TextIO, theme: str, environ: Mapping[str, str], *, words: bool = False
) -> Surface:
    """Return what a display draws on: `stream`, as far as it and the environment allow.

    Args:
        stream: where to write.
        theme: the theme that is configured; `auto` goes by what the terminal says.
        environ: the environment variables.
        words: whether signs are to be words, though no variable tells of a screen reader.
    """
    able = stream.isatty() and environ.get("TERM") != "dumb"
    words = stream.isatty() and (words or any(map(environ.get, READING)))
    if not able or environ.get("NO_COLOR"):
        theme = "none"
    elif theme == AUTO:
        background = environ.get("COLORFGBG", "").rpartition(";")[2]
        theme = "light" if background in (LIGHTEST, "15") else "dark"
    live = able and not words
    links = live and (
        any(environ.get(name) for name in LINKING)
        or environ.get("TERM_PROGRAM") in LINKING_PROGRAMS
    )
    return Surface(
        stream=stream,
        live=live,
        links=links and "TMUX" not in environ,
        theme=theme,
        words=words,
        size=lambda: _size(stream, environ),
    )


def _size(stream: TextIO, environ: Mapping[str, str]) -> tuple[int, int]:
    """Return columns and rows: COLUMNS and LINES where they are set, else what the terminal has."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        size = os.terminal_size((0, 0))
    columns, rows = (environ.get(name, "") for name in ("COLUMNS", "LINES"))
    return (
        int(columns) if columns.isdecimal() and int(columns) else size.columns or 80,
        int(rows) if rows.isdecimal() and int(rows) else size.lines or 24,
    )


def open_display(name: str, surface: Surface, *, saved: bool = False) -> Display:
    """Return the display called `name`.

    Args:
        name: a row of `BUILT_IN`, an installed plugin's entry point, or `auto`: the timeline in a
            terminal that can redraw its lines, or in words, else the plain display.
        surface: what it draws on.
        saved: whether it will show what is over, so that nothing has to be redrawn.

    Raises:
        ConfigError: there is no such display.
        PluginError: the plugin behind the name could not be loaded.
    """
    if name == AUTO:
        name = "timeline" if surface.live or surface.words else "plain"
    if saved:
        surface = replace(surface, live=False)
    if name in BUILT_IN:
        module, attribute = BUILT_IN[name]
        return cast("Display", getattr(import_module(module), attribute)(surface))
    make = _from_plugin(name)
    try:
        return cast("Display", make(surface))
    except LlmreplError:
        raise
    except Exception as error:
        raise PluginError(f"the display {name} could not be opened: {error!r}") from error


def _from_plugin(name: str) -> Callable[..., Any]:
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP)
    if name not in found.names:
        known = sorted({AUTO, *BUILT_IN, *found.names})
        raise ConfigError(f"there is no display {name!r}", hint=f"there are: {', '.join(known)}")
    entry = found[name]
    try:
        return cast("Callable[..., Any]", entry.load())
    except Exception as error:
        raise PluginError(
            f"the display {name} could not be loaded from {entry.value}: {error!r}",
            hint="update or remove the package that brings it",
        ) from error
