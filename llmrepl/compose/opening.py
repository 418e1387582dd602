"""Opens the session a person asked for: a new one, the last one, or one by its id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from llmrepl.conversation import Conversation, Phase, evolve
from llmrepl.events import PERSON, ConfigChanged, StepStarted, TurnStarted
from llmrepl.record import Record
from llmrepl.redaction import Redactor
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.catalog import find, last, session_path
from llmrepl.sessions.format import SEALED
from llmrepl.sessions.lock import holder
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.sealed.keys import KEYS
from llmrepl.standing import Steps

SHOWN_TURNS = 3
"""How many turns of a resumed session are shown again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which session is wanted.

    `resume` is an id or the beginning of one. `last` is the newest of this directory, or of any.
    `session` is an id to go on with where it exists and to begin with where it does not. `fork` is
    what to go on with in a copy, as `resume`.
    """

    resume: str = ""
    last: bool = False
    session: str = ""
    fork: str = ""

    @property
    def new(self) -> bool:
        """Whether a new session is wanted."""
        return not (self.resume or self.last or self.session or self.fork)


class Opened:
    """An open session: its log, and what a chat needs of the records in it.

    Each record is taken in as it is read, and let go: memory for all of them at once would be full
    of gaps when they are gone.

    Attributes:
        log: the session, open for writing.
        state: the conversation that its records fold to.
        steps: what each of its messages took.
        records: those of its last turns, which are shown again.
        model: the model it was last talking to, as provider/model; empty before the first step.
        redactor: what its records were redacted with: the log may be older than a secret.
    """

    log: SessionLog

    def __init__(self, redactor: Redactor) -> None:
        self.state = Conversation()
        self.steps = Steps()
        self.records: list[Record] = []
        self.model = ""
        self.redactor = redactor

    @classmethod
    def begin(cls, log: SessionLog, redactor: Redactor) -> Self:
        """Return a new session."""
        new = cls(redactor)
        new.log = log
        return new

    @classmethod
    def resume(cls, directory: Path, session_id: str, redactor: Redactor, cwd: str = "") -> Self:
        """Return a session that is gone on with; see `SessionLog.resume`."""
        old = cls(redactor)
        old.log = SessionLog.resume(directory, session_id, old._take, cwd=cwd)
        return old

    def _take(self, record: Record) -> None:
        record = self.redactor.scrub(record)
        self.state = evolve(self.state, record.event)
        self.steps.show(record)
        match record.event:
            case TurnStarted():
                first = self.state.turn - SHOWN_TURNS + 1
                self.records = [record for record in self.records if record.turn >= first]
            case ConfigChanged(key="model", value=str(model)):
                self.model = model
            case StepStarted(provider=provider, model=model) if provider != PERSON:
                self.model = f"{provider}/{model}"
        self.records.append(record)


def open_session(directory: Path, wanted: Wanted, cwd: str, redactor: Redactor) -> Opened:
    """Open the session that is wanted, for writing.

    Raises:
        SessionError: there is none, another process writes it, or it cannot be read.
    """
    if wanted.fork:
        return _forked(directory, find(directory, wanted.fork), redactor)
    session_id = _id_of(directory, wanted, cwd)
    if not session_id:
        log = SessionLog.create(directory, cwd=cwd, session_id=wanted.session)
        return Opened.begin(log, redactor)
    opened = Opened.resume(directory, session_id, redactor, cwd)
    log = opened.log
    if KEYS.sealing and log.header.version != SEALED:
        told = (
            f"session {session_id} is not sealed, though sessions.encrypt is set:"
            f" `llmrepl sessions upgrade --encrypt {session_id}` seals it"
        )
        log.repaired = f"{log.repaired}; {told}" if log.repaired else told
    return opened


def _forked(directory: Path, session_id: str, redactor: Redactor) -> Opened:
    """Open a copy of a session; of one that is being written, up to where its last turn ended.

    What the holder is about to run must not run here as well.
    """
    path = session_path(directory, session_id)
    writer = holder(path)
    at_seq = None if writer is None else _settled(LogReader(path))
    opened = Opened.resume(directory, fork(directory, session_id, at_seq), redactor)
    if writer is not None:
        opened.log.repaired = (
            f"session {session_id} is being written by {writer}; this is a copy of its first"
            f" {opened.log.seq} records, without a turn that is under way"
        )
    return opened


def _settled(records: Iterable[Record]) -> int:
    """Return how many of the records there are up to where no turn is under way."""
    state, settled = Conversation(), 0
    for record in records:
        state = evolve(state, record.event)
        if state.phase is Phase.IDLE:
            settled = record.seq
    return settled


def _id_of(directory: Path, wanted: Wanted, cwd: str) -> str:
    if wanted.resume:
        return find(directory, wanted.resume)
    if wanted.last:
        return last(directory, cwd)
    if wanted.session and session_path(directory, wanted.session).exists():
        return wanted.session
    return ""
