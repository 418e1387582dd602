"""Reads each layer of the configuration into entries: a checked value and where it came from.

A layer knows nothing of the others; what overrides what, and what a project may not loosen, is
decided where they are put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from llmrepl.config import kinds
from llmrepl.config.keys import TREE, child, nearest, path_of
from llmrepl.config.kinds import Unaccepted, describe, dotted, refused
from llmrepl.config.settings import SETTINGS, Layer, Setting
from llmrepl.errors import ConfigError

if TYPE_CHECKING:
    from llmrepl.config.locate import Places


class Entry(NamedTuple):
    """One value of one layer. `source` is `file:line`, the variable or the flag."""

    path: tuple[str, ...]
    setting: Setting
    value: Any
    source: str
    layer: Layer


class Folders(NamedTuple):
    """What relative paths are relative to: `here` for flags and variables, `home` for `~`."""

    here: Path
    home: Path


def file_entries(file: Path, layer: Layer, folders: Folders) -> list[Entry]:
    """Return the entries of a configuration file; none where there is no such file.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or holds what is not accepted; the
            message names file, line and key.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise ConfigError(f"cannot read {file}: {exc.strerror}") from exc
    from llmrepl.config.locate import locate

    document, text = parse_toml(content, file)
    places = locate(text)
    found = []
    for path, setting, value in _leaves(document, TREE, (), file, places):
        where = f"{file}:{places.line(path)}"
        # A person's `sandbox.write = ["."]` is wherever the person is, and never the folder of
        # the configuration; everything else in a file is relative to the file.
        here = folders.here if layer == "user file" and setting.kind is kinds.PATHS else file.parent
        found.append(entry(path, setting, value, where, layer, Folders(here, folders.home)))
    return found


def variable_entries(environ: Mapping[str, str], folders: Folders) -> tuple[list[Entry], list[str]]:
    """Return the entries of the `LLMREPL_` variables, and a warning about each unknown one.

    An empty variable counts as not set. An unknown one may belong to another program.
    """
    found = []
    known = set()
    for setting in SETTINGS:
        variable = setting.variable
        known.add(variable)
        if variable and (text := environ.get(variable, "").strip()):
            path, value = tuple(setting.key.split(".")), setting.kind.read(text)
            found.append(entry(path, setting, value, variable, "environment", folders))
    return found, [
        _unknown_variable(name, known)
        for name in sorted(environ)
        if name.startswith("LLMREPL_") and name not in known
    ]


def flag_entries(flags: Mapping[str, Any], folders: Folders) -> list[Entry]:
    """Return the entries of the flags, by dotted key; None and an empty list are not given."""
    found = []
    for key, value in flags.items():
        known = path_of(key)
        if known is None:
            raise unknown("flags", key, TREE)
        if value is None or value in ((), []):
            continue
        path, setting = known
        read = setting.kind.read(value) if isinstance(value, str) else value
        found.append(entry(path, setting, read, setting.flag or f"flag {key}", "flag", folders))
    return found


def parse_toml(content: bytes, file: Path) -> tuple[dict[str, Any], str]:
    """Return a TOML file's data, fractions as Decimal, and its text.

    Raises:
        ConfigError: it is not TOML; the message names file and line.
    """
    import tomllib

    try:
        text = content.decode()
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise ConfigError(f"{file}:{line}: it is not UTF-8 text", hint="save it as UTF-8") from None
    try:
        return tomllib.loads(text, parse_float=Decimal), text
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        match = re.search(r"^(.*) \(at line (\d+), column \d+\)$", str(exc))
        line = int(match[2]) if match else text.count("\n") + 1
        reason = match[1] if match else str(exc)
        raise ConfigError(
            f"{file}:{line}: it is not TOML: {reason}",
            hint='accepted: lines like `model = "groq/llama-3.3-70b-versatile"`; see toml.io',
        ) from None


def entry(
    path: tuple[str, ...], setting: Setting, value: Any, source: str, layer: Layer, folders: Folders
) -> Entry:
    """Return the entry for what a TOML file holds, or would hold.

    Raises:
        ConfigError: the value is not accepted, or not from this layer.
    """
    try:
        parsed = setting.parse(value)
    except Unaccepted as exc:
        found = describe(value, hidden=setting.kind in kinds.HIDDEN)
        raise refused(source, dotted(path), found, setting.accepts, str(exc)) from None
    layers = setting.only.get(parsed, (layer,)) if setting.only else (layer,)
    if layer not in layers:
        raise ConfigError(
            f"{source}: {dotted(path)} is {describe(parsed)}, which {_WHO[layer]} cannot choose:"
            " a person's own word alone weakens the sandbox",
            hint=f"accepted from: {', '.join(layers)}"
            + (f" ({setting.flag})" if setting.flag else ""),
        )
    if setting.kind is kinds.PATH:
        parsed = _placed(parsed, folders)
    elif setting.kind is kinds.PATHS:
        parsed = tuple(_placed(item, folders) for item in parsed)
    return Entry(path, setting, parsed, source, layer)


def unknown(where: str, key: str, node: Mapping[str, Any]) -> ConfigError:
    """Return the error for a key that no setting has; `node` is the table it stands in."""
    names = ", ".join("any name" if name == "*" else name for name in node)
    meant = nearest(key)
    return ConfigError(
        f"{where}: unknown key {key}",
        hint=f"did you mean {meant}?" if meant else f"accepted here: {names}",
    )


def _leaves(
    table: Mapping[str, Any],
    node: Mapping[str, Any],
    above: tuple[str, ...],
    file: Path,
    places: Places,
) -> Iterator[tuple[tuple[str, ...], Setting, Any]]:
    for name, value in table.items():
        path = (*above, name)
        below = child(node, name)
        where = f"{file}:{places.line(path)}"
        if below is None:
            raise unknown(where, dotted(path), node)
        if isinstance(below, Setting):
            yield path, below, value
        elif isinstance(value, dict):
            yield from _leaves(value, below, path, file, places)
        else:
            keys = ", ".join("any name" if key == "*" else key for key in below)
            raise refused(where, dotted(path), describe(value), f"a table with the keys {keys}")


_WHO: Mapping[Layer, str] = {
    "user file": "a user file",
    "project file": "a project file",
    "environment": "a variable",
    "flag": "a flag",
}


def _placed(path: Path, folders: Folders) -> Path:
    if path.parts[:1] == ("~",):
        return folders.home.joinpath(*path.parts[1:])
    return folders.here / path


def _unknown_variable(name: str, known: set[str]) -> str:
    import difflib  # only a mistyped variable needs it

    close = difflib.get_close_matches(name, known, 1, 0.75)
    return f"{name} is set, but is no setting" + (f"; did you mean {close[0]}?" if close else "")
