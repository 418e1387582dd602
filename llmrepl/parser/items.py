"""What a message is made of, in the order it becomes certain.

Every character of a message is in a `Prose`, in a `Thought` or the tags around it, or in the span
of a `Block` or of a `Forged`. `Opened` and `Code` are previews of a block for live display.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any


@dataclass(frozen=True, slots=True)
class Prose:
    """Text outside helper blocks, for the person and the context."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """Text between `<think>` and `</think>`, or `<thinking>` and `</thinking>`."""

    text: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An action of a block began; a body of several code fences has several."""

    language: str


@dataclass(frozen=True, slots=True)
class Code:
    """More code of the action opened last, surely not the line that ends it."""

    text: str


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """A call a block asks for.

    Args:
        language: python, bash or tool, or what the model wrote instead.
        name: the tool's name; the language for python, bash and malformed calls.
        arguments: `{"code": str, "timeout"?: seconds}` for python, bash and malformed calls; else
            the tool's `params`, with any `retry`, `condition`, `onError` and `timeout` the block
            gave in an object under the key `OPTIONS`.
        ambiguous: no reading of the block compiles, so its end is uncertain: ask before it runs.
        problem: why the call never runs, and the corrected form, in one line; "" if it may.
    """

    language: str
    name: str
    arguments: Mapping[str, Any]
    ambiguous: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A complete helper block; there is always at least one call.

    `span` is the character range of its lines in the message exactly as it was fed, from the
    opening tag to the end of the closing tag's line.
    """

    calls: tuple[ParsedCall, ...]
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A line that looks like a helper block and is only text; the text is in the `Prose` before.

    `reason` is one line and holds the corrected form; `span` counts as that of `Block`.
    """

    reason: str
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Forged:
    """The model began to write results itself; what follows is invention.

    `span` counts as that of `Block`.
    """

    span: tuple[int, int]


Item = Prose | Thought | Opened | Code | Block | Ignored | Forged


def coalesce(items: Iterable[Item]) -> list[Item]:
    """Return `items` with neighbouring texts of the same kind joined.

    This is the same for every way a message can be cut into chunks.
    """
    joined: list[Item] = []
    for kind, group in groupby(items, type):
        if kind in (Prose, Thought, Code):
            joined.append(kind("".join(getattr(item, "text", "") for item in group)))
        else:
            joined.extend(group)
    return joined
