"""The command line for blocks without namespaces: a pure function, and the rules for `reduced`.

A monitor of ours starts the agent and ends what it leaves behind. What is allowed is Landlock's to
say, and for the tier `off` nobody's.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmrepl.errors import SandboxUnavailable
from llmrepl.executors.walls import landlock
from llmrepl.executors.walls.bubblewrap import INSIDE, PACKAGE, start_code
from llmrepl.executors.walls.layout import Layout

MONITOR = Path(__file__).with_name("monitor.py")

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Descriptors(NamedTuple):
    """What the monitor inherits.

    That is the agent's control channel, the system call filter, the rules for the agent and, inside
    those, for blocks; -1 for each of the last three that there is not.
    """

    control: int
    code: int
    outer: int
    inner: int


def arguments(layout: Layout, packages: Path, start: Path, fds: Descriptors) -> list[str]:
    """Return the command line of the monitor.

    Args:
        layout: what this machine has.
        packages: where the agent's package is; see `link_package`.
        start: where blocks start.
        fds: as it says.
    """
    ours = (sys.executable, "-I", "-S", str(MONITOR), str(INSIDE), str(start))
    agent = (str(layout.interpreter.path), "-I", "-S", "-c", start_code(str(packages)))
    return [*ours, str(fds.code), str(fds.outer), *agent, str(fds.control), "-1", str(fds.inner)]


def link_package(private: Path) -> Path:
    """Return a directory where the agent's package has the name it has in a sandbox."""
    packages = private / "packages"
    packages.mkdir(exist_ok=True)
    if not (packages / PACKAGE).is_symlink():
        (packages / PACKAGE).symlink_to(INSIDE)
    return packages


def require_landlock(found: int) -> None:
    """Return where a kernel with version `found` of Landlock has what the rules need.

    Raises:
        SandboxUnavailable: it has not.
    """
    if found < landlock.LEAST:
        has = f"has version {found}" if found else "has none, or it is switched off"
        raise SandboxUnavailable(
            f"the reduced sandbox needs Landlock of version {landlock.LEAST} or newer, and this"
            f" kernel {has}; nothing was run",
            hint="Linux 6.12 is the first with it; `lsm=` on its command line has to name landlock",
        )


def rules(layout: Layout, packages: Path, scratch: Path) -> tuple[int, int]:
    """Return descriptors of the rules for the agent and of those for blocks.

    Raises:
        OSError: they could not be made.
    """
    blocks = tuple(_allowed(layout, scratch))
    ours = ((place, landlock.READ) for place in ("/proc", str(packages), str(INSIDE)))
    agent = landlock.rules((*blocks, *ours))
    try:
        return agent, landlock.rules(blocks)
    except BaseException:
        os.close(agent)
        raise


def _allowed(layout: Layout, scratch: Path) -> Iterator[tuple[str, int]]:
    for path in ("/usr", *(path for path, _ in layout.system), *layout.etc):
        yield path, landlock.READ
    for shown in layout.shown:
        yield str(shown), landlock.READ
    for device in DEVICES:
        yield device, landlock.DEVICE
    yield str(scratch), landlock.WRITE


def running() -> int:
    """Return how many processes and threads this user has."""
    found = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it went while we looked
            if os.stat(f"/proc/{name}").st_uid == os.geteuid():
                found += len(os.listdir(f"/proc/{name}/task"))
    return found
