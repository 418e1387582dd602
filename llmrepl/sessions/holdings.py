"""What sessions hold on disk: the files that are one session's own, and the blobs that they share.

Beside a log stand files that begin with its id and a dot. A blob is named by the SHA-256 of its
content; a session needs a blob if any of its lines has that name in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from llmrepl.errors import SessionError
from llmrepl.sessions.catalog import SUFFIX, ids, session_path
from llmrepl.sessions.format import Header
from llmrepl.sessions.reader import LogReader

BLOBS = "blobs"
"""The folder of contents that logs name instead of holding them."""

DRAFT = ".draft"
"""The end of the name of a fork that is being written, or never was finished."""

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def files_of(directory: Path) -> dict[str, list[Path]]:
    """Return for each session the files that are its own, its log last.

    A fork that was never finished is of the session that it was copied from.

    Raises:
        SessionError: the directory cannot be read.
    """
    found: dict[str, list[Path]] = {name: [] for name in ids(directory)}
    try:
        paths = [path for path in directory.iterdir() if path.is_file()]
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise SessionError(f"cannot list {directory}: {exc.strerror}") from exc
    for path in paths:
        if path.name.removesuffix(SUFFIX) in found and path.name.endswith(SUFFIX):
            continue
        owner = _origin(path) if path.name.endswith(DRAFT) else ""
        owner = owner or _longest(path.name, found)
        if owner in found:
            found[owner].append(path)
    for name, own in found.items():
        own.append(session_path(directory, name))
    return found


def blobs_of(directory: Path) -> tuple[dict[str, Path], dict[str, set[str]]]:
    """Return each blob's file by its digest, and for each session the blobs that it needs."""
    blobs = {path.name[:64]: path for path in (directory / BLOBS).rglob("*") if path.is_file()}
    names = ids(directory) if blobs else ()
    return blobs, {name: _named(directory, name) & blobs.keys() for name in names}


def forks_of(directory: Path, session_ids: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
    """Return for each of these sessions its forks: their ids, and how many records they copied."""
    found: dict[str, list[tuple[str, int]]] = {session_id: [] for session_id in session_ids}
    for name in ids(directory) if found else ():
        header = _header(session_path(directory, name))
        if header and header.forked_from and header.forked_from[0] in found:
            found[header.forked_from[0]].append((name, header.forked_from[1]))
    return found


def _longest(name: str, known: Iterable[str]) -> str:
    """Return the session whose id begins the name of a file: `a.b.x` is of `a.b`, not of `a`."""
    at = len(name)
    while (at := name.rfind(".", 0, at)) > 0:
        if name[:at] in known:
            return name[:at]
    return ""


def _origin(draft: Path) -> str:
    header = _header(draft)
    return header.forked_from[0] if header and header.forked_from else ""


def _header(path: Path) -> Header | None:
    try:
        return LogReader(path).header
    except SessionError:
        return None


def _named(directory: Path, session_id: str) -> set[str]:
    """Return what could be the digest of a blob in a session's lines, those behind damage too."""
    path = session_path(directory, session_id)
    found = set(_DIGEST.findall(path.read_bytes()))
    try:
        for line, _ in LogReader(path).lines():  # as they are before anything packed them
            found.update(_DIGEST.findall(line))
    except SessionError:
        pass
    return {digest.decode() for digest in found}
