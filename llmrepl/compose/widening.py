"""A person lets blocks do more, or less, in an open session; nothing a model says gets here."""

from __future__ import annotations

import os
from dataclasses import replace

from llmrepl.compose.assembly import Assembly
from llmrepl.compose.policy import checked_hosts
from llmrepl.config.paths import home
from llmrepl.errors import LlmreplError
from llmrepl.events import ConfigChanged
from llmrepl.executors.policy import Policy

PROJECTS = {"copy": True, "read-only": False}
"""How blocks may see the project, by whether it is a copy that they write."""


async def allow_write(assembly: Assembly, path: str) -> None:
    """Let blocks write a directory for real.

    Raises:
        LlmreplError: they must not, or no such sandbox starts; the policy is as before then.
    """
    given = assembly.executor.given
    if path == "~" or path.startswith("~/"):
        path = str(home(os.environ)) + path[1:]
    write = (*given.write, assembly.cwd / path)
    await _change(assembly, "sandbox.write", replace(given, write=write))


async def allow_host(assembly: Assembly, host: str) -> None:
    """Let blocks reach a host; raises as `allow_write`."""
    given = assembly.executor.given
    net = checked_hosts(tuple(dict.fromkeys((*given.net, host.lower()))))
    await _change(assembly, "sandbox.net", replace(given, net=net))


async def show_project(assembly: Assembly, how: str) -> None:
    """Show blocks the project as a copy that they write, or read-only; raises as `allow_write`."""
    if how not in PROJECTS:
        raise LlmreplError(
            f"the project cannot be shown as {how}", hint=f"accepted: {' or '.join(PROJECTS)}"
        )
    policy = replace(assembly.executor.given, copy_on_write=PROJECTS[how])
    await _change(assembly, "sandbox.project", policy)


async def _change(assembly: Assembly, key: str, policy: Policy) -> None:
    await assembly.executor.change(policy)
    assembly.window.use_system(*assembly.prompts())
    settings = assembly.executor.settings
    assembly.gate.widened = replace(
        assembly.gate.widened,
        writes=assembly.gate.widened.writes or bool(settings.write),
        network=assembly.gate.widened.network or bool(settings.net),
    )
    values = {
        "sandbox.write": [str(path) for path in settings.write],
        "sandbox.net": list(settings.net),
        "sandbox.project": "copy" if settings.copy_on_write else "read-only",
    }
    assembly.runtime.record(ConfigChanged(key=key, value=values[key]))
