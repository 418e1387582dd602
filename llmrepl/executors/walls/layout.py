"""What this machine has that a sandbox shows: facts read from the file system, once per start."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llmrepl.executors.network.words import proxy_variables
from llmrepl.executors.place import HOME
from llmrepl.executors.policy import Policy
from llmrepl.executors.tiers import TIERS
from llmrepl.executors.walls.hidden import hidden
from llmrepl.executors.walls.interpreter import Interpreter, find

SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
"""Directories beside /usr; on most machines links into it."""

STORES = ("/nix/store", "/gnu/store")
"""Where some systems keep every program."""

ETC = (
    "alternatives",
    "ca-certificates",
    "debian_version",
    "fonts",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
"""All that is shown of /etc, beside a made-up list of users."""

PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ", "COLUMNS", "LINES", "NO_COLOR")
"""Variables of the person's that blocks see."""

OWN = ("HOME", "USER", "LOGNAME", "PATH", "SHELL")
"""Variables of the person's that blocks see in addition where they run without a sandbox."""

AGENT = "/run/llmrepl"

_FIXED = {
    "HOME": HOME,
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "SHELL": "/bin/bash",
    "TMPDIR": "/tmp",
    "SCRATCH": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "utf-8",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": f"{HOME}/.matplotlib",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What is mounted besides the sandbox's own file systems.

    `system` are the (path, link target or "") of the directories beside /usr; `shown` the
    directories shown read-only at their own path, none inside another; `links` the (target, path)
    of symbolic links to make; `masked` the files that cannot be read; `kept` what of the Python
    lies where blocks write, and stays read-only; `guarded` what is protected there.
    """

    interpreter: Interpreter
    system: tuple[tuple[str, str], ...]
    etc: tuple[str, ...]
    shown: tuple[Path, ...]
    links: tuple[tuple[str, str], ...]
    masked: tuple[Path, ...]
    kept: tuple[Path, ...] = ()
    guarded: tuple[Path, ...] = ()


def survey(policy: Policy, environ: Mapping[str, str] = os.environ) -> Layout:
    """Return what a sandbox for a settled `policy` shows on this machine.

    Raises:
        ConfigError: the policy names a Python that cannot be used.
        SandboxUnavailable: there is no Python.
    """
    # Without walls no program of the project runs before a person has said yes.
    interpreter = find(policy.python, None if policy.unsandboxed else policy.project, environ)
    project = (policy.project,) if policy.project is not None else ()
    stores = (Path(store) for store in STORES if os.path.isdir(store))
    wanted = (*project, *interpreter.directories, *interpreter.sites, *stores)
    shown = tuple(_outermost(path.resolve() for path in wanted))
    system = tuple((path, _target(path)) for path in SYSTEM if os.path.lexists(path))
    tops = tuple(dict.fromkeys((*project, *policy.write)))
    visible = (Path("/usr"), *shown, *(Path(path) for path, _ in system))
    return Layout(
        interpreter=interpreter,
        system=system,
        etc=tuple(f"/etc/{name}" for name in ETC if os.path.exists(f"/etc/{name}")),
        shown=shown,
        links=tuple(
            (target, path)
            for target, path in interpreter.links
            if not any(Path(path).is_relative_to(top) for top in visible)
        ),
        masked=tuple(path for top in tops for path in hidden(top)),
        kept=tuple(_within(tops, (*interpreter.directories, *interpreter.sites))),
    )


def environment(
    policy: Policy, layout: Layout, environ: Mapping[str, str], scratch: Path = Path("/tmp")
) -> dict[str, str]:
    """Return every variable blocks see. Nothing of `environ` gets in that is not listed here.

    `scratch` is the path at which they see theirs.
    """
    python = layout.interpreter
    variables = {"LANG": "C.UTF-8"}
    variables |= {name: environ[name] for name in PASSED_ON if name in environ}
    variables |= _FIXED
    variables["PATH"] = (
        f"{python.path.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    )
    tier = TIERS[policy.tier]
    if not tier.namespaces:
        place = str(scratch)
        variables |= {"HOME": place, "TMPDIR": place, "SCRATCH": place}
        variables["MPLCONFIGDIR"] = f"{place}/.matplotlib"
    if not tier.walls:
        variables |= {name: environ[name] for name in OWN if name in environ}
    if python.environment is not None:
        variables["VIRTUAL_ENV"] = str(python.environment)
    if python.sites:
        variables["PYTHONUSERBASE"] = str(python.sites[0].parents[2])
    else:
        variables["PYTHONNOUSERSITE"] = "1"
    threads = str(min(os.cpu_count() or 1, 8))  # or a big machine's numpy fills the process limit
    variables |= {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    return variables | proxy_variables(policy.net) | dict(policy.environment)


def _target(path: str) -> str:
    return os.readlink(path) if os.path.islink(path) else ""


def _within(tops: Iterable[Path], paths: Iterable[Path]) -> Iterator[Path]:
    for path in sorted({path.resolve() for path in paths}):
        if any(path.is_relative_to(top) for top in tops):
            yield path


def _outermost(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths that are neither in /usr nor inside another one."""
    wanted = sorted(set(paths))
    for path in wanted:
        tops = (Path("/usr"), *(other for other in wanted if other != path))
        if not any(path.is_relative_to(top) for top in tops):
            yield path
