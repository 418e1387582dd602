"""Opens the session a person asked for: a new one, the last one, or one by its id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmrepl.conversation import Conversation, Phase
from llmrepl.events import ConfigChanged, StepStarted
from llmrepl.record import Record
from llmrepl.redaction import Redactor
from llmrepl.runtime import fold
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.catalog import find, last, session_path
from llmrepl.sessions.format import SEALED
from llmrepl.sessions.lock import holder
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.sealed.keys import KEYS

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


@dataclass(frozen=True, slots=True)
class Opened:
    """An open session: its log, the records it held, and the conversation they fold to."""

    log: SessionLog
    records: list[Record]
    state: Conversation

    @property
    def model(self) -> str:
        """The model it was last talking to, as provider/model; empty before the first step."""
        for record in reversed(self.records):
            match record.event:
                case ConfigChanged(key="model", value=str(model)):
                    return model
                case StepStarted(provider=provider, model=model):
                    return f"{provider}/{model}"
        return ""

    def shortened(self) -> Opened:
        """Return it with the records that are shown again alone: a conversation needs no others."""
        first = self.state.turn - SHOWN_TURNS + 1
        return replace(self, records=[record for record in self.records if record.turn >= first])


def open_session(directory: Path, wanted: Wanted, cwd: str) -> Opened:
    """Open the session that is wanted, for writing.

    Raises:
        SessionError: there is none, another process writes it, or it cannot be read.
    """
    if wanted.fork:
        return _forked(directory, find(directory, wanted.fork))
    session_id = _id_of(directory, wanted, cwd)
    if not session_id:
        log = SessionLog.create(directory, cwd=cwd, session_id=wanted.session)
        return Opened(log, [], Conversation())
    log, records = SessionLog.open(directory, session_id, cwd=cwd)
    if KEYS.sealing and log.header.version != SEALED:
        told = (
            f"session {session_id} is not sealed, though sessions.encrypt is set:"
            f" `llmrepl sessions upgrade --encrypt {session_id}` seals it"
        )
        log.repaired = f"{log.repaired}; {told}" if log.repaired else told
    return Opened(log, records, fold(records))


def without_secrets(opened: Opened, redactor: Redactor) -> Opened:
    """Return `opened` as a model and a person may see it: its log may be older than a secret."""
    records = redactor.scrub(opened.records)
    if records is opened.records:
        return opened
    return Opened(opened.log, records, fold(records))


def _forked(directory: Path, session_id: str) -> Opened:
    """Open a copy of a session; of one that is being written, up to where its last turn ended.

    What the holder is about to run must not run here as well.
    """
    path = session_path(directory, session_id)
    writer = holder(path)
    at_seq = None if writer is None else _settled(list(LogReader(path)))
    log, records = SessionLog.open(directory, fork(directory, session_id, at_seq))
    if writer is not None:
        log.repaired = (
            f"session {session_id} is being written by {writer}; this is a copy of its first"
            f" {len(records)} records, without a turn that is under way"
        )
    return Opened(log, records, fold(records))


def _settled(records: Sequence[Record]) -> int:
    """Return how many of the records there are up to where no turn is under way."""
    state, settled = Conversation(), 0
    for record in records:
        state = fold((record,), state)
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
