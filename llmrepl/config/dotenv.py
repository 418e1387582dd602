"""The secrets in a project's `.env` files: what a program has read there, it may print.

A value is secret if its name says so, if it is the password of an address, or if it looks made by
a machine: most other values are words that stand in many texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from llmrepl.executors.place import too_broad
from llmrepl.executors.walls.hidden import PUBLIC_FILES, hidden
from llmrepl.redaction import Secret, secrets_in

MOST, LARGEST = 200, 64 * 2**10
"""How many secrets are found, those of the nearest files first, and how many bytes of a file are
read: a project is somebody else's, and may hold anything."""

MADE = 12
"""Letters and digits, of both at least one and nothing in between, that no person thinks of."""

_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*"""
    r"""(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\n]*))""",
    re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"n": "\n", "r": "\r", "t": "\t"}


def secrets_of_project(cwd: Path, home: Path) -> Iterator[Secret]:
    """Yield the secrets in the `.env` files that belong to `cwd`.

    Files that cannot be read are passed over: a block could not read them either.

    Args:
        cwd: the working directory. Its `.env` files count, those below it where they are hidden
            from blocks, and those above it up to the root of the repository.
        home: the person's home directory: it, and what is above it, is no project.
    """
    cwd, home = cwd.resolve(), home.resolve()
    if too_broad(cwd, home):
        return
    below = (path for path in hidden(cwd) if path.name.startswith(".env"))
    above = (path for place in _above(cwd, home) for path in sorted(place.glob(".env*")))
    secrets = (secret for path in chain(below, above) for secret in _in_file(path))
    yield from islice(secrets, MOST)


def values_in(text: str) -> Iterator[Secret]:
    """Yield every name and value of a `.env` file's text."""
    for name, double, single, plain in _LINE.findall(text):
        if plain:
            yield name, re.split(r"\s#", plain, maxsplit=1)[0].strip()
        else:
            yield name, single or _ESCAPE.sub(lambda found: _MEANT.get(found[1], found[1]), double)


def looks_made(value: str) -> bool:
    """Return whether `value` holds what only a machine writes, such as `7f3a9c52e18b`."""
    runs = re.findall(r"[A-Za-z0-9]+", value)
    return any(len(run) >= MADE and not (run.isalpha() or run.isdigit()) for run in runs)


def _in_file(path: Path) -> Iterator[Secret]:
    if path.name in PUBLIC_FILES:
        return
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST).decode(errors="surrogateescape")
    except OSError:
        return
    values = dict(values_in(text))
    yield from secrets_in(values)
    yield from ((name, value) for name, value in values.items() if looks_made(value))


def _above(cwd: Path, home: Path) -> list[Path]:
    """Return the directories above `cwd` that are in its repository."""
    found: list[Path] = []
    for directory in (cwd, *cwd.parents):
        if directory == home or directory in home.parents:
            break
        if directory != cwd:
            found.append(directory)
        if (directory / ".git").exists():
            return found
    return []
