"""Checks of what others bring: plugins, the keyring, the table of prices."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from llmrepl.checks import Finding
from llmrepl.compose.checks.site import Installation
from llmrepl.compose.extended import extensions
from llmrepl.config.vault import PACKAGES
from llmrepl.figures import counted
from llmrepl.health import apart
from llmrepl.health.finding import broken
from llmrepl.sessions.sealed.keys import KEYRING

OLD_TABLE = 180
"""Days after which a table of prices is worth a thought."""


async def plugins(site: Installation) -> Sequence[Finding]:
    """Load every plugin, and name those that cannot be."""
    del site
    return await apart(_plugins)


def _plugins() -> Sequence[Finding]:
    found: list[Finding] = []
    packages: dict[str, list[str]] = {}
    for each in extensions():
        packages.setdefault(each.package, []).append(each.entry.name)
        if each.error is not None:
            found.append(broken(each.entry, each.error))
    count = sum(map(len, packages.values()))
    message = f"{counted(count, 'entry point')} of {counted(len(packages), 'package')}"
    return found or [Finding(status="ok", message=message, details={"packages": packages})]


async def keyring(site: Installation) -> Sequence[Finding]:
    """Say whether the system's keyring can be used, where something is kept in it."""
    config = site.settings
    users = [name for name, provider in config.providers.items() if provider.keyring]
    if KEYRING in config.sessions.encrypt:
        users.append("sessions")
    if not users:
        return [Finding(status="skipped", message="nothing is kept in the system's keyring")]
    return [await apart(lambda: _keyring(users))]


def _keyring(users: Sequence[str]) -> Finding:
    kept = f"the keys of {', '.join(users)} are kept there"
    try:
        ring = import_module("keyring").get_keyring()
    except ImportError:
        return Finding(
            status="failed",
            message=f"the package keyring is missing, and {kept}",
            fix=PACKAGES,
        )
    name = f"{type(ring).__module__}.{type(ring).__qualname__}"
    if ring.priority <= 0:
        return Finding(
            status="failed",
            message=f"no keyring answers here ({name}), and {kept}",
            fix="start one, such as gnome-keyring; or `llmrepl config set-key NAME --file PATH`",
        )
    message = f"{name}: {kept}"
    return Finding(status="ok", message=message, details={"backend": name, "users": list(users)})


async def prices(site: Installation) -> Sequence[Finding]:
    """Say which table of prices is installed, and since when."""
    return [await apart(lambda: _prices(len(site.settings.prices)))]


def _prices(own: int) -> Finding:
    file = Path(import_module("genai_prices.data").__file__ or "")
    age = max(0.0, time.time() - file.stat().st_mtime)
    days = int(age // 86400)
    message = f"genai-prices {version('genai-prices')}, installed {counted(days, 'day')} ago"
    if own:
        message += f", and {counted(own, 'model')} of your own"
    measures = {"table_age_seconds": age}
    if days < OLD_TABLE:
        return Finding(status="ok", message=message, measures=measures)
    return Finding(
        status="warning",
        message=f"{message}: prices change",
        fix="pip install --upgrade genai-prices",
        measures=measures,
    )
