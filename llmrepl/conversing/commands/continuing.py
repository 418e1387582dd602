"""The command /continue: the model goes on where its last message was broken off."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.conversing.commands.following import Following
from llmrepl.errors import LlmreplError
from llmrepl.parts import Text

BROKEN = frozenset({"error", "cancelled", "max_tokens"})
"""Why a message can have ended before its end."""

GO_ON = "Go on exactly where your last message stopped. Repeat nothing of it."


async def go_on(assembly: Assembly, _: str) -> Following:
    """Ask the model to go on with a message that was broken off.

    Raises:
        LlmreplError: none was, or nothing of it came.
    """
    state = assembly.runtime.state
    if state.stop not in BROKEN:
        raise LlmreplError("the last message is complete", hint="ask for more in your own words")
    if state.messages[-1].role != "assistant":
        raise LlmreplError("nothing of the last message came", hint="/retry asks again")
    return Following(turn=assembly.runtime.turn((Text(GO_ON),)))
