"""From the configuration to the sandbox's policy."""

from __future__ import annotations

import os
from pathlib import Path

from llmrepl.config import Config
from llmrepl.errors import ConfigError
from llmrepl.executors.allowlist import parse
from llmrepl.executors.policy import Limits, Policy


def policy_of(config: Config, cwd: Path) -> Policy:
    """Return what blocks may touch.

    Raises:
        ConfigError: something is asked for that this version cannot do yet.
    """
    sandbox = config.sandbox
    _refuse("sandbox.write", sandbox.write, "/apply writes what blocks changed")
    if sandbox.net and sandbox.tier != "auto":
        raise ConfigError(
            f"sandbox.net cannot be kept to with --sandbox {sandbox.tier}",
            hint="only the full sandbox lets single hosts through; leave one of the two out",
        )
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
        net=_rules(sandbox.net),
        tier=sandbox.tier,
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


def _rules(net: tuple[str, ...]) -> tuple[str, ...]:
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
