"""From what a person calls a session to its file and its records."""

from __future__ import annotations

from pathlib import Path

from llmrepl.errors import SessionError
from llmrepl.record import Record
from llmrepl.sessions.catalog import SUFFIX, named, session_path
from llmrepl.sessions.packed import PACKED
from llmrepl.sessions.reader import LogReader


def session_file(directory: Path, word: str) -> Path:
    """Return the file of a session: `word` is a path, an id, the beginning of one, or `last`.

    Raises:
        SessionError: there is none.
    """
    if "/" in word or word.endswith((SUFFIX, SUFFIX + PACKED)):
        path = Path(word)
        if not path.is_file():
            raise SessionError(
                f"there is no session file {word}",
                hint=f"a path ends in {SUFFIX} or {SUFFIX}{PACKED}",
            )
        return path
    return session_path(directory, named(directory, word))


def records_of(path: Path) -> tuple[LogReader, list[Record]]:
    """Return the reader and the records of a session that is sound.

    Raises:
        SessionError: it is not.
    """
    reader = LogReader(path)
    records = list(reader)
    if reader.problem is not None:
        raise SessionError(f"{path} line {reader.problem.line}: {reader.problem.reason}")
    return reader, records
