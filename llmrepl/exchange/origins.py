"""The table of formats that conversations are read from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from llmrepl.errors import LlmreplError
from llmrepl.exchange.foreign import Foreign, Unreadable


@dataclass(frozen=True, slots=True)
class Origin:
    """A format: what it is, and the module whose `conversations` reads it, from bytes or a path."""

    purpose: str
    module: str
    by_path: bool = False


_HERE = "llmrepl.exchange"
ORIGINS = {
    "llm": Origin("logs.db of simonw/llm", f"{_HERE}.llm_logs", by_path=True),
    "openai": Origin("messages as in OpenAI's API, JSON", f"{_HERE}.openai_messages"),
    "atif": Origin("a trajectory (ATIF)", f"{_HERE}.trajectories"),
}
"""Every format by its name."""


def read(path: Path, name: str = "") -> Iterator[Foreign]:
    """Yield the conversations in a file.

    Args:
        path: the file, which is only read.
        name: a row of the table; empty to go by what the file holds.

    Raises:
        LlmreplError: there is no such format.
        Unreadable: the file cannot be read, or does not hold what its format says.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise Unreadable(f"cannot read {path}: {exc.strerror}") from exc
    name = name or _name_of(content)
    if name not in ORIGINS:
        raise LlmreplError(f"there is no format {name!r}", hint=f"formats: {', '.join(ORIGINS)}")
    origin = ORIGINS[name]
    try:
        yield from import_module(origin.module).conversations(path if origin.by_path else content)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as exc:
        # What a file of another program holds in a place is anything.
        raise Unreadable(
            f"{path} does not hold what {name} says: {exc!r}",
            hint=f"--format names the format: {', '.join(ORIGINS)}",
        ) from exc


def _name_of(content: bytes) -> str:
    from llmrepl.exchange.llm_logs import MAGIC
    from llmrepl.exchange.trajectories import is_trajectory

    if content.startswith(MAGIC):
        return "llm"
    try:
        data: Any = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        data = None
    return "atif" if is_trajectory(data) else "openai"
