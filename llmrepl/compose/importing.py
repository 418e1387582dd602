"""Makes sessions of the conversations in another program's file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmrepl.exchange.foreign import Foreign, records_of
from llmrepl.exchange.origins import read
from llmrepl.redaction import Redactor
from llmrepl.runtime import fold
from llmrepl.sessions.log import SessionLog

ORIGIN = "imported_from"
"""The header's field that says where a session comes from."""


class Imported(NamedTuple):
    """A new session, and what of the conversation is in it, in one line."""

    id: str
    told: str


def imported(
    path: Path, name: str, directory: Path, cwd: str, redactor: Redactor
) -> Iterator[Imported]:
    """Make a session of each conversation in `path`, and yield it when it is on the disk.

    Args:
        path: another program's file.
        name: a row of `llmrepl.exchange.origins.ORIGINS`; empty to go by what the file holds.
        directory: where the sessions will be.
        cwd: the directory that they belong to.
        redactor: takes secrets out of what is saved.

    Raises:
        LlmreplError: the file cannot be read, or a session cannot be written.
    """
    for foreign in read(path, name):
        if foreign.said:
            yield _saved(foreign, directory, cwd, redactor)


def _saved(foreign: Foreign, directory: Path, cwd: str, redactor: Redactor) -> Imported:
    now = time.time_ns() // 1_000_000
    records = redactor.scrub(records_of(foreign, now))
    fold(records)  # a session that could not be gone on with is not begun
    with SessionLog.create(directory, cwd=cwd, created=min(records[0].at, now)) as log:
        origin = {"format": foreign.source, "id": redactor.redact(foreign.id)}
        log.header = log.header._replace(extra={ORIGIN: origin})
        for record in records:
            log.append(record, sync=record is records[-1])
        return Imported(log.id, redactor.redact(foreign.told))
