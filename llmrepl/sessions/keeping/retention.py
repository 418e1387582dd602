"""Which sessions the rules of retention let go, and why: a plan, which deletes nothing.

The least recently used go first. One that is being written, has a tag that is kept, or cannot be
read stays, whatever the rules say; the plan names it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from llmrepl.errors import SessionError
from llmrepl.events import TurnStarted
from llmrepl.parts import text_of
from llmrepl.sessions.catalog import newest, session_path
from llmrepl.sessions.holdings import blobs_of, files_of, forks_of
from llmrepl.sessions.keeping.tags import tags_of
from llmrepl.sessions.lock import Inode, holders, inode
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.sealed.sealing import SessionSealed

DAY = 86_400_000
"""Milliseconds of a day."""


class Rules(NamedTuple):
    """What is kept: sessions used in the last `days`, and of all together `size` bytes.

    None means no such rule. A session with one of `tags` is kept for ever.
    """

    days: int | None = None
    size: int | None = None
    tags: tuple[str, ...] = ()


class Found(NamedTuple):
    """A session and what the rules say of it, in a few words.

    `used` is the Unix time of its last use in milliseconds, `size` what goes with it in bytes,
    `prompt` the first line of its first prompt. `forks` were copied from it and stay.
    """

    id: str
    used: int
    size: int
    why: str
    prompt: str = ""
    forks: tuple[str, ...] = ()


class Plan(NamedTuple):
    """What goes, the least recently used first; what stays although a rule lets it go.

    `size` is what all sessions take now, in bytes.
    """

    going: tuple[Found, ...]
    held: tuple[Found, ...]
    size: int

    @property
    def left(self) -> int:
        """What all sessions take afterwards, in bytes."""
        return self.size - sum(session.size for session in self.going)


def plan(directory: Path, rules: Rules, now: int) -> Plan:
    """Return what the rules let go of the sessions in `directory`.

    Args:
        directory: where the sessions are.
        rules: what is kept.
        now: Unix time in milliseconds.

    Raises:
        SessionError: the directory cannot be read.
    """
    found = newest(directory)
    weights = _Weights(directory)
    size = left = weights.all()
    locked = holders()
    going: list[Found] = []
    held: list[Found] = []
    for name, facts in reversed(found):
        used = facts.st_mtime_ns // 1_000_000
        why = _why(rules, (now - used) // DAY, left)
        if not why:
            continue
        prompt, tags, stays = _looked_into(session_path(directory, name))
        stays = _held(rules, facts, locked, tags) or stays
        if stays:
            held.append(Found(name, used, 0, f"{stays}, although {why}", prompt))
            continue
        weight = weights.drop(name)
        left -= weight
        going.append(Found(name, used, weight, why, prompt))
    forks = forks_of(directory, [session.id for session in going])
    return Plan(
        tuple(
            session._replace(
                forks=tuple(name for name, _ in forks[session.id] if name not in forks)
            )
            for session in going
        ),
        tuple(held),
        size,
    )


class _Weights:
    """What sessions take on disk; a blob goes with the last one that needs it."""

    def __init__(self, directory: Path) -> None:
        self._own = {name: sum(map(_size, own)) for name, own in files_of(directory).items()}
        self._blobs = blobs_of(directory)

    def all(self) -> int:
        blobs = (file for files in self._blobs.files.values() for file in files)
        return sum(self._own.values()) + sum(map(_size, blobs))

    def drop(self, session_id: str) -> int:
        return self._own.get(session_id, 0) + sum(map(_size, self._blobs.drop(session_id)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # removed since the directory was read


def _why(rules: Rules, days: int, left: int) -> str:
    if rules.days is not None and days >= rules.days:
        return f"it was not used for {days} days"
    if rules.size is not None and left > rules.size:
        return "all sessions together are too large"
    return ""


def _held(
    rules: Rules, facts: os.stat_result, locked: Mapping[Inode, int], tags: tuple[str, ...]
) -> str:
    pid = locked.get(inode(facts))
    if pid is not None:
        return f"open in process {pid}"
    kept = next((tag for tag in tags if tag in rules.tags), "")
    return f"tagged {kept}" if kept else ""


def _looked_into(path: Path) -> tuple[str, tuple[str, ...], str]:
    """Return the first line of the first prompt, the tags, and why they cannot be known."""
    try:
        records = list(LogReader(path))
    except SessionSealed:
        return "", (), "it is sealed, and no key of it is here"
    except SessionError:
        return "", (), "it cannot be read"
    prompts = (text_of(r.event.prompt) for r in records if isinstance(r.event, TurnStarted))
    lines = next(prompts, "").strip().splitlines()
    return (lines[0].strip() if lines else ""), tags_of(records), ""
