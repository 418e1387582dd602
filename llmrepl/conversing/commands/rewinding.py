"""The commands /undo, /edit, /retry and /resume: another way on from an earlier place."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from llmrepl.compose import Assembly
from llmrepl.compose.rewinding import TakenBack, go_on_with, take_back
from llmrepl.conversing.commands.files import tell, undo_files
from llmrepl.conversing.commands.following import Following
from llmrepl.conversing.commands.saying import say, show
from llmrepl.errors import LlmreplError
from llmrepl.figures import column
from llmrepl.parts import Image, Text, text_of

UNDO = "/undo, /undo turn N, or /undo files [BLOCKS]"
LISTED = 10
"""Sessions that `/resume` names."""


async def undo(assembly: Assembly, argument: str) -> Following | None:
    """Take back the last turn, or all since another, and what blocks wrote for real; or only that.

    Raises:
        LlmreplError: there is no such turn, or the argument is none.
    """
    verb, _, rest = argument.partition(" ")
    if verb == "files":
        await undo_files(assembly, rest.strip())
        return None
    number = int(rest) if verb == "turn" and rest.isdecimal() else None
    if verb and not number:
        raise LlmreplError(
            f"this is no use of /undo: {argument}",
            hint=f"{UNDO}: what the last blocks wrote for real, and no more",
        )
    taken = await take_back(assembly, number, files=True)
    say(f"Took back {_what(taken)}.")
    tell(assembly, "undone", taken.files)
    _say_rest(taken, real=bool(assembly.executor.settings.write) and not taken.blocks)
    return _draft(taken)


async def edit(assembly: Assembly, _: str) -> Following:
    """Go back before the last turn, and let the person change its prompt.

    Raises:
        LlmreplError: there is no turn.
    """
    taken = await take_back(assembly)
    say(f"Back before {_what(taken)}, whose prompt you can change.")
    _say_rest(taken, real=bool(assembly.executor.settings.write))
    return _draft(taken)


async def retry(assembly: Assembly, model: str) -> Following:
    """Ask the last prompt again, as if it had not been asked; with another model if one is named.

    Raises:
        LlmreplError: there is no turn, or no such model.
    """
    if model:
        await assembly.provider_of(model).close()  # nothing is taken back where there is none
    taken = await take_back(assembly)
    if model:
        await assembly.use_model(model)
    say(f"Asking again, in place of {_what(taken)}: {assembly.model}")
    _say_rest(taken, real=bool(assembly.executor.settings.write))
    return Following(turn=assembly.runtime.turn(taken.prompt))


async def reword(assembly: Assembly, text: str) -> Following:
    """Ask in other words what the last prompt asked, as if it had not been; its images stay.

    Raises:
        LlmreplError: there is no turn.
    """
    taken = await take_back(assembly)
    say(f"Asking in other words, in place of {_what(taken)}.")
    _say_rest(replace(taken, prompt=()), real=bool(assembly.executor.settings.write))
    images = (part for part in taken.prompt if isinstance(part, Image))
    return Following(turn=assembly.runtime.turn((Text(text), *images)))


async def resume(assembly: Assembly, session: str) -> Following | None:
    """Go on with another saved session, or list the newest.

    Raises:
        LlmreplError: there is no such session, or it cannot be gone on with.
    """
    if not session:
        _list(assembly)
        return None
    left, turns = assembly.session_id, assembly.runtime.state.turn
    opened = await go_on_with(assembly, session)
    assembly.front.again(opened)
    if turns:
        say(f"left session {left}" if left else "what you left was not saved")
    if opened.log.header.cwd not in ("", str(assembly.cwd)):
        say(f"it was begun in {opened.log.header.cwd}; blocks stay in {assembly.cwd}")
    if not assembly.unfinished:
        return None
    say("the last turn was not finished; going on with it")
    return Following(turn=assembly.runtime.resume())


def _what(taken: TakenBack) -> str:
    if taken.later:
        turns = "the turn" if taken.later == 1 else f"the {taken.later} turns"
        return f"turn {taken.number} and {turns} after it"
    commands = {0: "", 1: " and the command after it"}
    several = f" and the {taken.commands} commands after it"
    return f"turn {taken.number}{commands.get(taken.commands, several)}"


def _say_rest(taken: TakenBack, *, real: bool) -> None:
    """Say what was not taken back, and where the turn still is."""
    if taken.ran:
        written = ", files written for real (/undo files takes them back)" if real else ""
        say(f"Not taken back: the sandbox's files, Python's variables{written}.")
    if taken.left:
        say(f"Session {taken.left} still has it; this is session {taken.session}.")
    pictures = sum(isinstance(part, Image) for part in taken.prompt)
    if pictures:
        say(f"Its images ({pictures}) have to be attached again.")


def _draft(taken: TakenBack) -> Following:
    return Following(draft=text_of(taken.prompt))


def _list(assembly: Assembly) -> None:
    rows = list(islice(assembly.list_sessions(LISTED + 1), LISTED + 1))
    others = [row for row in rows if row.id != assembly.session_id][:LISTED]
    for row in others:
        state = "" if row.state == "finished" else f"  [{row.state}]"
        show(assembly, f"  {row.id}  {column(row.turns, 'turn')}  {row.prompt[:60]}{state}")
    if others:
        say("/resume ID goes on with one of them; the beginning of an ID is enough")
    else:
        say("there are no other sessions")
