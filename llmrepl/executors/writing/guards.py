"""What is protected in a directory that blocks write, and so is mounted read-only over it.

Only what exists is guarded, and as a whole: a mount point can be neither renamed nor removed, and
mounting over a missing name would leave an empty file on the host. Links cannot be mount points;
what they lead to is guarded where it lies in the directory too.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from llmrepl.errors import ConfigError
from llmrepl.executors.place import is_protected
from llmrepl.executors.writing.index import Seen
from llmrepl.executors.writing.repositories import HEAD, OBEYED, is_repository

MAX_GUARDS = 250
"""More mounts would take long to make: about 0.2 s for so many, and four times as long for twice.

Files beyond them are put back where a block changed them; directories cannot be.
"""

MAX_INCLUDED = 10
"""How deep Git's configuration may include other files."""

MAX_LINKS = 1000
"""Files of a protected directory that are looked at."""

GIT = ".git"
_GITDIR = re.compile(rb"gitdir:\s*(.+)")
_SETS = re.compile(
    r"^\s*(?:\[[^\]\n]*\]\s*)?(hookspath|fsmonitor|path)\s*=\s*([^\n\0]+?)\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_MOST = 1 << 16


def guards(top: Path, seen: Mapping[str, Seen]) -> list[str]:
    """Return the paths below `top` to guard: directories first, none inside another.

    What would be obeyed but is missing is among them, as it must not be made either.

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
    wanted |= set(_bare(seen))
    wanted |= {path for place, kind in places for path in _within(top, _led_to(place, kind))}
    found = [path for path in wanted if not any(p in wanted for p in _above(path))]
    found.sort(key=lambda path: (not (top / path).is_dir(), path.count("/"), path))
    if len(found) > MAX_GUARDS and (top / found[MAX_GUARDS]).is_dir():
        raise ConfigError(
            f"{top} has more than {MAX_GUARDS} directories that have to be protected",
            hint="name a smaller directory in it",
        )
    return found[:MAX_GUARDS]


def _bare(seen: Mapping[str, Seen]) -> Iterator[str]:
    """Yield repositories of other names than `.git`; of `top` itself, what is obeyed in it."""

    def kind(path: str) -> str:
        return seen[path].kind if path in seen else ""

    for path in seen:
        directory, _, name = path.rpartition("/")
        if name == HEAD and is_repository(directory, kind):
            yield from [directory] if directory else filter(kind, OBEYED)


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
        if kind == "directory":
            yield from _links(place)
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
    named = {(directory / "hooks").resolve()}
    for config in ("config", "config.worktree"):
        named |= set(_configured((directory / config).resolve(), place.parent))
    for path in named:
        yield path
        yield from _links(path)


def _configured(config: Path, tree: Path, depth: int = MAX_INCLUDED) -> Iterator[Path]:
    """Yield a file of Git's configuration, and what it makes Git read or start."""
    yield config
    for key, value in _SETS.findall(os.fsdecode(_read(config))):
        path = os.path.expanduser(value.strip('"'))
        if key.lower() != "path":
            yield (tree / path).resolve()
        elif depth:
            yield from _configured((config.parent / path).resolve(), tree, depth - 1)


def _links(directory: Path) -> Iterator[Path]:
    """Yield the files to which links in a directory lead."""
    names = (Path(at, name) for at, _, files in os.walk(directory) for name in files)
    for path in itertools.islice(names, MAX_LINKS):
        if path.is_symlink() and path.is_file():
            yield path.resolve()


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
        if place != top and place.is_relative_to(top):
            yield str(place.relative_to(top))


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
