"""What is protected in a directory that blocks write, and so is mounted read-only over it.

Only what exists is guarded, and as a whole: a mount point can be neither renamed nor removed, and
mounting over a missing name would leave an empty file on the host. Links cannot be mount points;
what they lead to is guarded where it lies in the directory too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from llmrepl.errors import ConfigError
from llmrepl.executors.place import is_protected
from llmrepl.executors.writing.index import Seen

MAX_GUARDS = 250
"""More mounts would take long to make: about 0.2 s for so many, and four times as long for twice.

Files beyond them are put back where a block changed them; directories cannot be.
"""

GIT = ".git"
_GITDIR = re.compile(rb"gitdir:\s*(.+)")
_HOOKS = re.compile(r"^\s*hookspath\s*=\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_MOST = 1 << 16


def guards(top: Path, seen: Mapping[str, Seen]) -> list[str]:
    """Return the paths below `top` to guard: directories first, none inside another.

    Args:
        top: the directory.
        seen: what stands in it.

    Raises:
        ConfigError: there are more directories than can be guarded.
    """
    named = [path for path in seen if is_protected(path.rpartition("/")[2])]
    wanted = {path for path in named if seen[path].kind in ("file", "directory")}
    places = [(top / path, seen[path].kind) for path in named]
    places += [(git, "file" if git.is_file() else "directory") for git in _repositories(top)]
    wanted |= {path for place, kind in places for path in _within(top, _led_to(place, kind))}
    found = [path for path in wanted if not any(p in wanted for p in _above(path))]
    found.sort(key=lambda path: (not (top / path).is_dir(), path.count("/"), path))
    if len(found) > MAX_GUARDS and (top / found[MAX_GUARDS]).is_dir():
        raise ConfigError(
            f"{top} has more than {MAX_GUARDS} directories that have to be protected",
            hint="name a smaller directory in it",
        )
    return found[:MAX_GUARDS]


def _repositories(top: Path) -> Iterator[Path]:
    """Yield the repository that `top` is a part of."""
    for above in top.parents:
        if (above / GIT).exists():
            yield above / GIT
            return


def _led_to(place: Path, kind: str) -> Iterator[Path]:
    """Yield what is obeyed through a protected path, and may lie elsewhere."""
    if kind == "link":
        yield place.resolve()
    if place.name != GIT:
        return
    directory = place.resolve()
    if directory.is_file():  # of a worktree, a submodule, or a directory kept apart
        match = _GITDIR.match(_read(place))
        if match is None:
            return
        directory = (place.parent / os.fsdecode(match[1]).strip()).resolve()
        yield directory
    common = _read(directory / "commondir").strip()
    if common:
        directory = (directory / os.fsdecode(common)).resolve()
        yield directory
    yield (directory / "hooks").resolve()
    for hooks in _HOOKS.findall(os.fsdecode(_read(directory / "config"))):
        yield (place.parent / os.path.expanduser(hooks.strip('"'))).resolve()


def _read(path: Path) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(fd, _MOST)
        finally:
            os.close(fd)
    except OSError:
        return b""


def _within(top: Path, places: Iterable[Path]) -> Iterator[str]:
    for place in places:
        if place != top and place.is_relative_to(top) and place.exists():
            yield str(place.relative_to(top))


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
