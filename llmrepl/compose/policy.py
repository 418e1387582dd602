"""From the configuration to the sandbox's policy."""

from __future__ import annotations

import os
from pathlib import Path

from llmrepl.config import Config
from llmrepl.errors import ConfigError
from llmrepl.executors.policy import Limits, Policy


def policy_of(config: Config, cwd: Path) -> Policy:
    """Return what blocks may touch.

    Raises:
        ConfigError: something is asked for that this version cannot do yet.
    """
    sandbox = config.sandbox
    _refuse(
        "sandbox.write",
        sandbox.write,
        "/apply writes what blocks changed",
    )
    _refuse("sandbox.net", sandbox.net, "blocks have no network")
    if sandbox.tier != "auto":
        _refuse("sandbox.tier", sandbox.tier, "there is one tier, auto")
    return Policy(
        project=cwd,
        copy_on_write=sandbox.project == "copy",
        python=str(sandbox.python or ""),
        limits=Limits(
            memory=sandbox.memory,
            processes=sandbox.processes,
            seconds=sandbox.timeout,
            max_seconds=sandbox.timeout_max,
            kept_output=sandbox.output,
        ),
        environment={name: os.environ[name] for name in sandbox.env if name in os.environ},
    )


def _refuse(key: str, value: object, what: str) -> None:
    if value:
        raise ConfigError(f"{key} cannot be set in this version", hint=f"{what}; leave it out")
