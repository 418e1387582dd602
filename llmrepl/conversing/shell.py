"""Commands that the person runs in the sandbox: `!` shows them to the model, `!!` does not.

They run as bash blocks of the session do: in the same directory, with the same variables.
"""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.errors import LlmreplError

USAGE = "!COMMAND runs it in the sandbox and tells the model; !!COMMAND does not tell it"


def is_command(text: str) -> bool:
    """Return whether `text` is for the shell."""
    return text.lstrip().startswith("!")


async def run(assembly: Assembly, text: str) -> str:
    """Run what was typed, and return why it ended, as a turn does: `end_turn` or `cancelled`.

    Args:
        assembly: where to run it; no turn may be under way.
        text: the command, one line or several, behind `!` or `!!`.

    Raises:
        LlmreplError: there is no command in it.
        SessionError: the session could not be written.
    """
    typed = text.strip().removeprefix("!")
    code = typed.removeprefix("!").strip()
    if not code:
        raise LlmreplError("there is no command behind the !", hint=USAGE)
    return await assembly.runtime.command(
        code,
        aside=typed.startswith("!"),
        seconds=assembly.executor.settings.limits.max_seconds,
    )
