"""The commands /fork, /tree and /compare: several ways on from one beginning."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from llmrepl.compose import Assembly
from llmrepl.compose.rewinding import go_on_in_fork, records_of
from llmrepl.conversing.commands.following import Following
from llmrepl.conversing.commands.rewinding import resume
from llmrepl.conversing.commands.saying import say, show
from llmrepl.errors import LlmreplError

if TYPE_CHECKING:
    from llmrepl.sessions.branching.kinship import Tree

PLACES = ("at", "turn")
ALL = "all"


async def fork(assembly: Assembly, argument: str) -> Following | None:
    """Go on in a copy of this session, or of its beginning.

    Raises:
        LlmreplError: it cannot be copied, or there is no such place.
    """
    name, word, number = place_in(argument)
    at, turn = (number if word == place else None for place in PLACES)
    forked = go_on_in_fork(assembly, name, at=at, turn=turn)
    say(f"Going on in session {forked.session}; {forked.left} stays as it is.")
    if forked.ran:
        say("Not taken back: what blocks did since then to files and Python's variables.")
    for line in forked.told:
        show(assembly, line)
    return Following(turn=assembly.runtime.resume()) if assembly.unfinished else None


async def tree(assembly: Assembly, argument: str) -> Following | None:
    """Draw the branches of this session, or go on with one of them, by its number or its id.

    Raises:
        LlmreplError: nothing is saved, or there is no such branch.
    """
    if argument not in ("", ALL) and not argument.isdecimal():
        return await resume(assembly, argument)
    from llmrepl.sessions.branching.tree import drawn, milliseconds, rows
    from llmrepl.sessions.lock import holders

    directory = assembly.config.sessions.directory
    found = await asyncio.to_thread(_tree_of, assembly)
    if argument.isdecimal():
        places = [place for place in found.places if place.number == int(argument)]
        if not places:
            raise LlmreplError(
                f"there is no branch {argument}", hint=f"there are 1 to {len(found.places)}: /tree"
            )
        return await resume(assembly, places[0].kin.id)
    table = rows(
        found, directory, here=assembly.session_id, held=holders(), everything=argument == ALL
    )
    width = shutil.get_terminal_size().columns
    for line in drawn(table, width, now=milliseconds(), redact=assembly.redactor.redact):
        say(line)
    if len(found.places) > 1:
        say("/tree N goes on with branch N, /compare ID shows it beside this one")
    return None


async def compare(assembly: Assembly, word: str) -> None:
    """Show this session beside another, from where they part.

    Raises:
        LlmreplError: one of the two is not there, or not saved.
    """
    from llmrepl.sessions.branching.beside import drawn
    from llmrepl.sessions.branching.contrast import contrast
    from llmrepl.sessions.finding import session_file
    from llmrepl.sessions.reader import LogReader

    if not word:
        raise LlmreplError("/compare takes a session's ID", hint="/tree shows the branches")
    if assembly.opened is None:
        raise LlmreplError("this chat is not saved, so there is nothing to compare")
    path = session_file(assembly.config.sessions.directory, word)
    if path == assembly.opened.log.path:
        raise LlmreplError(
            f"this is session {assembly.session_id}: name another", hint="/tree shows them"
        )
    reader = LogReader(path)
    other = assembly.redactor.scrub(list(reader))
    names = assembly.session_id, reader.header.id
    width = shutil.get_terminal_size().columns
    for line in drawn(contrast(records_of(assembly), other), names, width):
        say(line)


def _tree_of(assembly: Assembly) -> Tree:
    """Return the tree that this session is in, or that it will be in."""
    from llmrepl.sessions.branching.kinship import kin_in, tree_of

    if assembly.opened is None:
        raise LlmreplError("this chat is not saved, so it has no branches")
    log = assembly.opened.log
    origin = log.header.forked_from
    name = log.id if log.seq or origin is None else origin[0]
    try:
        return tree_of(kin_in(log.directory), name)
    except LookupError:
        raise LlmreplError(
            "there is nothing to draw yet", hint="a session begins with your first prompt"
        ) from None


def place_in(argument: str) -> tuple[str, str, int | None]:
    """Return the name of a copy, the kind of its place and its number, as far as they are given.

    Args:
        argument: what /fork takes.

    Raises:
        LlmreplError: it is something else.
    """
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
