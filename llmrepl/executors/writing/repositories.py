"""Directories that Git takes for repositories of their own, though none is called `.git`.

Git obeys the configuration in them as soon as somebody asks it anything there: they are known by
what is in them, and so could be made out of harmless names.
"""

from __future__ import annotations

from collections.abc import Callable

HEAD = "HEAD"
PARTS = (HEAD, "commondir", "objects", "refs")
"""What tells a repository: the first, and either the second or both others."""

OBEYED = (HEAD, "commondir", "config", "config.worktree", "hooks")
"""What in a repository decides which programs Git starts."""

Kind = Callable[[str], str]
"""Returns the kind of what stands at a path, "" for nothing."""


def is_repository(directory: str, kind: Kind) -> bool:
    """Say whether Git would take a directory for a repository."""
    head, common, *stores = (kind(inside(directory, part)) for part in PARTS)
    return head in ("file", "link") and (bool(common) or all(stores))


def inside(directory: str, name: str) -> str:
    """Return the path of `name` in `directory`, "" being the top."""
    return f"{directory}/{name}" if directory else name


def guarded_part(path: str, before: Kind, after: Kind) -> str:
    """Return the part of `path` up to what makes a directory a repository, or is obeyed in one.

    Args:
        path: what is to change.
        before: what stands there now.
        after: what would stand there if everything changed.
    """
    parts = path.split("/")
    for count, part in enumerate(parts):
        if part not in PARTS and part not in OBEYED:
            continue
        directory = "/".join(parts[:count])
        if is_repository(directory, before):
            found = part in OBEYED
        else:
            last = part == HEAD or bool(before(inside(directory, HEAD)))
            found = part in PARTS and last and is_repository(directory, after)
        if found:
            return "/".join(parts[: count + 1])
    return ""
