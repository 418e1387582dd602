"""Where llmrepl keeps its files, after the XDG rules, from the environment that is passed in.

platformdirs says the same from the process's own environment; asking it would cost more at
start-up than these lines, and could not be tested with an environment of the test's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

USER_FILE = "config.toml"
PROJECT_FILE = ".llmrepl.toml"
RULES_FILE = "permissions"
PROJECT_RULES_FILE = ".llmrepl.permissions"


def home(environ: Mapping[str, str]) -> Path:
    """Return the person's home folder."""
    found = environ.get("HOME", "")
    return Path(found) if found else Path.home()


def config_directory(environ: Mapping[str, str]) -> Path:
    """Return the folder of llmrepl's configuration: `~/.config/llmrepl` on Linux."""
    return _directory(environ, "XDG_CONFIG_HOME", ".config")


def data_directory(environ: Mapping[str, str]) -> Path:
    """Return the folder of llmrepl's data: `~/.local/share/llmrepl` on Linux."""
    return _directory(environ, "XDG_DATA_HOME", ".local/share")


def audit_directory(environ: Mapping[str, str]) -> Path:
    """Return the folder of the audit log: `~/.local/share/llmrepl/audit` on Linux."""
    return data_directory(environ) / "audit"


def history_file(environ: Mapping[str, str]) -> Path:
    """Return the file of what was typed: `~/.local/share/llmrepl/history` on Linux."""
    return data_directory(environ) / "history"


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Return the folder of what llmrepl can make again: `~/.cache/llmrepl` on Linux."""
    return _directory(environ, "XDG_CACHE_HOME", ".cache", mac="Library/Caches")


def state_directory(environ: Mapping[str, str]) -> Path:
    """Return the folder of what llmrepl has learnt: `~/.local/state/llmrepl` on Linux."""
    return _directory(environ, "XDG_STATE_HOME", ".local/state")


def usage_database(environ: Mapping[str, str]) -> Path:
    """Return the file that knows every call of a model, in numbers."""
    return state_directory(environ) / "usage.db"


def search_index(environ: Mapping[str, str], sessions: Path) -> Path:
    """Return the file of the search index of a directory of sessions."""
    name = sha256(os.fsencode(sessions.absolute())).hexdigest()[:16]
    return cache_directory(environ) / "search" / f"{name}.db"


def project_file(cwd: Path, home: Path, name: str = PROJECT_FILE) -> Path | None:
    """Return the nearest file of that name in `cwd` or above it.

    The search ends at the root of a git repository, at the home folder, or at the root.
    """
    for directory in (cwd, *cwd.parents):
        candidate = directory / name
        if candidate.is_file():
            return candidate
        if directory == home or (directory / ".git").exists():
            return None
    return None


def _directory(
    environ: Mapping[str, str],
    variable: str,
    usual: str,
    mac: str = "Library/Application Support",
) -> Path:
    chosen = Path(environ.get(variable, "").strip())
    if chosen.is_absolute():  # a relative one is to be ignored, says XDG
        return chosen / "llmrepl"
    return home(environ) / (mac if sys.platform == "darwin" else usual) / "llmrepl"
