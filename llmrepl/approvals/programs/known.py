"""Every program whose arguments are understood."""

from __future__ import annotations

from llmrepl.approvals.programs import files, git, interpreters, network, tools
from llmrepl.approvals.programs.commands import Handler

_SPECIAL: dict[str, Handler] = {
    **tools.HANDLERS,
    **network.HANDLERS,
    **git.HANDLERS,
    **interpreters.HANDLERS,
}


def handler_of(name: str) -> Handler | None:
    """Return what notes the touches of the program `name`, None where nothing is known of it."""
    return _SPECIAL.get(name) or files.handler(name)
