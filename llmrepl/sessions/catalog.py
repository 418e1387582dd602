"""Which sessions a directory holds: their ids, files, and how a person's word for one is resolved.

An id is a safe file name, so that no id leads out of the directory.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from pathlib import Path

from llmrepl.errors import SessionError
from llmrepl.sessions.format import SEALED
from llmrepl.sessions.packed import PACKED
from llmrepl.sessions.reader import LogReader

SUFFIX = ".jsonl"
LIST = "`llmrepl sessions list` shows all sessions"

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_SHOWN = 5
_ticks = itertools.count(int.from_bytes(os.urandom(3)))  # no two ids of one process are the same


def session_path(directory: Path, session_id: str) -> Path:
    """Return where the session's log is, packed or not, or would be.

    Raises:
        SessionError: the id is not one.
    """
    if not _SAFE.fullmatch(session_id):
        raise SessionError(
            f"{session_id!r} cannot be a session id",
            hint="an id is up to 100 letters, digits and `.` `_` `-`, a letter or digit first",
        )
    path = directory / f"{session_id}{SUFFIX}"
    pack = path.with_name(path.name + PACKED)
    return pack if pack.exists() and not path.exists() else path


def new_id(directory: Path, created: int) -> str:
    """Return an id that is free in `directory`: `YYYYMMDD-HHMMSS-xxxx`, in UTC.

    Args:
        directory: where the session will be.
        created: Unix time in milliseconds.
    """
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created // 1000))
    while True:
        tick = next(_ticks)
        word = "".join(_BASE32[tick >> shift & 31] for shift in (15, 10, 5, 0))
        session_id = f"{moment}-{word}"
        if not session_path(directory, session_id).exists():
            return session_id


def ids(directory: Path) -> list[str]:
    """Return the ids in `directory` in alphabetical order: given ids in that of their seconds."""
    return sorted(_entries(directory))


def newest(directory: Path) -> list[tuple[str, os.stat_result]]:
    """Return each id with its file's status, the most recently written first."""
    found = []
    for name, entry in _entries(directory).items():
        try:
            found.append((name, entry.stat()))
        except FileNotFoundError:
            continue  # removed since the directory was read
    found.sort(key=lambda item: (item[1].st_mtime_ns, item[0]), reverse=True)
    return found


def find(directory: Path, prefix: str) -> str:
    """Return the id that is `prefix`, or the only one that begins with it.

    Raises:
        SessionError: there is none, or more than one; the message names those that come near.
    """
    known = ids(directory)
    if prefix in known:
        return prefix
    matches = [session_id for session_id in known if prefix and session_id.startswith(prefix)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        shown = ", ".join(matches[-_SHOWN:][::-1])
        more = len(matches) - _SHOWN
        raise SessionError(
            f"{prefix!r} begins {len(matches)} sessions: {shown}"
            + (f" and {more} older" if more > 0 else ""),
            hint="give more of the id",
        )
    import difflib  # only a mistyped id needs it

    near = difflib.get_close_matches(prefix, known, _SHOWN, 0.6)
    meant = f"; near it are {', '.join(near)}" if near else ""
    raise absent(directory, prefix, meant)


def absent(directory: Path, session_id: str, more: str = "") -> SessionError:
    """Return the error for a session that is not there; `more` follows what it says."""
    return SessionError(f"there is no session {session_id!r} in {directory}{more}", hint=LIST)


def named(directory: Path, word: str) -> str:
    """Return the id that a person means: an id, the beginning of one, or `last`.

    Raises:
        SessionError: there is none, or more than one.
    """
    return last(directory) if word == "last" else find(directory, word)


def last(directory: Path, cwd: str = "") -> str:
    """Return the id of the most recently written session that can be read.

    Args:
        directory: where to look.
        cwd: only sessions that were begun in this directory; empty for any.

    Raises:
        SessionError: there is none.
    """
    unopened = 0
    for session_id, _ in newest(directory):
        try:
            reader = LogReader(session_path(directory, session_id))
        except SessionError:
            continue
        if not cwd or reader.header.cwd == cwd:
            return session_id
        unopened += reader.header.version == SEALED and reader.seal is None
    where = f" that was begun in {cwd}" if cwd else ""
    sealed = f"; {unopened} are sealed, and no key is here" if unopened else ""
    raise SessionError(f"{directory} holds no session{where} to go on with{sealed}", hint=LIST)


def _entries(directory: Path) -> dict[str, os.DirEntry[str]]:
    """Return each session's file by its id; one that is packed counts if it stands alone."""
    found: dict[str, os.DirEntry[str]] = {}
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                file = entry.name.removesuffix(PACKED)
                name = file.removesuffix(SUFFIX)
                if name == file or not _SAFE.fullmatch(name) or not entry.is_file():
                    continue
                if file == entry.name or name not in found:
                    found[name] = entry
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise SessionError(f"cannot list {directory}: {exc.strerror}") from exc
    return found
