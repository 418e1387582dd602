"""Which directories blocks may see and write, and which names in them must not be changed.

A directory that holds more than a project, such as $HOME or /, is neither shown nor written.
"""

from __future__ import annotations

import fnmatch
import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from llmrepl.errors import ConfigError
from llmrepl.executors.policy import Policy

HOME = "/home/sandbox"
"""The home directory that blocks have."""

OWN_MOUNTS = (
    *("/bin", "/dev", "/etc", "/home", HOME, "/lib", "/lib64", "/proc", "/root"),
    *("/run", "/sbin", "/sys", "/tmp", "/usr", "/var"),
)
"""Places with a meaning of their own in the sandbox: no project, nor is what lies above them."""

NEVER_BELOW = ("/dev", "/proc", "/sys")

SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root"),
    *("/run", "/sbin", "/sys", "/usr"),
)
"""Nothing in them is ever written, the home directory of root excepted."""

SECRET_DIRECTORIES = (".aws", ".docker", ".gnupg", ".kube", ".ssh")
"""In $HOME they are never a project; a directory that holds one of the first is somebody's home."""

HOME_MARKS = (".aws", ".gnupg", ".ssh")

PROTECTED = (
    *(".bzr", ".git", ".gitconfig", ".gitmodules", ".hg", ".jj", ".sl", ".svn"),
    *(".bash_aliases", ".bash_login", ".bash_logout", ".bash_profile", ".bashrc", ".envrc"),
    *(".inputrc", ".login", ".profile", ".zlogin", ".zprofile", ".zshenv", ".zshrc"),
    *(".config", ".local", ".direnv", ".mise*", "mise*.toml", ".tool-versions"),
    *(
        ".devcontainer",
        ".dir-locals.el",
        ".emacs",
        ".emacs.d",
        ".exrc",
        ".fleet",
        ".gvimrc",
        ".idea",
    ),
    *(".nvim.lua", ".nvimrc", ".vim", ".vimrc", ".vscode", ".zed", "*.code-workspace"),
    *(".agents", ".aider*", ".claude", ".clinerules", ".codex", ".continue", ".cursor*", ".gemini"),
    *(".kiro", ".llmrepl*", ".mcp.json", ".roo", ".windsurf*"),
    *(".gdbinit", ".irbrc", ".lldbinit", ".pdbrc*", ".pryrc", ".rprofile"),
    *(
        ".husky",
        ".lefthook*",
        "lefthook*.yml",
        "lefthook*.yaml",
        ".pre-commit-config.yaml",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".yarnrc*",
        ".ssh",
    ),
    *("*.pth", "sitecustomize.py", "usercustomize.py"),
)
"""Names, anywhere in a project, of what is run or obeyed without anybody asking for it.

Version control, start-up of shells and interpreters, configuration of editors and of agents.
"""

_PROTECTED = re.compile("|".join(map(fnmatch.translate, PROTECTED)))


def settle(policy: Policy, environ: Mapping[str, str] = os.environ) -> Policy:
    """Return `policy` with real paths, and without a project that must not be shown.

    The `note` then says why.

    Raises:
        ConfigError: it lets blocks write a directory that they must not.
    """
    home = home_of(environ)
    write = tuple(outermost(path.resolve() for path in policy.write))
    policy = replace(policy, write=write)
    if policy.scratch is not None:
        policy = replace(policy, scratch=policy.scratch.resolve())
    if policy.project is not None:
        project = policy.project.resolve()
        problem = too_broad(project, home)
        policy = replace(policy, project=None if problem else project, note=problem)
    for path in write:
        problem = unwritable(path, policy, home)
        if problem:
            raise ConfigError(
                f"blocks cannot be let write {path}: {problem}",
                hint="name a directory of the project, or another that holds nothing else",
            )
    return policy


def outermost(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths that do not lie in another one, sorted."""
    last: Path | None = None
    for path in sorted(set(paths)):
        if last is None or not path.is_relative_to(last):
            last = path
            yield path


def home_of(environ: Mapping[str, str]) -> Path:
    """Return the person's home directory."""
    return Path(environ.get("HOME") or os.path.expanduser("~")).resolve()


def too_broad(directory: Path, home: Path) -> str:
    """Return why blocks must not be shown `directory`, in a few words, or ""."""
    if not directory.is_dir():
        return f"{directory} is not a directory"
    if directory == home:
        return f"{directory} is the home directory"
    if directory == Path("/"):
        return "/ is the whole machine"
    if directory in home.parents or any(
        directory in (Path(place), *Path(place).parents) for place in OWN_MOUNTS
    ):
        return f"{directory} is not a project but a part of the machine"
    if any(directory.is_relative_to(place) for place in NEVER_BELOW):
        return f"{directory} is not a project but a part of the machine"
    if any(directory.is_relative_to(home / name) for name in SECRET_DIRECTORIES):
        return f"{directory} holds secrets"
    marks = [name for name in HOME_MARKS if (directory / name).exists()]
    return f"{directory} holds {marks[0]}, as a home directory does" if marks else ""


def unwritable(directory: Path, policy: Policy, home: Path) -> str:
    """Return why blocks must not write `directory`, in a few words, or ""."""
    problem = too_broad(directory, home)
    if problem:
        return problem
    system = not directory.is_relative_to(home)
    if system and any(directory.is_relative_to(place) for place in SYSTEM):
        return "it is a part of the system"
    for own in policy.closed:
        if own.is_relative_to(directory) or directory.is_relative_to(own):
            return f"llmrepl keeps files of its own in {own}"
    tops = [top for top in (policy.project, home) if top and directory.is_relative_to(top)]
    guarded = protected(str(directory.relative_to(tops[0] if tops else "/")))
    return f"{guarded} is protected, being run or obeyed by other programs" if guarded else ""


@functools.lru_cache(maxsize=1 << 16)
def is_protected(name: str) -> bool:
    """Say whether a file or directory of this name is protected; see `PROTECTED`."""
    return _PROTECTED.match(name.casefold()) is not None


def protected(path: str) -> str:
    """Return the part of `path` up to the first name in `PROTECTED`, or ""."""
    parts = path.split("/")
    for count, part in enumerate(parts, 1):
        if is_protected(part):
            return "/".join(parts[:count])
    return ""
