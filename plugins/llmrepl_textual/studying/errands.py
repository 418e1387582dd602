"""What can be done to a saved session: open, fork, tag, export and delete it.

The person is asked first; what takes a while is done in a thread. A session that the chat is in is
changed by the chat's own commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from llmrepl.conversing.commands.branching import place_in
from llmrepl.errors import LlmreplError
from llmrepl_textual.desk import Desk
from llmrepl_textual.studying.study import Study
from llmrepl_textual.widgets.dialogs import Ask, Confirm, Pick

STAYS = "The audit log keeps the first line of each block that ran; exports are files of your own."

DRAWN_BY = "timeline"
"""The display that draws a recording."""


class Forked(NamedTuple):
    """A copy: its id, and what there is to say of it."""

    id: str
    told: list[str]


def open_in_chat(view: Study, session_id: str) -> None:
    """Go on with a session in the chat, when what is under way there has ended."""
    desk = view.desk
    if session_id != _here(desk):
        if desk.work.busy:
            view.pop_up(f"{session_id} is opened when the turn has ended")
        desk.work.enter(f"/resume {session_id}")
    view.app.switch_mode("chat")


async def fork(view: Study, session_id: str, at: int | None = None) -> str:
    """Ask where to fork a session, and do it; return the id of the copy, "" where there is none.

    Raises:
        LlmreplError: it cannot be forked there.
    """
    question = Ask(
        f"Fork {session_id}",
        ["[NAME] [at SEQ | turn N]: the name of the copy, and the last record or turn to copy"],
        value="" if at is None else f"at {at}",
        empty="all of it, with a name of the usual form",
    )
    answer = await view.app.push_screen_wait(question)
    if not answer:
        return ""
    name, word, number = place_in(answer)
    copied = await asyncio.to_thread(
        _forked, view.desk.config.sessions.directory, session_id, name, (word, number)
    )
    view.pop_up("\n".join([f"session {copied.id}: {copied.told[0]}", *copied.told[1:]]))
    return copied.id


async def tag(view: Study, session_id: str, tags: tuple[str, ...]) -> bool:
    """Ask for tags of a session, and give it these; return whether it may have others now.

    Raises:
        LlmreplError: it cannot be written, or a word can be no tag.
    """
    from llmrepl.sessions.keeping import tags as keeping

    kept = ", ".join(view.desk.config.sessions.keep_tags)
    answer = await view.app.push_screen_wait(
        Ask(
            f"Tags of {session_id}",
            [f"Sessions with the tag {kept} are never pruned."] if kept else [],
            value=" ".join(tags),
            empty="words with spaces between",
        )
    )
    if not answer:
        return False
    wanted = [keeping.tag_of(word) for word in answer.split()]
    gone = [each for each in tags if each not in wanted]
    if session_id == _here(view.desk):
        view.desk.work.enter(f"/tag {' '.join([*wanted, *(f'-{each}' for each in gone)])}")
        await view.desk.work.idle()
    else:
        directory = view.desk.config.sessions.directory
        await asyncio.to_thread(keeping.tag, directory, session_id, wanted, gone)
    return True


async def remove(view: Study, session_id: str) -> bool:
    """Ask whether to delete a session, and do it; return whether it is gone.

    Raises:
        LlmreplError: it cannot be deleted.
    """
    from llmrepl.sessions.holdings import told_of_kin, with_forks

    desk = view.desk
    directory = desk.config.sessions.directory
    if session_id == _here(desk):
        raise LlmreplError(
            f"the chat is in session {session_id}", hint="go on in another one, then delete this"
        )
    kin = await asyncio.to_thread(lambda: [*told_of_kin(directory, [session_id])])
    forks = await asyncio.to_thread(with_forks, directory, [session_id])
    answers = {"y": "delete it"}
    if len(forks) > 1:
        answers["f"] = f"and its forks ({len(forks) - 1})"
    answer = await view.app.push_screen_wait(
        Confirm(f"Delete {session_id} for good?", [*kin, STAYS], answers)
    )
    if not answer:
        return False
    going = forks if answer == "f" else [session_id]
    if _here(desk) in going:
        raise LlmreplError(
            f"the chat is in session {_here(desk)}, which was forked from {session_id}",
            hint="delete it alone, or go on in another session first",
        )
    gone = await asyncio.to_thread(_erased, directory, going, desk.environ)
    view.pop_up(f"deleted {', '.join(gone)}")
    return True


async def export(view: Study, session_id: str) -> Path | None:
    """Ask for a format and a file, and write a session there; return where it is.

    Raises:
        LlmreplError: it cannot be read, or the file is there already.
    """
    from llmrepl.compose.exporting import exported, save
    from llmrepl.exchange.formats import FORMATS, format_of
    from llmrepl.sessions.catalog import session_path

    desk = view.desk
    name = await view.app.push_screen_wait(
        Pick(f"Export {session_id} as", {key: row.purpose for key, row in FORMATS.items()})
    )
    if not name:
        return None
    where = await view.app.push_screen_wait(
        Ask(f"Write {session_id} to", value=f"{session_id}{format_of(name).suffix}")
    )
    if not where.strip():
        return None
    path = desk.cwd / where.strip()
    redactor = (await desk.ready()).redactor
    log = session_path(desk.config.sessions.directory, session_id)
    text, problem = await asyncio.to_thread(exported, log, name, redactor, DRAWN_BY)
    await asyncio.to_thread(save, text, path, fresh=True)
    view.pop_up(f"written: {path}" + (f"\n{problem}" if problem else ""))
    return path


def _here(desk: Desk) -> str:
    return desk.assembly.session_id if desk.assembly else ""


def _forked(directory: Path, session_id: str, name: str, where: tuple[str, int | None]) -> Forked:
    from llmrepl.runtime import fold
    from llmrepl.sessions.branching.forking import fork as copy
    from llmrepl.sessions.branching.places import end_of_turn, goes_on
    from llmrepl.sessions.catalog import session_path
    from llmrepl.sessions.reader import LogReader

    records = [*LogReader(session_path(directory, session_id))]
    word, number = where
    at = end_of_turn(records, number) if word == "turn" and number is not None else number
    copied = copy(directory, session_id, len(records) if at is None else at, name=name)
    kept = records[:at]
    told = [f"{len(kept)} of {len(records)} records of {session_id}"]
    return Forked(copied, [*told, *goes_on(fold(kept), records[len(kept) :])])


def _erased(directory: Path, going: list[str], environ: Mapping[str, str]) -> list[str]:
    from llmrepl.compose.erasing import erase_everywhere

    return [erased.id for erased in erase_everywhere(directory, going, environ)]
