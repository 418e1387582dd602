"""The commands about what blocks wrote: /diff, /apply, /discard, and the files of /undo."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.conversing.commands.saying import say, show
from llmrepl.errors import LlmreplError
from llmrepl.events import NoteAdded
from llmrepl.executors.writing.differences import shown
from llmrepl.executors.writing.ways import Applied

MAX_NAMED = 20
"""Paths that the model is told of."""


async def diff(assembly: Assembly, path: str) -> None:
    """Show what blocks changed in their copy of the project."""
    show(assembly, await assembly.executor.written.diff(path) or _unchanged(assembly))


async def apply(assembly: Assembly, path: str) -> None:
    """Write what blocks changed in their copy into the project."""
    applied = await assembly.executor.written.apply([path] if path else None)
    if applied.done:
        assembly.trail.applied(applied.done)
    if not tell(assembly, "applied", applied, "; /diff shows it, /discard drops it"):
        say(_unchanged(assembly))


async def discard(assembly: Assembly, path: str) -> None:
    """Let the copy be as the project again."""
    gone = await assembly.executor.written.discard([path] if path else None)
    if not tell(assembly, "discarded", Applied(tuple(gone))):
        say(_unchanged(assembly))


async def undo_files(assembly: Assembly, blocks: str) -> None:
    """Take back what blocks wrote for real, in the last turn or in the last so many blocks.

    Raises:
        LlmreplError: the argument is no number of blocks.
    """
    if blocks and not (blocks.isdecimal() and int(blocks)):
        raise LlmreplError(
            f"{blocks} is no number of blocks",
            hint="/undo files, or /undo files N for the last N blocks",
        )
    count, undone = await assembly.executor.written.undo(int(blocks) if blocks else None)
    if undone.done:
        assembly.trail.undone(undone.done)
    if not tell(assembly, "undone", undone):
        say("there is nothing to undo: blocks have written nothing for real")
        return
    what = "the last block" if count == 1 else f"the last {count} blocks"
    say(f"That was what {what} wrote.")
    if undone.done:
        some = ", ".join(map(shown, undone.done[:MAX_NAMED]))
        more = len(undone.done) - MAX_NAMED
        names = f"{some} and {more} more" if more > 0 else some
        text = f"The person undid what {what} wrote. As before are again: {names}."
        assembly.runtime.record(NoteAdded(text=text, audience="model"))


def tell(assembly: Assembly, verb: str, applied: Applied, about_conflicts: str = "") -> bool:
    """Say what became of each path; return whether there was any."""
    for name in applied.done:
        show(assembly, f"  {verb:9} {shown(name)}")
    for name, why in applied.conflicts:
        show(assembly, f"  conflict  {shown(name)}: {why}{about_conflicts}")
    for name, why in applied.refused:
        show(assembly, f"  refused   {shown(name)}: {why}")
    return bool(applied.done or applied.conflicts or applied.refused)


def _unchanged(assembly: Assembly) -> str:
    if assembly.executor.settings.copy_on_write:
        return "blocks have changed nothing there that is not applied"
    return f"there is no copy that blocks could change: {assembly.executor.policy}"
