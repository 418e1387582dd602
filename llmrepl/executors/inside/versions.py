"""The versions of what blocks import: told once, by the block that imported it first."""

from __future__ import annotations

import os
import sys
from typing import Dict, Iterator, Set, Tuple

MOST = 64
"""How many versions are told at once, and how many characters of each."""

_INSTALLED = ("site-packages", "dist-packages")


class Versions:
    """What has been imported so far."""

    def __init__(self) -> None:
        self._seen: Set[str] = set(sys.modules)
        self._fresh = {"python": "%d.%d.%d" % sys.version_info[:3]}

    def fresh(self) -> Dict[str, str]:
        """Return the versions of what was imported since the last time, which mostly is nothing."""
        try:
            if len(sys.modules) != len(self._seen):
                new = sorted(set(sys.modules) - self._seen)
                self._fresh.update(self._told(name for name in new if "." not in name))
                self._seen = set(sys.modules)
        except Exception:
            # Blocks own sys.modules: a key may be no name, an attribute may raise what it likes.
            # What a block did is told all the same, without versions.
            return {}
        told = sorted(self._fresh.items())[:MOST]
        self._fresh = {}
        return dict(told)

    def _told(self, names: Iterator[str]) -> Iterator[Tuple[str, str]]:
        for name in names:
            version = _version(name)
            if version:
                yield name, version[:MOST]


def _version(name: str) -> str:
    """Return the version of an imported module that is not Python's own; "" where it has none."""
    namespace = getattr(sys.modules.get(name), "__dict__", {})
    path = namespace.get("__file__")
    if not isinstance(path, str) or name[0] == "_":
        return ""
    installed = any("/%s/" % place in path for place in _INSTALLED)
    if path.startswith(os.path.dirname(os.__file__) + "/") and not installed:
        return ""
    version = namespace.get("__version__")
    if isinstance(version, str):
        return version
    return _by_metadata(name) if installed else ""


def _by_metadata(name: str) -> str:
    try:
        from importlib import metadata

        return metadata.version(name)
    except Exception:
        # No package is called so, this Python has no such library, or the package's metadata is
        # missing or malformed, which raises something else in each version of Python.
        return ""
