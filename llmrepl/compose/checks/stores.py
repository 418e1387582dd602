"""Checks of what llmrepl keeps: sessions, their index, the audit log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from llmrepl.audit.reading import verify
from llmrepl.checks import Finding
from llmrepl.compose.checks.machine import unwritable
from llmrepl.compose.checks.site import Installation
from llmrepl.config.paths import audit_directory, search_index
from llmrepl.errors import SessionError
from llmrepl.figures import counted
from llmrepl.health import apart
from llmrepl.sessions.catalog import newest, session_path
from llmrepl.sessions.listing import sessions as summaries
from llmrepl.sessions.lock import NOTE, holder
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.sealed.sealing import SessionSealed
from llmrepl.sessions.search.index import VERSION, SearchIndex, discard

SHARE = 0.5
"""The part of the time limit in which sessions are read from end to end, the newest first."""


async def sessions(site: Installation) -> Sequence[Finding]:
    """Say whether sessions can be written, which are damaged, and what crashes have left."""
    directory = site.settings.sessions.directory
    return await apart(partial(_sessions, directory, site.limit * SHARE))


def _sessions(directory: Path, seconds: float) -> Sequence[Finding]:
    if (place := unwritable(directory)) is not None:
        fix = "set sessions.directory to a directory of yours, or use --no-save"
        return [Finding(status="failed", message=f"{place} cannot be written", fix=fix)]
    rows = list(summaries(directory))
    damaged = {row.id: "its head or its end is damaged" for row in rows if row.state == "corrupt"}
    until = time.monotonic() + seconds
    read = 0
    for row in rows:
        if time.monotonic() > until:
            break
        read += 1
        if row.state in ("finished", "unfinished") and (why := _damage(row.path)):
            damaged[row.id] = why
    found = [_damaged(damaged, len(rows))] if damaged else []
    if notes := _stale(directory):
        message = f"{counted(len(notes), 'note')} of processes that are gone, in {directory}"
        fix = "`llmrepl check --fix` removes them; they lock nothing"
        found.append(
            Finding(status="warning", message=message, fix=fix, repair=partial(_remove, notes))
        )
    how = "" if read == len(rows) else f", the newest {read} read from end to end"
    message = f"{counted(len(rows), 'session')} in {directory}{how}"
    measures = {"count": float(len(rows)), "size_bytes": float(sum(row.size for row in rows))}
    return found or [Finding(status="ok", message=message, measures=measures)]


def _damaged(damaged: dict[str, str], count: int) -> Finding:
    name, why = next(iter(damaged.items()))
    return Finding(
        status="warning",
        message=f"{len(damaged)} of {count} sessions are damaged: {', '.join([*damaged][:5])};"
        f" {name}: {why}",
        fix=f"`llmrepl --resume {name}` goes on with what can be read of it",
        details={"damaged": damaged},
    )


def _damage(path: Path) -> str:
    """Return what is wrong with a session's log; empty where all of it verifies."""
    try:
        reader = LogReader(path)
        for _ in reader.lines():
            pass
    except SessionSealed:
        return ""
    except (SessionError, OSError) as error:
        return str(error)
    if reader.problem is not None and not reader.problem.torn:
        return str(reader.problem)
    return "; ".join(reader.lost[:1])


def _stale(directory: Path) -> list[Path]:
    """Return the notes beside sessions that nobody writes any more."""
    notes = directory.glob(f"*{NOTE}") if directory.is_dir() else ()
    return [
        note
        for note in notes
        if holder(session_path(directory, note.name.removesuffix(NOTE))) is None
    ]


def _remove(notes: Sequence[Path]) -> str:
    for note in notes:
        note.unlink(missing_ok=True)
    return f"removed {counted(len(notes), 'note')} of processes that are gone"


async def index(site: Installation) -> Sequence[Finding]:
    """Say whether the search index can be read, and knows no session that is gone."""
    directory = site.settings.sessions.directory
    file = search_index(site.environ, directory)
    return [await apart(partial(_index, directory, file))]


def _index(directory: Path, file: Path) -> Finding:
    import sqlite3

    if not file.exists():
        return Finding(status="ok", message="there is none yet; the first search makes it")
    fix = "`llmrepl check --fix` makes it again"
    repair = partial(_rebuild, directory, file)
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as base:
            (state,) = base.execute("PRAGMA quick_check(1)").fetchone()
            (version,) = base.execute("PRAGMA user_version").fetchone()
            if state != "ok" or version != VERSION:
                why = state if state != "ok" else f"it is of version {version}"
                message = f"the search index {file} is damaged: {why}"
                return Finding(status="warning", message=message, fix=fix, repair=repair)
            known = {row[0]: row[1] for row in base.execute("SELECT id, changed FROM sessions")}
    except sqlite3.DatabaseError as error:
        message = f"the search index {file} is damaged: {error}"
        return Finding(status="warning", message=message, fix=fix, repair=repair)
    there = {name: facts.st_mtime_ns for name, facts in newest(directory)}
    if gone := known.keys() - there.keys():
        message = f"the search index still holds {counted(len(gone), 'session')} that is gone"
        return Finding(status="warning", message=message, fix=fix, repair=repair)
    behind = sum(known.get(name) != changed for name, changed in there.items())
    message = f"{counted(len(known), 'session')}"
    if behind:
        message += f", {behind} behind; the next search takes them in"
    return Finding(status="ok", message=message, measures={"behind_sessions": float(behind)})


def _rebuild(directory: Path, file: Path) -> str:
    discard(file)
    with SearchIndex(directory, file) as made:
        made.update()
    return f"made the search index {file} again"


async def audit(site: Installation) -> Sequence[Finding]:
    """Say whether the audit log can be written, and whether it is whole."""
    return [await apart(partial(_audit, audit_directory(site.environ)))]


def _audit(directory: Path) -> Finding:
    if (place := unwritable(directory)) is not None:
        return Finding(
            status="failed",
            message=f"{place} cannot be written, and nothing runs that cannot be audited",
            fix="set XDG_DATA_HOME to a directory of yours",
        )
    report = verify(directory)
    if report.damage is not None:
        return Finding(
            status="warning",
            message=f"damaged: {report.damage}",
            fix=f"find out why; a new log begins once {directory} is moved away",
        )
    message = f"{counted(report.lines, 'entry', 'entries')}, all sound"
    return Finding(status="ok", message=message, measures={"entries": float(report.lines)})
