"""The command /export: this session in another format, in a file."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.conversing.commands.saying import show
from llmrepl.errors import SessionError

DRAWN_BY = "timeline"
"""The display that draws a recording."""


async def export(assembly: Assembly, argument: str) -> None:
    """Write the session in a format, Markdown unless another is named, to a new file.

    Raises:
        LlmreplError: the session is not saved, there is no such format, or the file exists.
    """
    from llmrepl.compose.exporting import exported, save
    from llmrepl.exchange.formats import format_of

    name, _, file = argument.partition(" ")
    name = name or "md"
    row = format_of(name)
    if assembly.opened is None or not assembly.opened.log.seq:
        raise SessionError(
            "there is nothing saved to export yet", hint="--no-save keeps sessions unsaved"
        )
    log = assembly.opened.log
    text, _problem = exported(log.path, name, assembly.redactor, DRAWN_BY)
    path = assembly.cwd / (file.strip() or f"{log.id}{row.suffix}")
    save(text, path, fresh=True)
    show(assembly, f"  written: {path}")
