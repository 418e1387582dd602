"""Where the key of a provider comes from: a variable, the system's keyring, a file, the settings.

What a person configured for a provider comes before the variable that its SDK reads, so that a key
that happens to be in the environment never goes to another server than its own. A key is read when
its provider is opened, and never shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from llmrepl.config.kinds import Secret
from llmrepl.config.tree import Config
from llmrepl.errors import ConfigError

SERVICE = "llmrepl"
RING = "the system's keyring"
PACKAGES = f"{sys.executable} -m pip install 'llmrepl[encryption]'"
"""What installs the packages behind the keyring and sealed sessions, where llmrepl itself is."""

INSTALL = f"{PACKAGES}, or keep the key in a variable or a file"
LONGEST = 16 * 2**10
"""Bytes of a key's file at the most: more is no key."""

_read: dict[str, str] = {}
"""The keys that were read out of the keyring, which takes a third of a second the first time."""


class Key(NamedTuple):
    """A key, and for people where it comes from."""

    value: Secret
    source: str


def key_of(config: Config, name: str, environ: Mapping[str, str]) -> Key | None:
    """Return the key of the provider `name`: the first of the places there are; None for none.

    The order: `api_key_env`, the keyring, `api_key_file`, `api_key`, the provider's own variable.

    Raises:
        ConfigError: a place is configured, and there is no key in it, or others can read it.
    """
    settings, where = config.provider(name), f"providers.{name}"
    if variable := settings.api_key_env:
        if found := environ.get(variable):
            return Key(Secret(found), variable)
        raise ConfigError(
            f"{where}.api_key_env names {variable}, which is not set", hint=f"export {variable}=…"
        )
    if settings.keyring:
        return Key(Secret(_kept(name)), RING)
    if settings.api_key_file:
        return Key(Secret(_in_file(settings.api_key_file, where)), str(settings.api_key_file))
    if settings.api_key:
        return Key(Secret(settings.api_key), f"{where}.api_key")
    variable = variable_of(name)
    found = environ.get(variable, "")
    return Key(Secret(found), variable) if found.strip() else None


def variable_of(name: str) -> str:
    """Return the variable that the SDK of a provider reads, as all of them are called."""
    return f"{name.upper().replace('-', '_')}_API_KEY"


def keep(name: str, key: str) -> None:
    """Put a key into the system's keyring.

    Raises:
        ConfigError: there is none that can be used.
    """
    ring = _keyring()
    try:
        ring.set_password(SERVICE, _entry(name), key)
    except ring.errors.KeyringError as exc:
        raise _unusable(exc) from None
    _read[name] = key


def forget(name: str) -> bool:
    """Take a key out of the system's keyring; return whether there was one.

    Raises:
        ConfigError: there is no keyring that can be used.
    """
    ring = _keyring()
    _read.pop(name, None)
    try:
        if ring.get_password(SERVICE, _entry(name)) is None:
            return False
        ring.delete_password(SERVICE, _entry(name))
    except ring.errors.KeyringError as exc:
        raise _unusable(exc) from None
    return True


def write(file: Path, key: str) -> None:
    """Write a key into a file for its owner alone; a file that is there is replaced.

    Raises:
        ConfigError: it cannot be written.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as made:
            made.write(f"{key}\n")
            made.flush()
            os.fsync(descriptor)
        draft.rename(file)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"cannot write {file}: {exc.strerror}") from None


def _in_file(file: Path, where: str) -> str:
    """Return what is in a file of a key, which nobody else may be able to open."""
    setting = f"{where}.api_key_file"
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode & 0o777
            content = opened.read(LONGEST + 1)
    except OSError as exc:
        raise ConfigError(
            f"{setting} names {file}, which cannot be read: {exc.strerror}",
            hint=f"`llmrepl config set-key {where.partition('.')[2]} --file {file}` writes it",
        ) from None
    if mode & 0o077:
        raise ConfigError(
            f"{setting} names {file}, whose mode is {mode:04o}: others can open it",
            hint=f"chmod 600 {file}",
        )
    key = content.decode(errors="replace").strip()
    if not key or len(content) > LONGEST or not key.isprintable():
        raise ConfigError(
            f"{setting} names {file}, which does not hold a key", hint="accepted: one line, the key"
        )
    return key


def _kept(name: str) -> str:
    if name not in _read:
        ring = _keyring()
        try:
            found = ring.get_password(SERVICE, _entry(name))
        except ring.errors.KeyringError as exc:
            raise _unusable(exc) from None
        if not found:
            raise ConfigError(
                f"there is no key for {name} in {RING}",
                hint=f"`llmrepl config set-key {name}` puts one there",
            )
        _read[name] = found
    return _read[name]


def _entry(name: str) -> str:
    return f"providers.{name}"


def _keyring() -> ModuleType:
    try:
        ring = import_module("keyring")
        import_module("keyring.errors")
    except ImportError:
        raise ConfigError(f"{RING} needs the package keyring", hint=INSTALL) from None
    return ring


def _unusable(exc: Exception) -> ConfigError:
    told = str(exc).partition("\n")[0].partition(". ")[0]  # the rest advises programmers
    hint = "unlock or start it, or `llmrepl config set-key NAME --file PATH`"
    return ConfigError(f"{RING} cannot be used: {told}", hint=hint)
