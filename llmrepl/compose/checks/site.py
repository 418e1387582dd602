"""Where our own checks look: a site with the configuration that is in force there.

A configuration that is not accepted is a finding: the other checks then go by the defaults.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmrepl.checks import Site
from llmrepl.config import Config, Loaded, load
from llmrepl.config.paths import cache_directory, config_directory, data_directory, state_directory
from llmrepl.errors import ConfigError
from llmrepl.executors.policy import Policy
from llmrepl.sessions.sealed.keys import KEYS

if TYPE_CHECKING:
    from llmrepl.compose.assembly import Assembly

ORDER = (
    *("configuration", "python", "dependencies", "plugins", "terminal", "sandbox"),
    *("provider", "clock", "prices", "keyring"),
    *("disk", "sessions", "index", "usage", "estimates", "audit"),
)
"""Our own checks, in the order in which they are told."""

AT_START = ("dependencies", "terminal", "disk", "index", "usage")
"""Those that a chat begins with: what takes little, asks nobody, and is not told anyway."""


@dataclass(frozen=True, kw_only=True)
class Installation(Site):
    """A site of llmrepl's own checks.

    `problem` is why the configuration is not accepted; `loaded` holds the defaults then. `models`
    are the only ones to ask for a heartbeat; None for all that are configured. `policy` is what
    blocks may do; None for what is configured. `streams` says of stdin and stdout whether they are
    a terminal.
    """

    loaded: Loaded
    problem: ConfigError | None = None
    models: tuple[str, ...] | None = None
    policy: Policy | None = None
    streams: tuple[bool, ...] = (False, False)

    @property
    def settings(self) -> Config:
        """What is configured."""
        return self.loaded.config


def installation(
    flags: Mapping[str, Any], environ: Mapping[str, str], cwd: Path, limit: float
) -> Installation:
    """Return the site that a configuration makes; see `llmrepl.config.load` for the arguments."""
    problem = None
    try:
        loaded = load(flags, environ, cwd)
    except ConfigError as error:
        problem = error
        bare = {name: value for name, value in environ.items() if not name.startswith("LLMREPL_")}
        loaded = load({}, bare, Path("/"), user_file=Path("/nonexistent/config.toml"))
    held = loaded.config.sessions
    KEYS.use(held.encrypt, held.identity)
    return site_of(loaded, environ, cwd, limit, problem=problem)


def site_of(
    loaded: Loaded,
    environ: Mapping[str, str],
    cwd: Path,
    limit: float,
    *,
    problem: ConfigError | None = None,
) -> Installation:
    """Return the site of a configuration that is loaded."""
    return Installation(
        environ=environ,
        cwd=cwd,
        config=config_directory(environ),
        data=data_directory(environ),
        cache=cache_directory(environ),
        state=state_directory(environ),
        limit=limit,
        loaded=loaded,
        problem=problem,
    )


def site_in_chat(assembly: Assembly, environ: Mapping[str, str], limit: float) -> Installation:
    """Return the site of a running chat: with its own model, and what blocks may do by now."""
    site = installation({}, environ, assembly.cwd, limit)
    config = assembly.config._replace(model=assembly.model)
    return replace(
        site,
        loaded=site.loaded._replace(config=config),
        policy=assembly.executor.settings,
        streams=(sys.stdin.isatty(), sys.__stdout__ is not None and sys.__stdout__.isatty()),
    )
