"""A cap on the number of processes that holds for root too, whom RLIMIT_NPROC does not bind.

Only root can make a control group without asking a session manager, so this is for root alone; and
where it cannot be had, the watchdog still ends a fork bomb, if later.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


class ProcessCap:
    """A control group of one sandbox."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def remove(self) -> None:
        """Remove it; every process in it has ended."""
        with contextlib.suppress(OSError):
            self._directory.rmdir()


def cap_processes(pid: int, most: int) -> ProcessCap | None:
    """Let `pid` and what it starts from now on be at most `most` processes and threads.

    Returns:
        What to remove when they have ended, or None where this cannot be had.
    """
    if os.geteuid() != 0:
        return None
    for parent in _parents():
        _remove_orphans(parent)
        directory = parent / f"llmrepl-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            directory.mkdir()
        except OSError:
            continue
        try:
            (directory / "pids.max").write_text(str(most))
            (directory / "cgroup.procs").write_text(str(pid))
        except OSError:
            ProcessCap(directory).remove()
        else:
            return ProcessCap(directory)
    return None


def _remove_orphans(parent: Path) -> None:
    """Remove the empty groups of processes that were killed before they could."""
    for directory in parent.glob("llmrepl-*-*"):
        owner = directory.name.split("-")[1]
        if not Path(f"/proc/{owner}").exists():
            ProcessCap(directory).remove()


def _parents() -> Iterator[Path]:
    """Yield the groups that could hold ours: of version 1, then of version 2."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:  # a kernel without control groups
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "pids" in controllers.split(","):
            yield MOUNT / "pids" / path.lstrip("/")
    if (MOUNT / "cgroup.subtree_control").is_file():
        yield MOUNT
