"""Writes a saved session in another format, without the secrets of today."""

from __future__ import annotations

from pathlib import Path

from llmrepl.displays.opening import open_display
from llmrepl.exchange.formats import written
from llmrepl.exchange.told import Session
from llmrepl.ports import Display, Surface
from llmrepl.redaction import Redactor
from llmrepl.sessions.reader import LogReader


def exported(path: Path, name: str, redactor: Redactor, display: str) -> tuple[str, str]:
    """Return the session in `path` in the format called `name`, and what is wrong with the file.

    Args:
        path: a session's file; another process may be writing it.
        name: a row of `llmrepl.exchange.formats.FORMATS`.
        redactor: takes out the secrets of today: the file may be older than they are.
        display: what draws a recording.

    Raises:
        LlmreplError: there is no such format or display, or the file cannot be read.
    """

    def opened(surface: Surface) -> Display:
        return open_display(display, surface, saved=True)

    reader = LogReader(path)
    records = redactor.scrub(list(reader))
    header = reader.header
    cwd = redactor.redact(header.cwd)
    text = written(
        Session(header.id, header.created, records, cwd, header.forked_from), name, opened
    )
    problem = reader.problem
    if problem is None:
        return text, ""
    told = f"{path} line {problem.line}: {problem.reason}"
    return text, f"{told}; the {reader.seq} records before it were written"
