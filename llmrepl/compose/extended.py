"""What packages bring to llmrepl by entry points, and whether it can be loaded."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

GROUPS = "llmrepl."
"""How the groups of entry points begin that are ours."""


class Extension(NamedTuple):
    """An entry point, and why it cannot be loaded; None where it can be."""

    entry: EntryPoint
    error: Exception | None = None

    @property
    def package(self) -> str:
        """The package that brings it; empty where nobody knows."""
        return self.entry.dist.name if self.entry.dist else ""

    @property
    def version(self) -> str:
        """The package's version."""
        return self.entry.dist.version if self.entry.dist else ""

    @property
    def kind(self) -> str:
        """What it is, like `providers` or `checks`."""
        return self.entry.group.removeprefix(GROUPS)


def extensions() -> list[Extension]:
    """Load every one, which may take a while, and return them by group."""
    groups = sorted(group for group in entry_points().groups if group.startswith(GROUPS))
    return [_loaded(entry) for group in groups for entry in entry_points(group=group)]


def _loaded(entry: EntryPoint) -> Extension:
    try:
        entry.load()
    except Exception as error:  # noqa: BLE001 - the boundary to a plugin
        return Extension(entry, error)
    return Extension(entry)
