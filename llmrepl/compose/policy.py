"""From the configuration to the sandbox's policy."""

from __future__ import annotations

import os
from pathlib import Path

from llmrepl.config import Config
from llmrepl.config.paths import (
    cache_directory,
    config_directory,
    data_directory,
    state_directory,
)
from llmrepl.errors import ConfigError
from llmrepl.executors.network.allowlist import parse
from llmrepl.executors.policy import Limits, Policy


def policy_of(config: Config, cwd: Path) -> Policy:
    """Return what blocks may touch.

    Raises:
        ConfigError: something is asked for that this version cannot do yet.
    """
    sandbox = config.sandbox
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
        net=checked_hosts(sandbox.net),
        tier=sandbox.tier,
        write=sandbox.write,
        closed=(
            *(
                place(os.environ)
                for place in (config_directory, data_directory, state_directory, cache_directory)
            ),
            config.sessions.directory,
        ),
        quarantine=data_directory(os.environ) / "quarantine",
        environment={name: os.environ[name] for name in sandbox.env if name in os.environ},
    )


def limits_of(policy: Policy) -> dict[str, float]:
    """Return the limits that a person would ask about: seconds, bytes and numbers of processes."""
    limits = policy.limits
    return {
        "seconds": limits.seconds,
        "max_seconds": limits.max_seconds,
        "memory": limits.memory,
        "processes": limits.processes,
    }


def checked_hosts(net: tuple[str, ...]) -> tuple[str, ...]:
    """Return `net`.

    Raises:
        ConfigError: one of them is no host that can be allowed.
    """
    for rule in net:
        try:
            parse(rule)
        except ValueError as error:
            raise ConfigError(
                f"sandbox.net: {error}", hint="accepted: such as example.org or example.org:8080"
            ) from None
    return net


def _refuse(key: str, value: object, what: str) -> None:
    if value:
        raise ConfigError(f"{key} cannot be set in this version", hint=f"{what}; leave it out")
