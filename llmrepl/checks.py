"""What a health check is, for whoever writes one: a function of a place that returns findings.

A check only looks. What mends something is a `repair` of what was found, which a person asks for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Status = Literal["ok", "warning", "failed", "skipped"]
"""`skipped` is what there is nothing to look at for: no terminal, or a package nobody wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check says.

    `message` says what is so and `fix` what mends it, which all that is not right should have.
    `subject` is what of several things it is about, like `groq/llama-3.3-70b-versatile`; empty
    where a check has one. `details` are JSON-ready, and `measures` are numbers for monitoring by
    names that end with their unit. `repair` does what is safe to do unasked, blocking, and returns
    what it did.
    """

    status: Status
    message: str
    fix: str = ""
    subject: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    repair: Callable[[], str] | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a check looks.

    `environ` are the environment variables, `cwd` is the working directory. `config`, `data`,
    `cache` and `state` are llmrepl's own directories, which need not exist. `limit` is how many
    seconds anything may take that is waited for.
    """

    environ: Mapping[str, str]
    cwd: Path
    config: Path
    data: Path
    cache: Path
    state: Path
    limit: float


Check = Callable[[Site], Awaitable[Sequence[Finding]]]
"""What an entry point of the group `llmrepl.checks` names.

Checks run at the same time: one that blocks does so in a thread. One that raises has failed.
"""
