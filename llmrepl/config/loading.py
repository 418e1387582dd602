"""Puts the layers together: defaults < user file < project file < environment < flags.

The same arguments and files always give the same configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from llmrepl.config import kinds
from llmrepl.config.actions import keys_of, shared
from llmrepl.config.kinds import dotted
from llmrepl.config.layers import Entry, Folders, file_entries, flag_entries, variable_entries
from llmrepl.config.paths import USER_FILE, config_directory, data_directory, home, project_file
from llmrepl.config.settings import SETTINGS
from llmrepl.config.strictness import checked
from llmrepl.config.tree import Config, build
from llmrepl.errors import ConfigError

DEFAULT = "default"

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


class Loaded(NamedTuple):
    """A configuration and how it came about.

    `sources` says of each dotted key where its value is from: `default`, `file:line`, a variable
    or a flag. `values` are the values by the parts of their keys. `warnings` are for the person.
    """

    config: Config
    sources: Mapping[str, str]
    warnings: tuple[str, ...]
    values: Mapping[tuple[str, ...], Any]
    user_file: Path
    project_file: Path | None


def load(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    cwd: Path,
    *,
    user_file: Path | None = None,
) -> Loaded:
    """Return the configuration that is in force.

    Args:
        flags: what the command line gave, by dotted key (`limits.turn_seconds` for `--timeout`);
            None and an empty list count as not given.
        environ: the environment variables.
        cwd: the current folder, absolute.
        user_file: the person's file; None for the usual one. It need not exist.

    Raises:
        ConfigError: something is not accepted; the message says what and where, the hint what
            would be.
    """
    folders = Folders(cwd, home(environ))
    user_file = user_file or config_directory(environ) / USER_FILE
    project = project_file(cwd, folders.home)
    state: dict[tuple[str, ...], Entry] = {}
    values: dict[tuple[str, ...], Any] = {
        tuple(setting.key.split(".")): setting.default
        for setting in SETTINGS
        if "<" not in setting.key
    }
    values["sessions", "directory"] = data_directory(environ) / "sessions"

    def put(entries: list[Entry]) -> None:
        for entry in entries:
            state[entry.path] = entry
            values[entry.path] = entry.value

    put(file_entries(user_file, "user file", folders))
    if project is not None:
        root = project.parent
        put(
            [
                checked(entry, values.get(entry.path), root)
                for entry in file_entries(project, "project file", folders)
            ]
        )
    variables, warnings = variable_entries(environ, folders)
    put(variables)
    put(flag_entries(flags, folders))
    warnings += _drop_half_prices(state, values)
    warnings += _exposed_keys(user_file, state)
    warnings += _named_secrets(state)
    warnings += _clamp_timeout(state, values)
    _refuse_shared_keys(state, values)
    sources = {dotted(path): state[path].source if path in state else DEFAULT for path in values}
    return Loaded(
        build(values),
        MappingProxyType(sources),
        tuple(warnings),
        MappingProxyType(values),
        user_file,
        project,
    )


def _drop_half_prices(
    state: Mapping[tuple[str, ...], Entry], values: dict[tuple[str, ...], Any]
) -> list[str]:
    """Leave out prices without an input or an output part: no cost is better than a wrong one."""
    warnings = []
    for table in dict.fromkeys(path[:2] for path in state if path[0] == "prices"):
        missing = [part for part in ("input", "output") if (*table, part) not in state]
        if missing:
            source = next(entry.source for path, entry in state.items() if path[:2] == table)
            needs = " and no ".join(missing)
            warnings.append(f"{source}: {dotted(table)} has no {needs} price, so it is not used")
            for path in [path for path in values if path[:2] == table]:
                del values[path]
    return warnings


def _refuse_shared_keys(
    state: Mapping[tuple[str, ...], Entry], values: Mapping[tuple[str, ...], Any]
) -> None:
    """Raise ConfigError where a key would do two things."""
    chosen = {path[1]: entry for path, entry in state.items() if path[0] == "keys"}
    if not chosen:
        return
    mode = values["ui", "editing_mode"]
    bound = keys_of(mode, {name: entry.value for name, entry in chosen.items()})
    for key, *both in shared(bound):
        name, other = both if both[0] in chosen else reversed(both)
        if other in chosen:
            whose = f"keys.{other} at {chosen[other].source}"
        else:
            whose = f"keys.{other} by default in {mode} mode"
        raise ConfigError(
            f"{chosen[name].source}: keys.{name} is {key}, which is {whose}",
            hint=f"accepted: another key, or {key} where keys.{other} has another or [] for none",
        )


def _exposed_keys(user_file: Path, state: Mapping[tuple[str, ...], Entry]) -> list[str]:
    keys = [
        entry
        for entry in state.values()
        if entry.setting.kind in kinds.HIDDEN and entry.layer == "user file"
    ]
    if not keys or not (mode := user_file.stat().st_mode & 0o777) & 0o077:
        return []
    return [
        f"{entry.source}: {dotted(entry.path)} is secret, in a file of mode {mode:04o}, which"
        f" others can open; `chmod 600 {user_file}` mends it"
        for entry in keys
    ]


def _named_secrets(state: Mapping[tuple[str, ...], Entry]) -> list[str]:
    entry = state.get(("sandbox", "env"))
    if entry is None:
        return []
    return [
        f"{entry.source}: blocks will see {name}, which looks like a secret"
        for name in entry.value
        if any(word in name.upper() for word in _SECRET_WORDS)
    ]


def _clamp_timeout(
    state: Mapping[tuple[str, ...], Entry], values: dict[tuple[str, ...], Any]
) -> list[str]:
    """Hold `sandbox.timeout` at its maximum; say so where somebody asked for more."""
    path = ("sandbox", "timeout")
    wanted, most = values[path], values["sandbox", "timeout_max"]
    if wanted <= most:
        return []
    values[path] = most
    if path not in state:
        return []
    source = state[path].source
    return [f"{source}: sandbox.timeout is {wanted:g} s; sandbox.timeout_max, {most:g} s, counts"]
