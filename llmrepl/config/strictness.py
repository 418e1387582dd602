"""What a project file may do to the settings of the person who runs llmrepl: never loosen them.

A project file comes with code that somebody else wrote, and is read before anybody has looked at
it. It is compared with what is in force without it, and refused where it would allow more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmrepl.config import kinds
from llmrepl.config.kinds import describe, dotted
from llmrepl.config.layers import Entry
from llmrepl.errors import ConfigError


def checked(entry: Entry, current: Any, root: Path) -> Entry:
    """Return a project file's entry, with links in its paths resolved, if it loosens nothing.

    Args:
        entry: the project file's.
        current: the setting's value without it.
        root: the project's folder.

    Raises:
        ConfigError: it would loosen something; the message names file, line and key.
    """
    rule = entry.setting.project
    if rule == "never":
        raise _refused(entry)
    if rule == "inside":
        return entry._replace(value=_inside(entry, root))
    if rule == "tighten":
        value = _resolved(entry.value)
        if not _at_most(entry, value, current):
            raise ConfigError(
                f"{entry.source}: {dotted(entry.path)} is {_shown(value)}, which allows more"
                f" than {_shown(current)}; a project file can only make it stricter",
                hint=f"allow it yourself: {_elsewhere(entry)}",
            )
        return entry._replace(value=value)
    return entry


def _at_most(entry: Entry, value: Any, current: Any) -> bool:
    """Whether `value` allows no more than `current`."""
    setting = entry.setting
    if setting.choices:
        return setting.choices.index(value) <= setting.choices.index(current)
    if current is None:  # no limit at all
        return True
    if setting.kind is kinds.PATHS:
        allowed = [path.resolve() for path in current]
        return all(any(map(path.is_relative_to, allowed)) for path in value)
    if isinstance(value, tuple):
        return set(value) <= set(current)
    return bool(value <= current)


def _resolved(value: Any) -> Any:
    """Follow links now, so that what is compared is what will be used."""
    if isinstance(value, tuple):
        return tuple(item.resolve() if isinstance(item, Path) else item for item in value)
    return value


def _inside(entry: Entry, root: Path) -> Path:
    path: Path = entry.value.resolve()
    if not path.is_relative_to(root.resolve()):
        raise ConfigError(
            f"{entry.source}: {dotted(entry.path)} is {path}, which is outside the project",
            hint=f"accepted in a project file: a path inside {root}",
        )
    return path


def _refused(entry: Entry) -> ConfigError:
    if entry.setting.kind is kinds.SECRET:
        return ConfigError(
            f"{entry.source}: {dotted(entry.path)} is a key, and a project file is for everybody",
            hint="keep the key in a variable, and name that in api_key_env of your own file",
        )
    return ConfigError(
        f"{entry.source}: {dotted(entry.path)} cannot be set by a project file",
        hint=f"set it yourself: {_elsewhere(entry)}",
    )


def _elsewhere(entry: Entry) -> str:
    places = (entry.setting.flag, entry.setting.variable, "your own config.toml")
    return ", ".join(place for place in places if place)


def _shown(value: Any) -> str:
    return "nothing" if value is None else describe(value)
