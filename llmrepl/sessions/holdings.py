"""What sessions hold on disk: the files that are one session's own, and the blobs that they share.

Beside a log stand files that begin with its id and a dot. A session needs every blob that a line of
its log names, also behind damage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from llmrepl.errors import SessionError
from llmrepl.sessions.blobs import FOLDER
from llmrepl.sessions.catalog import SUFFIX, ids, session_path
from llmrepl.sessions.drafts import SUFFIX as DRAFT
from llmrepl.sessions.format import Header
from llmrepl.sessions.packed import bytes_of
from llmrepl.sessions.reader import LogReader

# A quote inside a text of a log is escaped, so that no text can pass for the name of a blob.
_NAMED = re.compile(rb'"sha256":"([0-9a-f]{64})"')


def files_of(directory: Path) -> dict[str, list[Path]]:
    """Return for each session the files that are its own, its log last.

    Drafts are nobody's.

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
        if path.name.endswith((SUFFIX, DRAFT)):
            continue
        owner = _longest(path.name, found)
        if owner:
            found[owner].append(path)
    for name, own in found.items():
        log = session_path(directory, name)
        own[:] = [*(path for path in own if path != log), log]
    return found


class BlobNeeds(NamedTuple):
    """The blobs of a directory: files by their digest, and the digests that each session needs.

    A blob that is being written, or never was finished, is a file of its digest as well.
    """

    files: dict[str, list[Path]]
    needed: dict[str, set[str]]

    def drop(self, session_id: str) -> list[Path]:
        """Take a session out; return the files that it alone needed."""
        mine = self.needed.pop(session_id, set()).difference(*self.needed.values())
        return [file for digest in mine for file in self.files.pop(digest, [])]

    def unclaimed(self) -> list[Path]:
        """Return the files that no session needs: of one that was killed before it named them."""
        needed = set().union(*self.needed.values())
        return [file for name, files in self.files.items() if name not in needed for file in files]


def blobs_of(directory: Path) -> BlobNeeds:
    """Return which session needs which blobs. Where there are none, no session is read."""
    files: dict[str, list[Path]] = {}
    folder = directory / FOLDER
    for path in folder.iterdir() if folder.is_dir() else ():
        files.setdefault(path.name[:64], []).append(path)
    names = ids(directory) if files else ()
    return BlobNeeds(files, {name: _needed(directory, name, files.keys()) for name in names})


def forks_of(directory: Path, session_ids: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
    """Return for each of these sessions its forks: their ids, and how many records they copied."""
    found: dict[str, list[tuple[str, int]]] = {session_id: [] for session_id in session_ids}
    for name in ids(directory) if found else ():
        header = _header(session_path(directory, name))
        if header and header.forked_from and header.forked_from[0] in found:
            found[header.forked_from[0]].append((name, header.forked_from[1]))
    return found


def with_forks(directory: Path, session_ids: Iterable[str]) -> list[str]:
    """Return these sessions, the forks of them, their forks, and so on."""
    going = list(session_ids)
    while True:
        made = (name for forks in forks_of(directory, going).values() for name, _ in forks)
        more = dict.fromkeys(name for name in made if name not in going)
        if not more:
            return going
        going += more


def origin_of(directory: Path, session_id: str) -> tuple[str, int] | None:
    """Return the session that this one was copied from, if it is there, and how many records."""
    header = _header(session_path(directory, session_id))
    origin = header.forked_from if header else None
    return origin if origin and origin[0] in ids(directory) else None


def told_of_kin(directory: Path, going: Sequence[str], more: str = "") -> Iterator[str]:
    """Yield a line for each session that stays and has some of what goes.

    Args:
        directory: where the sessions are.
        going: the ids of those that go.
        more: what follows in the line of a fork.
    """
    for name, made in forks_of(directory, going).items():
        for fork, copied in made:
            if fork not in going:
                yield (
                    f"{fork} was forked from {name} and has its first {copied} records;"
                    f" it stays{more}"
                )
        origin = origin_of(directory, name)
        if origin and origin[1] and origin[0] not in going:
            yield (
                f"{name} was forked from {origin[0]}, which stays and has its first {origin[1]}"
                " records"
            )


def _longest(name: str, known: Iterable[str]) -> str:
    """Return the session whose id begins the name of a file: `a.b.x` is of `a.b`, not of `a`."""
    at = len(name)
    while (at := name.rfind(".", 0, at)) > 0:
        if name[:at] in known:
            return name[:at]
    return ""


def _header(path: Path) -> Header | None:
    try:
        return LogReader(path).header
    except SessionError:
        return None


def _needed(directory: Path, session_id: str, known: Iterable[str]) -> set[str]:
    try:
        content = bytes_of(session_path(directory, session_id))
    except (OSError, SessionError):
        return set(known)  # nobody can tell
    if content.strip(b"\0") and not content.startswith(b"{"):
        return set(known)  # it is not written as this version writes
    return {digest.decode() for digest in _NAMED.findall(content)} & {*known}
