"""The commands /fork, /tree and /compare: several ways on from one beginning."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.compose.rewinding import go_on_in_fork
from llmrepl.errors import LlmreplError
from llmrepl.repl.commands.following import Following
from llmrepl.repl.commands.saying import say, show

PLACES = ("at", "turn")


async def fork(assembly: Assembly, argument: str) -> Following | None:
    """Go on in a copy of this session, or of its beginning.

    Raises:
        LlmreplError: it cannot be copied, or there is no such place.
    """
    name, word, number = _place(argument)
    at, turn = (number if word == place else None for place in PLACES)
    forked = go_on_in_fork(assembly, name, at=at, turn=turn)
    say(f"Going on in session {forked.session}; {forked.left} stays as it is.")
    if forked.ran:
        say("Not taken back: what blocks did since then to files and Python's variables.")
    for line in forked.told:
        show(assembly, line)
    return Following(turn=assembly.runtime.resume()) if assembly.unfinished else None


def _place(argument: str) -> tuple[str, str, int | None]:
    """Return the name, the kind of place and its number, as far as they are given."""
    words = argument.split()
    word, number = "", None
    if len(words) > 1 and words[-2] in PLACES and words[-1].isdecimal():
        word, number = words[-2], int(words[-1])
        words = words[:-2]
    if len(words) > 1 or (words and words[0] in PLACES):
        raise LlmreplError(
            f"this is no use of /fork: {argument}",
            hint="/fork [NAME] [at SEQ | turn N]: SEQ is the last record to copy, N the last turn",
        )
    return words[0] if words else "", word, number
