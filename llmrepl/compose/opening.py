"""Opens the session a person asked for: a new one, the last one, or one by its id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llmrepl.conversation import Conversation
from llmrepl.events import ConfigChanged, StepStarted
from llmrepl.record import Record
from llmrepl.redaction import Redactor
from llmrepl.runtime import fold
from llmrepl.sessions.catalog import find, last, session_path
from llmrepl.sessions.log import SessionLog


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which session is wanted.

    `resume` is an id or the beginning of one. `last` is the newest of this directory, or of any.
    `session` is an id to go on with where it exists and to begin with where it does not.
    """

    resume: str = ""
    last: bool = False
    session: str = ""

    @property
    def new(self) -> bool:
        """Whether a new session is wanted."""
        return not (self.resume or self.last or self.session)


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


def open_session(directory: Path, wanted: Wanted, cwd: str) -> Opened:
    """Open the session that is wanted, for writing.

    Raises:
        SessionError: there is none, another process writes it, or it cannot be read.
    """
    session_id = _id_of(directory, wanted, cwd)
    if not session_id:
        log = SessionLog.create(directory, cwd=cwd, session_id=wanted.session)
        return Opened(log, [], Conversation())
    log, records = SessionLog.open(directory, session_id, cwd=cwd)
    return Opened(log, records, fold(records))


def without_secrets(opened: Opened, redactor: Redactor) -> Opened:
    """Return `opened` as a model and a person may see it: its log may be older than a secret."""
    records = redactor.scrub(opened.records)
    if records is opened.records:
        return opened
    return Opened(opened.log, records, fold(records))


def _id_of(directory: Path, wanted: Wanted, cwd: str) -> str:
    if wanted.resume:
        return find(directory, wanted.resume)
    if wanted.last:
        return last(directory, cwd)
    if wanted.session and session_path(directory, wanted.session).exists():
        return wanted.session
    return ""
