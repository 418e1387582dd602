"""Checks of the configuration: what is in force, what is doubtful in it, who else can read it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from llmrepl.checks import Finding
from llmrepl.compose.checks.site import Installation

EDIT = "`llmrepl config edit` opens the file, `llmrepl config show` lists what is accepted"


async def configuration(site: Installation) -> Sequence[Finding]:
    """Say which files the configuration comes from, and what is wrong with it."""
    if (problem := site.problem) is not None:
        told = "; the other checks go by the defaults"
        return [Finding(status="failed", message=problem.message + told, fix=problem.hint or EDIT)]
    loaded = site.loaded
    files = [str(f) for f in (loaded.user_file, loaded.project_file) if f and f.exists()]
    found = [_doubt(site, warning) for warning in loaded.warnings]
    found += [_open_directory(path) for path in (site.config, site.data, site.state) if _open(path)]
    message = f"read from {', '.join(files)}" if files else "built-in defaults, no files"
    return found or [Finding(status="ok", message=message, details={"files": files})]


def _doubt(site: Installation, warning: str) -> Finding:
    file = site.loaded.user_file
    if f"chmod 600 {file}" in warning:
        return Finding(
            status="warning",
            message=warning.partition("; ")[0],
            fix=f"chmod 600 {file}",
            repair=partial(_close, file, 0o600),
        )
    if warning.startswith("/"):
        return Finding(status="warning", message=warning, fix=EDIT)
    variable = warning.partition(" ")[0].rstrip(":")
    return Finding(status="warning", message=warning, fix=f"unset {variable}, or correct it")


def _open(path: Path) -> bool:
    """Return whether others can write into a directory of llmrepl's own."""
    return path.exists() and bool(path.stat().st_mode & 0o022)


def _open_directory(path: Path) -> Finding:
    mode = path.stat().st_mode & 0o777
    return Finding(
        status="warning",
        message=f"others can write into {path}, which has mode {mode:04o}",
        fix=f"chmod 700 {path}",
        repair=partial(_close, path, 0o700),
    )


def _close(path: Path, mode: int) -> str:
    path.chmod(mode)
    return f"{path} has mode {mode:04o} now"
