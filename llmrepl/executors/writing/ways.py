"""The ways in which blocks write files that last, and how a person is told of them.

A read-only project is none of them. A copy is one (`working_copy`), writing for real another
(`real_writes`); a session may have both, in different directories.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from llmrepl.executors.running.engine import Engine


class Writing(Protocol):
    """One way, told of each block."""

    async def begin(self, engine: Engine) -> str:
        """Make ready for a block; return why the sandbox must start again first, or ""."""
        ...

    async def end(self, engine: Engine, call_id: str) -> str:
        """Take in what a block wrote; return it in words with a diff, or ""."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of changes that were to be applied, or undone.

    Paths, with the reason where not done. A conflict is a file that somebody else changed since.
    """

    done: tuple[str, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
