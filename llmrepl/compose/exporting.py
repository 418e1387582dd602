"""Writes a saved session in another format, without the secrets of today."""

from __future__ import annotations

import contextlib
import math
import os
from functools import partial
from pathlib import Path

from llmrepl.displays.opening import open_display
from llmrepl.errors import SessionError
from llmrepl.exchange.formats import written
from llmrepl.exchange.told import Session
from llmrepl.ports import Display, Surface
from llmrepl.redaction import Redactor
from llmrepl.replaying.playing import frames
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
        Session(header.id, header.created, records, cwd, header.forked_from),
        name,
        opened,
        partial(frames, longest=math.inf),
    )
    told = [f"{path} {lost}" for lost in reader.lost]
    if reader.problem is not None:
        line, reason, _ = reader.problem
        told.append(
            f"{path} line {line}: {reason}; the {reader.seq} records before it were written"
        )
    return text, "; ".join(told)


def save(text: str, path: Path, *, fresh: bool = False) -> None:
    """Write an export to a file, whose owner alone may read it where it is new.

    Args:
        text: what is written.
        path: where.
        fresh: whether a file that is there already stays as it is.

    Raises:
        SessionError: it could not be written, or it is there already.
    """
    new = False
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_EXCL if fresh else os.O_TRUNC)
    try:
        new = not path.exists()
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SessionError(f"{path} exists already", hint="name another file") from None
    except OSError as exc:
        if new:  # half an export is none
            with contextlib.suppress(OSError):
                path.unlink()
        raise SessionError(f"cannot write {path}: {exc.strerror}") from exc
