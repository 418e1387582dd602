"""Which directories may be shown to blocks, and which names in them must not be changed.

A directory that holds more than a project, such as $HOME or /, is never shown.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from llmrepl.executors.policy import Policy

OWN_MOUNTS = (
    *("/bin", "/dev", "/etc", "/home", "/home/sandbox", "/lib", "/lib64", "/proc", "/root"),
    *("/run", "/sbin", "/sys", "/tmp", "/usr", "/var"),
)
"""Places with a meaning of their own in the sandbox: no project, nor is what lies above them."""

NEVER_BELOW = ("/dev", "/proc", "/sys")

SECRET_DIRECTORIES = (".aws", ".docker", ".gnupg", ".kube", ".ssh")
"""In $HOME they are never a project; a directory that holds one of the first is somebody's home."""

HOME_MARKS = (".aws", ".gnupg", ".ssh")

PROTECTED = (
    *(".git", ".gitconfig", ".gitmodules", ".hg", ".svn"),
    *(".bash_aliases", ".bash_login", ".bash_logout", ".bash_profile", ".bashrc", ".envrc"),
    *(".inputrc", ".login", ".profile", ".zlogin", ".zprofile", ".zshenv", ".zshrc"),
    *(".config", ".local", ".direnv", ".mise.toml", "mise.toml", ".tool-versions"),
    *(".devcontainer", ".dir-locals.el", ".emacs", ".emacs.d", ".exrc", ".fleet", ".idea"),
    *(".nvim.lua", ".nvimrc", ".vim", ".vimrc", ".vscode", ".zed", "*.code-workspace"),
    *(".agents", ".aider*", ".claude", ".codex", ".cursor", ".gemini", ".llmrepl*", ".mcp.json"),
    *(".husky", ".pre-commit-config.yaml", ".netrc", ".npmrc", ".pypirc", ".yarnrc*", ".ssh"),
    *("*.pth", "sitecustomize.py", "usercustomize.py"),
)
"""Names, anywhere in a project, of what is run or obeyed without anybody asking for it.

Version control, start-up of shells and interpreters, configuration of editors and of agents.
"""


def settle(policy: Policy, environ: Mapping[str, str] = os.environ) -> Policy:
    """Return `policy` with real paths, and without a project that must not be shown.

    The `note` then says why.
    """
    if policy.scratch is not None:
        policy = replace(policy, scratch=policy.scratch.resolve())
    if policy.project is None:
        return policy
    project = policy.project.resolve()
    problem = too_broad(project, home_of(environ))
    if problem:
        return replace(policy, project=None, note=problem)
    return replace(policy, project=project)


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


def protected(path: str) -> str:
    """Return the part of `path` up to the first name in `PROTECTED`, or ""."""
    parts = path.split("/")
    for count, part in enumerate(parts, 1):
        if any(fnmatch.fnmatchcase(part.casefold(), pattern) for pattern in PROTECTED):
            return "/".join(parts[:count])
    return ""
