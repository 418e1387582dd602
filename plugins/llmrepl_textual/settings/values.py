"""Settings as rows: their values, where these come from, and what a person should know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmrepl.cells import elided, fit
from llmrepl.config import Loaded
from llmrepl.config.kinds import ANY, HIDDEN
from llmrepl.config.loading import DEFAULT
from llmrepl.config.showing import NOT_SET, Row, known, show
from llmrepl.errors import ConfigError
from llmrepl_timeline.lines import Line, Span, wrap

PROJECT = {
    "free": "a project file may set it",
    "tighten": "a project file may only make it stricter",
    "inside": "a project file may only name a file in the project",
    "never": "no project file may set it",
}
WIDE = 90
"""Cells from which on sources are told in full."""


class Layers(NamedTuple):
    """What is in force: the rows, and the configuration that they are of."""

    rows: Sequence[Row]
    loaded: Loaded


def layers(loaded: Loaded, begun: Loaded, environ: Mapping[str, str]) -> Layers:
    """Return the settings as they hold with the flags that the chat began with.

    Args:
        loaded: what files and variables say now.
        begun: what held when the chat began.
        environ: the environment variables.
    """
    flags = {row.key: row for row in show(begun, environ) if is_flag(row.source)}
    now = [flags.pop(row.key, row) for row in show(loaded, environ)]
    return Layers((*now, *flags.values()), loaded)


def is_flag(source: str) -> bool:
    """Return whether a value comes from the command line."""
    return source.startswith(("--", "flag "))


def short(source: str, loaded: Loaded) -> str:
    """Return where a value comes from in a word or two: `your file:3`, `project file:2`."""
    file, _, number = source.rpartition(":")
    if number.isdecimal():
        if file == str(loaded.user_file):
            return f"your file:{number}"
        if file == str(loaded.project_file):
            return f"project file:{number}"
    return source


def fitting(rows: Sequence[Row], words: str, loaded: Loaded) -> list[Row]:
    """Return the rows that have all these words: in the key, the value or the source."""
    wanted = words.casefold().split()
    return [
        row
        for row in rows
        if all(
            word in f"{row.key} {row.text} {short(row.source, loaded)} {row.description}".casefold()
            for word in wanted
        )
    ]


def drawn(row: Row, loaded: Loaded, width: int) -> Line:
    """Return a setting as one line."""
    key_cells = 32 if width >= WIDE else max(20, width * 2 // 5)
    source = short(row.source, loaded)
    source = "" if source == DEFAULT else source
    source_cells = 28 if width >= WIDE else max(12, width // 4)
    room = max(4, width - key_cells - source_cells - 4)
    style = "dim" if row.text == NOT_SET else "" if row.source == DEFAULT else "strong"
    return (
        Span(f"{fit(row.key, key_cells)}  "),
        Span(fit(row.text, room), style),
        Span("  "),
        Span(elided(source, source_cells), "mark"),
    )


def about(row: Row, loaded: Loaded, width: int) -> list[Line]:
    """Return what there is to say of a setting: what it is, what it accepts, who may set it."""
    _, setting = known(row.key)
    default = NOT_SET if setting.default is None else setting.kind.write(setting.default)
    ways = [way for way in (setting.variable, setting.flag) if way]
    told = f"from {short(row.source, loaded)}" if row.source != DEFAULT else "by default"
    also = f" · also {', '.join(ways)}" if ways else ""
    return [
        *wrap([Span(row.description)], width),
        *wrap([Span(f"{told}{_beyond(row, loaded)}", "mark")], width),
        *wrap([Span(f"accepted: {setting.accepts} · default: {default}", "dim")], width),
        *wrap([Span(f"{PROJECT[setting.project]}{also}", "dim")], width),
    ]


def _beyond(row: Row, loaded: Loaded) -> str:
    """Return why one's own file does not decide; empty where it does."""
    source = short(row.source, loaded)
    if source == DEFAULT or source.startswith("your file:"):
        return ""
    return ", which stands above your own file"


def overruled(row: Row, loaded: Loaded) -> str:
    """Return what still counts after a change of one's own file; empty where that does."""
    if not _beyond(row, loaded):
        return ""
    return f"{row.source} says {row.text}, and that counts here"


def editable(row: Row) -> str:
    """Return a value as a person types it.

    Raises:
        ConfigError: it is secret, or no line can hold it.
    """
    import tomllib

    _, setting = known(row.key)
    if setting.kind in HIDDEN:
        raise ConfigError(
            f"{row.key} is secret, and is not shown or typed here",
            hint="`llmrepl config set-key PROVIDER` keeps a key in the system's keyring",
        )
    if row.text == NOT_SET:
        return ""
    value = tomllib.loads(f"value = {row.text}")["value"]
    if setting.kind is ANY or not isinstance(value, str | list):
        return row.text
    if isinstance(value, str):
        return value
    for separator in (", ", ":"):
        text = separator.join(map(str, value))
        if setting.kind.read(text) == value:
            return text
    raise ConfigError(
        f"{row.key} is {row.text}, which no single line can hold",
        hint="`llmrepl config edit` opens the file in your editor",
    )
