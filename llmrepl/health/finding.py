"""Finds the checks of this installation: entry points, our own as well as those of plugins.

One that cannot be loaded stays in the list, as a check that fails with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from llmrepl.checks import Check, Finding, Site

GROUP = "llmrepl.checks"
OURS = "llmrepl.compose.checks."
"""How the places of our own checks begin; they come first, and no plugin takes their names."""


def installed(order: Sequence[str] = ()) -> Mapping[str, Check]:
    """Return every check by name, our own first.

    Args:
        order: names that come first, in this order.
    """
    found = sorted(entry_points(group=GROUP), key=lambda entry: not entry.value.startswith(OURS))
    named: dict[str, EntryPoint] = {}
    for entry in found:
        named.setdefault(entry.name, entry)
    first = [name for name in order if name in named]
    return {name: _loaded(named[name]) for name in dict.fromkeys([*first, *named])}


def _loaded(entry: EntryPoint) -> Check:
    async def check(site: Site) -> Sequence[Finding]:
        try:
            made = cast("Check", entry.load())
        except Exception as error:  # noqa: BLE001 - the boundary to a plugin
            return [broken(entry, error)]
        return await made(site)

    return check


def broken(entry: EntryPoint, error: Exception) -> Finding:
    """Return what to say of an entry point that cannot be loaded."""
    package = entry.dist.name if entry.dist else ""
    return Finding(
        status="failed",
        subject=entry.name,
        message=f"{entry.value} of {entry.group} cannot be loaded: {error!r}",
        fix=f"update or remove the package that brings it: pip uninstall {package}".rstrip(": "),
    )
