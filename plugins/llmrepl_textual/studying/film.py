"""A saved session read for a replay: its records, without secrets, and its states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from llmrepl.record import Record
from llmrepl.redaction import NOTHING, Redactor
from llmrepl.sessions.catalog import session_path
from llmrepl.sessions.reader import LogReader
from llmrepl_textual.records import Records
from llmrepl_textual.studying.scrubber import Scrubber
from llmrepl_textual.studying.states import States


class Held(Records):
    """Records that are there already.

    Args:
        records: a session's, from its first on.
    """

    def __init__(self, records: Sequence[Record] = ()) -> None:
        super().__init__(lambda: NOTHING)
        self.hold(records)

    def hold(self, records: Sequence[Record]) -> None:
        """Hold these instead."""
        self._held = [*records]


class Film(NamedTuple):
    """`problem` says why there are no more records than these; mostly empty."""

    id: str
    records: list[Record]
    scrubber: Scrubber
    states: States
    problem: str


def film_of(directory: Path, session_id: str, redactor: Redactor) -> Film:
    """Return a session, ready to be replayed; for a thread.

    Raises:
        SessionError: there is none, or it cannot be read.
    """
    reader = LogReader(session_path(directory, session_id))
    records = redactor.scrub([*reader])
    states = States(records)
    states.at(len(records))
    wrong = reader.problem
    problem = f"{reader.path} line {wrong.line}: {wrong.reason}" if wrong else ""
    return Film(session_id, records, Scrubber(records), states, problem)
