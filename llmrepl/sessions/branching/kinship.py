"""Which session was forked from which, told by their headers alone.

A header is only what somebody wrote: an origin that is gone gets a place of its own, and origins
that go round in a ring are cut open. Nothing recurses, so no chain is too long.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from llmrepl.sessions.catalog import SUFFIX, newest, session_path
from llmrepl.sessions.format import Header, decode_header
from llmrepl.sessions.lock import Inode, inode
from llmrepl.sessions.packed import head_of

FIRST = 512
"""Bytes in which most headers end."""

LONGEST = 1 << 20
"""Bytes of a header that is read for its origin."""

LEVELS = 8
"""Levels that are drawn; below them the outer ones are left out."""

_FORKED = re.compile(rb'"forked_from"\s*:\s*\{')  # a quote inside JSON text is escaped


class Kin(NamedTuple):
    """A session and where it comes from.

    `origin` is the id and the last seq copied, None where it is no fork; `created` is in Unix
    milliseconds, 0 where it does not matter; `updated` too; `file` is what a lock is known by, None
    where the session itself is gone.
    """

    id: str
    origin: tuple[str, int] | None = None
    created: int = 0
    updated: int = 0
    file: Inode | None = None


class Place(NamedTuple):
    """A session in a tree: its number from 1 on, as it is drawn, its depth, and what leads to it.

    `guide` are the lines that lead to it from above.
    """

    number: int
    kin: Kin
    depth: int
    guide: str


class Tree(NamedTuple):
    """Sessions that have one beginning, those that were forked from one behind it.

    `ring` says that the origins of the first session lead back to it.
    """

    places: list[Place]
    ring: bool

    @property
    def updated(self) -> int:
        """When one of them was last written, Unix time in milliseconds."""
        return max(place.kin.updated for place in self.places)


def kin_in(directory: Path) -> Iterator[Kin]:
    """Yield every session of a directory, the most recently written first.

    Raises:
        SessionError: the directory cannot be read. A session without a header has no origin.
    """
    for session_id, status in newest(directory):
        header = _fork_header(directory, session_id)
        updated = status.st_mtime_ns // 1_000_000
        if header is None:
            yield Kin(session_id, None, 0, updated, inode(status))
        else:
            yield Kin(session_id, header.forked_from, header.created, updated, inode(status))


def trees(kin: Iterable[Kin]) -> list[Tree]:
    """Return the trees, that with the newest session first; most sessions are one alone."""
    known = {one.id: one for one in kin}
    children: dict[str, list[Kin]] = {}
    for one in list(known.values()):
        if one.origin is None:
            continue
        known.setdefault(one.origin[0], Kin(one.origin[0]))
        children.setdefault(one.origin[0], []).append(one)
    for forks in children.values():
        forks.sort(key=_order)
    roots = [(one, False) for one in known.values() if one.origin is None]
    placed: set[str] = set()
    found = [Tree(_places(root, children, placed), ring) for root, ring in roots]
    # What has no place by now has origins that lead to itself, or to others of that kind.
    found.extend(
        Tree(_places(_in_ring(one, known), children, placed), True)
        for one in known.values()
        if one.id not in placed
    )
    found.sort(key=lambda tree: tree.updated, reverse=True)
    return found


def tree_of(kin: Iterable[Kin], session_id: str) -> Tree:
    """Return the tree that a session is in.

    Raises:
        LookupError: there is no such session.
    """
    for tree in trees(kin):
        if any(place.kin.id == session_id for place in tree.places):
            return tree
    raise LookupError(session_id)


def _fork_header(directory: Path, session_id: str) -> Header | None:
    """Return the header of a session that was forked; None for any other."""
    try:
        line = _head(directory, session_id).partition(b"\n")[0]
        return decode_header(line) if _FORKED.search(line) else None
    except (OSError, ValueError, ArithmeticError, RecursionError):
        return None  # gone by now, or nothing that a header is


def _head(directory: Path, session_id: str) -> bytes:
    """Return the bytes of a session that its header is in."""
    try:
        # Text and not a `Path`: there may be ten thousand.
        descriptor = os.open(f"{directory}/{session_id}{SUFFIX}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return head_of(session_path(directory, session_id), LONGEST)
    try:
        head = os.read(descriptor, FIRST)
        if b"\n" not in head and len(head) == FIRST:
            head += os.read(descriptor, LONGEST - FIRST)
        return head
    finally:
        os.close(descriptor)


def _order(kin: Kin) -> tuple[int, int, str]:
    assert kin.origin is not None
    return kin.origin[1], kin.created, kin.id


def _in_ring(one: Kin, known: dict[str, Kin]) -> Kin:
    """Return the oldest session of the ring that the origins of `one` lead into."""
    seen: dict[str, int] = {}
    while one.id not in seen:
        seen[one.id] = len(seen)
        assert one.origin is not None
        one = known[one.origin[0]]
    ring = list(seen)[seen[one.id] :]
    return min((known[name] for name in ring), key=lambda kin: (kin.created, kin.id))


def _places(root: Kin, children: dict[str, list[Kin]], placed: set[str]) -> list[Place]:
    """Return the sessions below `root`, as they are drawn; `placed` gets their ids."""
    if root.id not in children:
        placed.add(root.id)
        return [Place(1, root, 0, "")]
    places: list[Place] = []
    waiting: list[tuple[Kin, int, tuple[str, ...], str]] = [(root, 0, (), "")]
    while waiting:
        kin, depth, levels, branch = waiting.pop()
        if kin.id in placed:
            continue
        placed.add(kin.id)
        more = "⋯ " if depth > LEVELS else ""
        places.append(Place(len(places) + 1, kin, depth, more + "".join(levels) + branch))
        below = {"├─ ": "│  ", "└─ ": "   ", "": ""}[branch]
        levels = (*levels, below)[-LEVELS + 1 :] if below else levels
        forks = children.get(kin.id, [])
        waiting.extend(
            (fork, depth + 1, levels, "└─ " if fork is forks[-1] else "├─ ")
            for fork in reversed(forks)
        )
    return places
