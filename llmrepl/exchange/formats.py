"""The table of formats that sessions are written in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from llmrepl.errors import LlmreplError
from llmrepl.exchange.told import Session


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the end of its files' names, what it is for, and what writes it.

    `drawn` says that its writer is also given what opens a display, and when what is shown.
    """

    suffix: str
    purpose: str
    writer: tuple[str, str]
    drawn: bool = False

    def load(self) -> Callable[..., str]:
        """Return the writer, which makes text of a session."""
        module, name = self.writer
        return cast("Callable[..., str]", getattr(import_module(module), name))


_HERE = "llmrepl.exchange"
FORMATS = {
    "md": Format(".md", "Markdown, to read", (f"{_HERE}.markdown", "markdown")),
    "html": Format(".html", "one page, to show around", (f"{_HERE}.page", "page")),
    "json": Format(".json", "one object, for programs", (f"{_HERE}.document", "document")),
    "atif": Format(".atif.json", "a trajectory (ATIF)", (f"{_HERE}.atif", "trajectory")),
    "cast": Format(".cast", "a recording (asciicast v3)", (f"{_HERE}.cast", "cast"), drawn=True),
    "ipynb": Format(".ipynb", "a Jupyter notebook", (f"{_HERE}.notebook", "notebook")),
}
"""Every format by its name; a writer is loaded when it writes."""


def format_of(name: str) -> Format:
    """Return the format called `name`.

    Raises:
        LlmreplError: there is none.
    """
    if name not in FORMATS:
        raise LlmreplError(f"there is no format {name!r}", hint=f"formats: {', '.join(FORMATS)}")
    return FORMATS[name]


def written(
    session: Session,
    name: str,
    open_display: Callable[..., object],
    timing: Callable[..., object],
) -> str:
    """Return `session` in the format called `name`.

    Args:
        session: what is written.
        name: a row of the table.
        open_display: makes the display that draws a recording, from a `llmrepl.ports.Surface`.
        timing: says when a recording shows what; see `llmrepl.exchange.cast.Timing`.
    """
    row = format_of(name)
    return row.load()(session, open_display, timing) if row.drawn else row.load()(session)
