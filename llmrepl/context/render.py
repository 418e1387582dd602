"""How each kind of message is written for the model.

Results are fenced with more backticks than they contain, so no output can end its own fence. A
malformed block is not shown to the model again as it wrote it: one bad example makes the next
likelier.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from llmrepl.conversation import Message
from llmrepl.parser import render_call
from llmrepl.parts import Image, Output, Part, Reasoning, Text, ToolCall, ToolResult
from llmrepl.ports import ChatMessage

_BACKTICKS = re.compile(r"`+")
EDITED = "A person changed this call before it ran. What ran:"
TYPED = "The person ran this themselves, in the same sandbox:"
SUMMARY = "Summary of the conversation before this point:\n\n"


Piece = tuple[str, str]
"""What a text is, as `KINDS` has it, and the text."""

PROMPTS, ANSWERS, BLOCKS = "your prompts", "answers", "helper blocks"
RESULTS, IMAGES, SUMMARIES = "tool results", "images", "summary"
KINDS = (SUMMARIES, PROMPTS, ANSWERS, BLOCKS, RESULTS, IMAGES)
"""What a conversation is made of. Reasoning is not counted: few services want it back."""


def chat_message(message: Message) -> ChatMessage:
    """Return `message` as a provider sends it."""
    return rendered(message)[0]


def role_of(message: Message) -> str:
    """Return the role that a provider sends `message` in."""
    return "assistant" if message.role == "assistant" else "user"


def rendered(message: Message) -> tuple[ChatMessage, list[Piece]]:
    """Return `message` as a provider sends it, and its text in pieces by what they are."""
    images = images_of(message)
    match message.role:
        case "assistant":
            written = _written(message.parts)
            text = "".join(text for _, text in written)
            return ChatMessage("assistant", text, thoughts=sealed(message.parts)), written
        case "tool":
            kind, text = RESULTS, _results(message.parts)
        case "summary":
            kind, text = SUMMARIES, SUMMARY + prose(message.parts)
        case _:
            kind, text = PROMPTS, prose(message.parts)
    return ChatMessage("user", text, images), [(kind, text)]


def fence(text: str) -> str:
    """Return `text` in a code fence that nothing inside it can end."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    ticks = "`" * max(3, longest + 1)
    end = "" if text.endswith("\n") or not text else "\n"
    return f"{ticks}\n{text}{end}{ticks}"


def images_in(parts: Iterable[Part]) -> tuple[Image, ...]:
    """Return the images among `parts`."""
    return tuple(part for part in parts if isinstance(part, Image))


def images_of(message: Message) -> tuple[Image, ...]:
    """Return the images that a message is sent with."""
    if message.role == "tool":
        nested = (part.parts for part in message.parts if isinstance(part, ToolResult))
        return tuple(image for parts in nested for image in images_in(parts))
    return () if message.role in ("assistant", "summary") else images_in(message.parts)


def prose(parts: Iterable[Part]) -> str:
    """Return the texts among `parts`."""
    return "\n\n".join(part.text for part in parts if isinstance(part, Text))


def sealed(parts: Iterable[Part]) -> tuple[Reasoning, ...]:
    """Return the thoughts that their services want back."""
    return tuple(part for part in parts if isinstance(part, Reasoning) and part.seal)


def _written(parts: Iterable[Part]) -> list[Piece]:
    """Return what the model wrote; there is always a piece, if an empty one."""
    written = [(ANSWERS, "")]
    end = "\n"
    for part in parts:
        if isinstance(part, Text):
            kind, text = ANSWERS, part.text
        elif isinstance(part, ToolCall):
            removed = "[a helper block that could not be run was removed here]\n"
            kind, text = BLOCKS, removed if part.problem else render_call(part)
            text = text if end == "\n" else f"\n{text}"
        else:
            continue
        written.append((kind, text))
        end = text[-1:] or end
    return written[1:] or written


def _results(parts: Iterable[Part]) -> str:
    results = [part for part in parts if isinstance(part, ToolResult)]
    notes = [part.text for part in parts if isinstance(part, Text)]
    if not results:
        return "\n".join(notes)
    lead = [TYPED] if any(result.typed for result in results) else []
    return "\n".join([*lead, "<results>", *map(_result, results), *notes, "</results>"])


def _result(result: ToolResult) -> str:
    tag = f'<result tool="{result.name}" {_outcome(result)}>'
    return "\n".join([tag, *_came(result), "</result>"])


def result_alone(result: ToolResult) -> str:
    """Return what a model is told of one call, where its service says which call that is."""
    return "\n".join([_outcome(result), *_came(result)])


def _outcome(result: ToolResult) -> str:
    exit_code = "" if result.exit_code is None else f' exit_code="{result.exit_code}"'
    return f'status="{result.status}"{exit_code} ms="{result.ms:.0f}"'


def _came(result: ToolResult) -> list[str]:
    lines = []
    if result.ran:
        code = result.ran.get("code")
        shown = code if isinstance(code, str) else json.dumps(dict(result.ran), ensure_ascii=False)
        lines += ["code:" if result.typed else EDITED, fence(shown)]
    came = [f"reason: {result.reason}"] if result.reason else []
    for part in result.parts:
        if isinstance(part, Output):
            cut = f" ({part.dropped} bytes dropped from the middle)" if part.dropped else ""
            came += [f"{part.stream}{cut}:", fence(part.text)]
        elif isinstance(part, Text):
            came.append(part.text)
    return [*lines, *(came or ["(no output)"])]
