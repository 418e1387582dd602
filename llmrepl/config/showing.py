"""What `llmrepl config show` and the reference page say, made from the table of settings."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from llmrepl.config import kinds
from llmrepl.config.keys import nearest, path_of, setting_at
from llmrepl.config.kinds import Secret, dotted
from llmrepl.config.loading import Loaded
from llmrepl.config.settings import SETTINGS, Setting
from llmrepl.config.vault import RING, key_of
from llmrepl.errors import ConfigError
from llmrepl.providers.registry import BUILT_IN

MASK = "********"
NOT_SET = "not set"

_SECRET_WORDS = ("key", "token", "secret", "password", "authorization", "credential")
_PROJECT = {
    "free": "yes",
    "tighten": "only stricter",
    "inside": "only a file in the project",
    "never": "no",
}


class Row(NamedTuple):
    """One setting as it is in force.

    `value` is JSON-ready; `text` is the value as TOML, or `not set`. Secrets are masked in both.
    `source` is `default`, `file:line`, a variable or a flag.
    """

    key: str
    value: Any
    text: str
    source: str
    description: str


def show(loaded: Loaded, environ: Mapping[str, str] | None = None) -> list[Row]:
    """Return every setting in the order of the table, with the named ones that are set.

    Args:
        loaded: the configuration.
        environ: the environment variables, to say where keys come from.
    """
    found: dict[str, list[Row]] = {setting.key: [] for setting in SETTINGS}
    for path, value in loaded.values.items():
        found[setting_at(path).key].append(_row(loaded, path, value))
    keys = found["providers.<name>.api_key"]
    keys[:] = _keys(loaded, {} if environ is None else environ, keys)
    return [row for rows in found.values() for row in rows]


def _keys(loaded: Loaded, environ: Mapping[str, str], rows: list[Row]) -> list[Row]:
    """Return a row for each key there is, which tells where it comes from and never what it is."""
    found = {row.key: row for row in rows}
    text = setting_at(("providers", "*", "api_key")).text
    for name in dict.fromkeys([*loaded.config.providers, *BUILT_IN]):
        settings, key = loaded.config.provider(name), dotted(("providers", name, "api_key"))
        if settings.keyring and not settings.api_key_env:
            source = RING  # which is not asked: that may take a while, or a password
        else:
            try:
                there = key_of(loaded.config, name, environ)
            except ConfigError as error:
                found[key] = Row(key, None, NOT_SET, error.message, text)
                continue
            if there is None:
                continue
            source = loaded.sources.get(key, "") if there.source == key else there.source
        found[key] = Row(key, MASK, MASK, source, text)
    return list(found.values())


def get(loaded: Loaded, key: str) -> Row:
    """Return one setting.

    Raises:
        ConfigError: there is no such setting.
    """
    path, setting = known(key)
    if path not in loaded.values:
        return Row(dotted(path), None, NOT_SET, "default", setting.text)
    return _row(loaded, path, loaded.values[path])


def known(key: str) -> tuple[tuple[str, ...], Setting]:
    """Return the parts of a dotted key and its setting.

    Raises:
        ConfigError: there is no such setting; the hint names the one that was probably meant.
    """
    found = path_of(key)
    if found is None:
        meant = nearest(key)
        hint = f"did you mean {meant}?" if meant else "`llmrepl config show` lists every setting"
        raise ConfigError(f"there is no setting {key}", hint=hint)
    return found


def reference() -> str:
    """Return the table of settings as Markdown."""
    lines = [
        "| setting | accepts | default | variable | flag | in a project file | |",
        "|---|---|---|---|---|---|---|",
    ]
    for setting in SETTINGS:
        default = "" if setting.default is None else f"`{setting.kind.write(setting.default)}`"
        cells = (
            f"`{setting.key}`",
            setting.accepts,
            default,
            setting.variable and f"`{setting.variable}`",
            setting.flag and f"`{setting.flag}`",
            _PROJECT[setting.project],
            setting.text,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _row(loaded: Loaded, path: tuple[str, ...], value: Any) -> Row:
    setting = setting_at(path)
    masked = _masked(value, path[-1] if setting.kind is kinds.ANY else "")
    text = NOT_SET if value is None else setting.kind.write(masked)
    key = dotted(path)
    return Row(key, _json(masked), text, loaded.sources[key], setting.text)


def _masked(value: Any, name: str) -> Any:
    """Return `value` with everything hidden that is a secret, or is named like one."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {key: _masked(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_masked(item, name) for item in value)
    if isinstance(value, str) and any(word in name.lower() for word in _SECRET_WORDS):
        return MASK
    return value


def _json(value: Any) -> Any:
    if isinstance(value, Path | Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return value
