"""Which files of a project usually hold secrets, so that blocks cannot read them.

The search is bounded and goes by names: what it does not find can be read.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

SECRET_FILES = (
    ".env",
    ".env.*",
    ".envrc",
    "*.key",
    "*.p12",
    "*.pem",
    "*.pfx",
    ".git-credentials",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
)
"""Names that blocks cannot read, in any spelling."""

PUBLIC_FILES = (".env.example", ".env.sample", ".env.template", ".env.dist")

MAYBE_PUBLIC = ("*.key", "*.pem")
"""Names of certificates and public keys too: below the top directory, the content decides."""

PRIVATE = b"PRIVATE KEY-----"
HEAD = 1 << 16

NOT_ENTERED = frozenset({".git", ".hg", ".svn", "__pycache__", "node_modules", "site-packages"})
"""What others wrote, or no person does."""

MAX_DEPTH = 6
MAX_ENTRIES = 20_000
"""Entries that are looked at, nearest to the top first: about 30 ms."""

MAX_FILES = 200
"""Each takes a mount."""


def hidden(project: Path) -> Iterator[Path]:
    """Yield the files of `project` that usually hold secrets, nearest to the top first.

    A symbolic link stands for what it points to, where that is in the project too: what is outside
    is not visible anyway.
    """
    found = dict.fromkeys(path for path in _named(project) if path.is_relative_to(project))
    yield from itertools.islice(found, MAX_FILES)


def _named(project: Path) -> Iterator[Path]:
    for entry, depth in itertools.islice(_entries(project), MAX_ENTRIES):
        name = entry.name
        if not is_secret(name):
            continue
        path = Path(entry.path).resolve()
        if path.is_file() and not (depth and _is_one(name, MAYBE_PUBLIC) and _is_public(path)):
            yield path


def is_secret(path: str) -> bool:
    """Say whether a file of this name usually holds secrets."""
    name = path.rpartition("/")[2]
    return name.lower() not in PUBLIC_FILES and _is_one(name, SECRET_FILES)


def _is_one(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in patterns)


def _is_public(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return PRIVATE not in file.read(HEAD)
    except OSError:
        return False


def _entries(project: Path) -> Iterator[tuple[os.DirEntry[str], int]]:
    """Yield every entry with its depth, level by level; links are not followed."""
    level = [str(project)]
    for depth in range(MAX_DEPTH + 1):
        below: list[str] = []
        for directory in level:
            try:
                with os.scandir(directory) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError:
                continue  # blocks cannot read it either
            for entry in listed:
                yield entry, depth
                if entry.name not in NOT_ENTERED and entry.is_dir(follow_symlinks=False):
                    below.append(entry.path)
        level = below
