"""The commands /compact, /uncompact and /pin: what the model is told of what was said before."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.conversing.commands.following import Following
from llmrepl.conversing.commands.saying import say, show
from llmrepl.errors import LlmreplError
from llmrepl.events import ContextPinned, NoteAdded
from llmrepl.parts import text_of

LAST = "last"
PINNED = "The person pinned this, and wants it kept in mind: "


async def compact(assembly: Assembly, focus: str) -> Following:
    """Ask the model for a summary of the older turns; the display shows what came of it."""
    await assembly.counting.done()
    await assembly.context_size.ask()
    return Following(turn=_compacted(assembly, focus))


async def _compacted(assembly: Assembly, focus: str) -> str:
    event = await assembly.runtime.compact(focus)
    if event is None:
        say("there is nothing to compact: the last turns stay as they are")
    return "end_turn" if event is None or not event.problem else "error"


async def uncompact(assembly: Assembly, _: str) -> None:
    """Send again what the last compaction or trimming took.

    Raises:
        LlmreplError: there was none.
    """
    if not assembly.runtime.state.folds:
        raise LlmreplError(
            "nothing was compacted", hint="/compact lets a summary stand for the older turns"
        )
    assembly.runtime.restore()


async def pin(assembly: Assembly, argument: str) -> None:
    """Show what is pinned, pin a text or the last answer, or drop a pin.

    Raises:
        LlmreplError: there is no such pin, or no answer yet.
    """
    runtime = assembly.runtime
    pins = runtime.state.pinned
    word, _, rest = argument.partition(" ")
    if not argument:
        for number, text in enumerate(pins, 1):
            show(assembly, f"  {number}  {text}")
        if not pins:
            say("nothing is pinned; /pin TEXT pins a text, /pin last the last answer")
    elif word == "drop":
        if not rest.isdecimal() or not 1 <= int(rest) <= len(pins):
            raise LlmreplError(f"there is no pin {rest}", hint=f"there are {len(pins)}; /pin")
        runtime.record(ContextPinned(text=pins[int(rest) - 1], pinned=False))
        say("no longer pinned")
    elif argument == LAST:
        runtime.record(ContextPinned(text=_last_answer(assembly)))
        say("pinned: every summary has the last answer word for word")
    else:
        runtime.record(ContextPinned(text=argument))
        runtime.record(NoteAdded(text=PINNED + argument, audience="model"))
        say("pinned: every summary has it word for word")


def _last_answer(assembly: Assembly) -> str:
    for message in reversed(assembly.runtime.state.messages):
        text = text_of(message.parts).strip() if message.role == "assistant" else ""
        if text:
            return text
    raise LlmreplError("there is no answer to pin yet", hint="/pin TEXT pins a text")
