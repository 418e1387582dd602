"""The files of a directory that can be mentioned: what git would show, else a bounded walk.

What the sandbox hides from blocks is not among them. Blocking: to be called in a thread.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from llmrepl.executors.walls.hidden import NOT_ENTERED, is_secret

MOST = 50_000
"""Files that are offered."""

GIT_SECONDS = 5.0
FRESH = 3.0
"""Seconds for which a listing is used again, while somebody types."""

GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false")
"""Git without the programs that a project's own configuration could make it run."""

LISTING = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")


class ProjectFiles:
    """The files below a directory, as paths relative to it.

    Args:
        directory: the current one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._listed: list[str] = []
        self._until = 0.0

    def paths(self) -> list[str]:
        """Return the paths, in alphabetical order; a few seconds old at most."""
        if time.monotonic() >= self._until:
            found = self._of_git()
            paths = iter(found) if found else self._walked()
            offered = (path for path in paths if not is_secret(path) and path.isprintable())
            self._listed = sorted(islice(offered, MOST))
            self._until = time.monotonic() + FRESH
        return self._listed

    def _of_git(self) -> list[str]:
        """Return what git lists: nothing where this is no repository, or all of it is ignored."""
        try:
            ran = subprocess.run(  # noqa: S603 - a program and options that stand here
                [*GIT, "-C", str(self._directory), *LISTING],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=GIT_SECONDS,
            )
        except (OSError, subprocess.SubprocessError):
            return []
        return [path for path in os.fsdecode(ran.stdout).split("\0") if path]

    def _walked(self) -> Iterator[str]:
        """Yield every file, level by level; links and what begins with a dot are not followed."""
        level = [""]
        while level:
            below: list[str] = []
            for folder in level:
                try:
                    with os.scandir(self._directory / folder) as entries:
                        listed = sorted(entries, key=lambda entry: entry.name)
                except OSError:
                    continue
                for entry in listed:
                    path = folder + entry.name
                    if not entry.is_dir(follow_symlinks=False):
                        yield path
                    elif entry.name not in NOT_ENTERED and not entry.name.startswith("."):
                        below.append(f"{path}/")
            level = below
