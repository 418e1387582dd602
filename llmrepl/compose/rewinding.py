"""Goes back in a conversation: what was before a turn is copied into a session of its own.

A session only grows, so the one before stays as it is. The sandbox goes on: what blocks left in it
is not taken back, but for what they wrote for real where that is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from llmrepl.compose.assembly import Assembly
from llmrepl.compose.opening import Opened, Wanted, open_session
from llmrepl.errors import LlmreplError, SessionError
from llmrepl.events import TYPED, NoteAdded, ToolRequested, ToolStarted
from llmrepl.executors.writing.ways import Applied
from llmrepl.parts import Part
from llmrepl.record import Record
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.branching.places import end_of_turn, goes_on
from llmrepl.sessions.catalog import find
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.turns import Turn, turns

TOLD = (
    "The person took back what they said here and what you did then. What its blocks left in the"
    " sandbox, files and Python's variables, may still be there."
)
"""What the model is told where blocks ran that it does not see any more."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A turn that was taken back, with everything after it.

    `later` counts the turns after it, `commands` what the person ran after it; `ran` says whether
    anything of it ran; `blocks` and `files` are what was undone of it for real. `left` and
    `session` are the ids of the session that still has the turn and of the one that goes on; empty
    where it is not saved.
    """

    number: int
    prompt: tuple[Part, ...]
    later: int
    commands: int
    ran: bool
    blocks: int
    files: Applied
    left: str
    session: str


def records_of(assembly: Assembly) -> Sequence[Record]:
    """Return what has happened in the session, without secrets."""
    if assembly.opened is None:
        return assembly.unsaved.records
    log = assembly.opened.log
    return assembly.redactor.scrub(list(LogReader(log.path))) if log.seq else []


async def take_back(
    assembly: Assembly, number: int | None = None, *, files: bool = False
) -> TakenBack:
    """Go on as if a turn, and what followed it, had not been.

    The budget remembers what it has cost.

    Args:
        assembly: what to go back in; no turn may be under way.
        number: the turn; None for the last.
        files: undo what blocks have written for real since it began.

    Raises:
        LlmreplError: there is no turn.
        SessionError: the new session could not be written; all is as before.
    """
    records = records_of(assembly)
    found = turns(records)
    if not found:
        raise LlmreplError("there is no turn to take back", hint="it begins with your first prompt")
    last = found[-1]
    if number is not None:
        last = next((turn for turn in found if turn.number == number), last)
    if number not in (None, last.number):
        raise LlmreplError(
            f"there is no turn {number}", hint=f"the last one is turn {found[-1].number}"
        )
    dropped = [record.event for record in records[last.before :]]
    started = {event.call_id for event in dropped if isinstance(event, ToolStarted)}
    ran = bool(started) or any(isinstance(e, NoteAdded) and e.text == TOLD for e in dropped)
    left, spent = assembly.session_id, assembly.runtime.state.session_spend.total
    opened = _beginning(assembly, last)
    blocks, undone = 0, Applied()
    if files:
        try:
            blocks, undone = await assembly.executor.written.undo(calls=started)
        except BaseException:
            if opened is not None:
                opened.log.close()
            raise
    assembly.use_session(opened, records[: last.before])
    assembly.executor.written.leave(started)
    _charge(assembly, spent)
    if undone.done:
        assembly.trail.undone(undone.done)
    if ran and TOLD not in assembly.runtime.state.notes:
        assembly.runtime.record(NoteAdded(text=TOLD, audience="model"))
    return TakenBack(
        number=last.number,
        prompt=last.prompt,
        later=found[-1].number - last.number,
        commands=_typed(dropped),
        ran=ran,
        blocks=blocks,
        files=undone,
        left=left,
        session=assembly.session_id,
    )


@dataclass(frozen=True, slots=True)
class Forked:
    """A copy that goes on: the ids of the session that stays and of the copy.

    `dropped` says that the copy has not all of it, and `ran` that something of the rest ran;
    `told` says what the copy goes on with where it ends in the middle of something.
    """

    left: str
    session: str
    dropped: bool
    ran: bool
    told: list[str]


def go_on_in_fork(
    assembly: Assembly, name: str = "", *, at: int | None = None, turn: int | None = None
) -> Forked:
    """Go on in a copy of the session, or of its beginning; the budget remembers what all has cost.

    Args:
        assembly: what goes on; no turn may be under way.
        name: the id of the copy; empty for one of the usual form.
        at: the last record to copy.
        turn: the last turn to copy, where `at` is None; all is copied where both are.

    Raises:
        LlmreplError: there is nothing to copy, or it could not be; all is as before.
    """
    if assembly.opened is None:
        raise LlmreplError("this chat is not saved, so there is no session to fork")
    log = assembly.opened.log
    if not log.seq:
        raise LlmreplError("there is nothing to fork yet", hint="it begins with your first prompt")
    records = records_of(assembly)
    if at is None:
        at = log.seq if turn is None else end_of_turn(records, turn)
    left, spent = assembly.session_id, assembly.runtime.state.session_spend.total
    opened = _copy(assembly, log, at, name)
    dropped = [record.event for record in records[at:]]
    started = {event.call_id for event in dropped if isinstance(event, ToolStarted)}
    assembly.use_session(opened)
    if dropped:
        assembly.executor.written.leave(started)
    _charge(assembly, spent)
    ran = bool(started)
    if ran and TOLD not in assembly.runtime.state.notes:
        assembly.runtime.record(NoteAdded(text=TOLD, audience="model"))
    told = goes_on(assembly.runtime.state, records[at:])
    return Forked(left, opened.log.id, bool(dropped), ran, told)


def _charge(assembly: Assembly, spent: Decimal) -> None:
    """Lower the limit of the chat by what it has spent and the session in front of it has not."""
    limits = assembly.runtime.limits
    if limits.budget is not None:
        spent -= assembly.runtime.state.session_spend.total
        assembly.runtime.limits = replace(limits, budget=limits.budget - spent)


async def go_on_with(assembly: Assembly, session: str) -> Opened:
    """Go on with another saved session, with the model it had, where none is configured.

    Args:
        assembly: what goes on; no turn may be under way.
        session: its id, or the beginning of it.

    Raises:
        SessionError: there is no such session, it is this one, or it cannot be opened.
        ConfigError: its model cannot be used.
    """
    directory = assembly.config.sessions.directory
    session = find(directory, session)
    if session == assembly.session_id:
        raise SessionError(f"this is session {session} already")
    opened = open_session(directory, Wanted(resume=session), str(assembly.cwd), assembly.redactor)
    model = opened.model if not assembly.config.chain else ""
    try:
        provider = assembly.provider_of(model) if model not in ("", assembly.model) else None
    except BaseException:
        opened.log.close()
        raise
    assembly.use_session(opened)
    assembly.executor.written.leave()
    if provider is not None:
        await assembly.use_provider(provider, model)
    return opened


def _beginning(assembly: Assembly, turn: Turn) -> Opened | None:
    """Return a session with what was before `turn`, ready to go on; None where nothing is saved."""
    if assembly.opened is None:
        return None
    return _copy(assembly, assembly.opened.log, turn.before)


def _copy(assembly: Assembly, log: SessionLog, at: int, name: str = "") -> Opened:
    """Return a session with the first `at` records of another, ready to go on."""
    directory = log.directory
    if at:
        copy = fork(directory, log.id, at, name=name)
        return Opened.resume(directory, copy, assembly.redactor)
    # An empty copy would be a file without anything in it, so there is none before it has a record.
    empty = SessionLog.create(
        directory, cwd=log.header.cwd, session_id=name, forked_from=(log.id, 0)
    )
    return Opened.begin(empty, assembly.redactor)


def _typed(events: Sequence[object]) -> int:
    return sum(isinstance(event, ToolRequested) and event.origin in TYPED for event in events)
