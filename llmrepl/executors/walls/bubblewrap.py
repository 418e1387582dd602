"""The bubblewrap command line for a policy: a pure function, and where bubblewrap itself is found.

The order of the arguments is the order of the mounts. The environment is the one bubblewrap is
started with: a variable removed by an option would still stand in /proc/1/environ.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmrepl.executors.place import HOME
from llmrepl.executors.policy import Policy
from llmrepl.executors.walls.interpreter import outside
from llmrepl.executors.walls.layout import AGENT, Layout

INSIDE = Path(__file__).parents[1] / "inside"
PACKAGE = "_llmrepl_inside"
"""What the agent's package is called in the sandbox, so that it shadows nothing of a person's."""

_NAMESPACES = (
    "--unshare-user",
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-uts",
    "--unshare-net",
    "--unshare-cgroup-try",
)
_CONFINED = (
    "--die-with-parent",
    "--new-session",
    "--as-pid-1",
    *("--hostname", "sandbox"),
    *("--uid", "1000"),
    *("--gid", "1000"),
    *("--cap-drop", "ALL"),
)


@dataclass(frozen=True, slots=True)
class Features:
    """What not every bubblewrap knows, or is allowed to do.

    `size` bounds the file systems in memory, which else the watchdog alone does; `disable_userns`
    keeps out new user namespaces, which else the system call filter alone does. Without `proc`
    there is an empty directory: what runs is then told to the agent alone, through a descriptor.
    """

    size: bool = True
    disable_userns: bool = True
    proc: bool = True


VARIANTS = {
    "full": Features(),
    "without --disable-userns": Features(disable_userns=False),
    "with an empty /proc": Features(disable_userns=False, proc=False),
    "without --size and --disable-userns": Features(disable_userns=False, size=False),
    "without --size and --disable-userns, with an empty /proc": Features(
        disable_userns=False, size=False, proc=False
    ),
}
"""What is tried, in this order: the first that comes up has to prove itself."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the host made for one sandbox.

    `private` is a directory of files to mount from, `scratch` what blocks see as /tmp, `devices`
    the names of those in `private/dev`; the descriptors are inherited by bubblewrap, `proc` being
    a /proc where the sandbox has none of its own, else -1. `merged` is where the project's copy is,
    or None for the project itself.
    """

    private: Path
    scratch: Path
    devices: tuple[str, ...]
    control: int
    seccomp: int
    merged: Path | None = None
    proc: int = -1


def start_code(packages: str) -> str:
    """Return the code that starts the agent, whose package lies in the directory `packages`."""
    path = f"sys.path.insert(0, {packages!r})"
    return f"import sys; {path}; import {PACKAGE}.agent as agent; agent.main()"


def arguments(
    policy: Policy, layout: Layout, session: Session, features: Features | None = None
) -> list[str]:
    """Return the arguments bubblewrap is started with, its own name excluded."""
    features = features or Features()
    return [
        *_NAMESPACES,
        *(["--disable-userns"] if features.disable_userns else []),
        *_CONFINED,
        *_system(layout, session),
        *(("--proc", "/proc") if features.proc else _tmpfs("/proc", 4096, features)),
        *("--remount-ro", "/proc"),  # root could write its /proc/sys
        *("--dev", "/dev"),
        *(argument for name in session.devices for argument in _device(session, name)),
        *_tmpfs("/dev/shm", policy.limits.home_size, features),
        *("--remount-ro", "/dev"),
        *("--bind", str(session.scratch), "/tmp"),
        *("--perms", "0755", "--dir", "/home"),
        *_tmpfs(HOME, policy.limits.home_size, features),
        *(argument for path in layout.shown for argument in _shown(path)),
        *_written(policy, layout, session),
        *(argument for link in _our_links(layout) for argument in ("--symlink", *link)),
        *(argument for path in layout.masked for argument in _from(session, "masked", str(path))),
        *("--perms", "0755", "--dir", AGENT),
        *("--ro-bind", str(INSIDE), f"{AGENT}/{PACKAGE}"),
        *("--chdir", str(policy.project or "/tmp")),
        *("--remount-ro", "/"),
        *("--seccomp", str(session.seccomp)),
        "--",
        *(str(layout.interpreter.path), "-I", "-S", "-c", start_code(AGENT)),
        *(str(session.control), str(session.proc)),
    ]


def locate(project: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the bubblewrap on PATH, /usr/bin first, or None; never one in the project."""
    directories = list(outside(environ.get("PATH", os.defpath), project))
    directories.sort(key=lambda directory: directory != Path("/usr/bin"))
    for directory in directories:
        path = directory / "bwrap"
        if not os.access(path, os.X_OK):
            continue
        if project is None or not path.resolve().is_relative_to(project):
            return path
    return None


def _system(layout: Layout, session: Session) -> list[str]:
    found = ["--ro-bind", "/usr", "/usr", "--perms", "0755", "--dir", "/etc"]
    for path, target in layout.system:
        found += ["--symlink", target, path] if target else ["--ro-bind", path, path]
    for path in layout.etc:
        found += ["--ro-bind", path, path]
    for name in ("passwd", "group", "hosts"):
        found += _from(session, name, f"/etc/{name}")
    return found


def _tmpfs(path: str, size: int, features: Features) -> list[str]:
    bounded = ["--size", str(size)] if features.size else []
    return [*bounded, "--perms", "0700", "--tmpfs", path]


def _our_links(layout: Layout) -> list[tuple[str, str]]:
    """Return the links to make here: those below /tmp are made in the scratch."""
    return [link for link in layout.links if not Path(link[1]).is_relative_to("/tmp")]


def _shown(path: Path) -> tuple[str, str, str]:
    return ("--ro-bind", str(path), str(path))


def _written(policy: Policy, layout: Layout, session: Session) -> list[str]:
    """Return the mounts that can be written, and over them what stays read-only."""
    found: list[str] = []
    if session.merged is not None and policy.project is not None:
        found += ["--bind", str(session.merged), str(policy.project)]
    for path in policy.write:
        found += ["--bind", str(path), str(path)]
    if found:
        for path in (*layout.kept, *layout.guarded):
            found += _shown(path)
    return found


def _device(session: Session, name: str) -> tuple[str, str, str]:
    return ("--dev-bind", str(session.private / "dev" / name), f"/dev/{name}")


def _from(session: Session, name: str, path: str) -> tuple[str, str, str]:
    return ("--ro-bind", str(session.private / name), path)
