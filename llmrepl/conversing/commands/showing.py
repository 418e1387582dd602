"""The commands /show and /theme: what was folded or sent, and how the timeline looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmrepl.compose import Assembly
from llmrepl.compose.rewinding import records_of
from llmrepl.conversation import Conversation
from llmrepl.conversing.commands.saying import say
from llmrepl.errors import LlmreplError
from llmrepl.figures import counted
from llmrepl.parts import Image, Output, Part, Text, ToolResult
from llmrepl.ports import Themed

LAST, PROMPT, CONTEXT = "last", "prompt", "context"
THEMES = ("dark", "light", "contrast", "none")
NAMED = 8
"""Calls that are named where there is none with the id that was typed."""


async def show_output(assembly: Assembly, call_id: str) -> None:
    """Show the whole output of a call, the last one's where none is named.

    Or the last prompt, or all that a step sent.

    Raises:
        LlmreplError: there is no such call in what the model is told, no prompt, or no such step.
    """
    state = assembly.runtime.state
    word, _, step = call_id.partition(" ")
    if call_id == PROMPT:
        text = _prompt(state)
    elif word == CONTEXT:
        text = _sent(assembly, step.strip())
    else:
        result = _result(state, call_id or LAST)
        text = _whole(result.parts)
        if not text:
            say(f"{result.call_id} {result.name} wrote nothing: {result.status}")
            return
    await assembly.front.read(assembly.redactor.redact(text))


async def theme(assembly: Assembly, name: str) -> None:
    """Show the theme, or go on with another.

    Raises:
        LlmreplError: there is none of this name, or the display has no themes.
    """
    if not isinstance(assembly.display, Themed):
        raise LlmreplError("this display has no themes", hint="ui.display = timeline has")
    if name and name not in THEMES:
        raise LlmreplError(f"there is no theme {name}", hint=f"there are: {', '.join(THEMES)}")
    if name:
        assembly.look.theme = name
    say(f"theme: {assembly.look.theme}" + (" · `ui.theme` keeps it" if name else ""))


def _results(state: Conversation) -> Iterator[ToolResult]:
    """Yield the results there have been, whole, the newest first."""
    yield from reversed(state.results)
    for message in reversed([*state.history()]):
        for part in reversed(message.parts):
            if isinstance(part, ToolResult):
                yield part


def calls(state: Conversation) -> Iterator[tuple[str, str]]:
    """Yield the calls that `/show` knows, the newest first: each id with what came of it."""
    for result in _results(state):
        lines = sum(text.count("\n") + 1 for text in map(_text, result.parts) if text)
        yield (
            result.call_id,
            f"{result.name} {result.status}, {counted(lines, 'line')}",
        )


def _result(state: Conversation, call_id: str) -> ToolResult:
    known = []
    for result in _results(state):
        if call_id in (LAST, result.call_id):
            return result
        known.append(result.call_id)
    if not known:
        raise LlmreplError("no block has run yet", hint="/show shows what one wrote")
    some = ", ".join(known[:NAMED]) + (" …" if len(known) > NAMED else "")
    raise LlmreplError(f"there is no result of {call_id} in the context", hint=f"there are: {some}")


def _prompt(state: Conversation) -> str:
    for message in reversed(state.messages):
        if message.role == "user":
            return _whole(message.parts)
    raise LlmreplError("there is no prompt yet", hint="/show prompt shows the last one")


def _sent(assembly: Assembly, step: str) -> str:
    from llmrepl.compose.sent import NO_SYSTEM, sent

    found = sent(records_of(assembly), step)
    told = [f"── {message.role} ──\n{message.told}" for message in found.told]
    return "\n".join([*told, *([] if found.system else [f"({NO_SYSTEM})"])])


def _whole(parts: Sequence[Part]) -> str:
    return "\n".join(filter(None, map(_text, parts))).rstrip("\n")


def _text(part: Part) -> str:
    match part:
        case Output(text=text) | Text(text=text):
            return text.rstrip("\n")
        case Image(media_type=kind, path=path):
            return f"[image: {path or kind}]"
        case _:
            return ""
