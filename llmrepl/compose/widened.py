"""What a session lets blocks do beyond reading the project, and what therefore needs a yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmrepl.config import Config
from llmrepl.config.paths import (
    PROJECT_RULES_FILE,
    RULES_FILE,
    config_directory,
    home,
    project_file,
)

if TYPE_CHECKING:
    from llmrepl.approvals.judging import Matter

_SCRATCH = "/tmp"  # noqa: S108 - the sandbox's, not the machine's
"""Where blocks may do anything, since nobody else sees it."""


@dataclass(frozen=True, slots=True)
class Widened:
    """What blocks may do beyond reading the project: `unsandboxed` is everything."""

    writes: bool = False
    network: bool = False
    unsandboxed: bool = False

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return self.writes or self.network or self.unsandboxed

    def matter(self, project: Path) -> Matter:
        """Return what needs a yes: what uses what was widened, and what may be hiding that."""
        from llmrepl.approvals.judging import EVERYTHING, NOTHING, Matter
        from llmrepl.approvals.rules import Rule

        if self.unsandboxed or not self:
            return EVERYTHING if self else NOTHING
        kinds = {"execute", "unknown"}
        kinds |= {"write", "delete"} if self.writes else set()
        kinds |= {"network"} if self.network else set()
        shared = project.is_relative_to(_SCRATCH)
        free = () if shared else (Rule("allow", "any", "path", f"{_SCRATCH}/**"),)
        return Matter(kinds, free=free)


@dataclass(frozen=True, slots=True)
class Places:
    """Where rules are kept, and what the paths in them mean: the files need not exist."""

    rules: Path
    project_rules: Path | None
    project: Path
    home: Path


def widened_by(config: Config) -> Widened:
    """Return what the configuration lets blocks do beyond reading the project."""
    sandbox = config.sandbox
    return Widened(
        writes=bool(sandbox.write),
        network=bool(sandbox.net),
        unsandboxed=sandbox.tier == "off",
    )


def places_of(environ: Mapping[str, str], cwd: Path) -> Places:
    """Return where the rules about approvals are."""
    own = home(environ)
    return Places(
        rules=config_directory(environ) / RULES_FILE,
        project_rules=project_file(cwd, own, PROJECT_RULES_FILE),
        project=cwd,
        home=own,
    )
