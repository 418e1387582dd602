"""A conversation as one text, as the file's own template writes it.

What people, files and tools said is text and nothing else: where it spells one of the model's
control tokens, it is read letter by letter, so that nobody can speak in another's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Messages = Sequence[Mapping[str, str]]
Template = Callable[[Messages], str]

CHATML = """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}<|im_start|>assistant{{ '\\n' }}"""
"""For files without a template."""

CHATML_END = "<|im_end|>"

_OPEN, _CLOSE = "\ue9f0", "\ue9f1"
"""Private characters around the number of what was taken out of a message."""

_TAKEN_OUT = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


class Piece(NamedTuple):
    """A part of the prompt; `plain` where nothing in it is a control token."""

    text: str
    plain: bool


class Unwritable(Exception):
    """The template cannot write this conversation; the text says why."""


def written(template: Template, messages: Messages, control: Sequence[str]) -> list[Piece]:
    """Return the conversation as the template writes it, in pieces.

    Args:
        template: writes messages; raises whatever it likes.
        messages: with `role` and `content`; the first may be the system's.
        control: the texts of the model's control tokens.

    Raises:
        Unwritable: as it says.
    """
    taken: list[str] = []

    def take_out(found: re.Match[str]) -> str:
        taken.append(found[0])
        return f"{_OPEN}{len(taken) - 1}{_CLOSE}"

    spelled = sorted({_OPEN, *control} - {""}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, spelled)))
    safe = [{**one, "content": pattern.sub(take_out, one["content"])} for one in messages]
    text = _rendered(template, safe)
    parts = _TAKEN_OUT.split(text)
    return [
        Piece(taken[int(part)] if index % 2 else part, plain=bool(index % 2))
        for index, part in enumerate(parts)
        if part
    ]


def _rendered(template: Template, messages: Messages) -> str:
    """Return what the template makes of the messages; some fail where there is a system prompt."""
    problem = ""
    for shape in (messages, _with_system_inside(messages)):
        try:
            return template(shape)
        except Exception as error:  # noqa: BLE001 - a program that came with the file
            problem = problem or str(error)
    raise Unwritable(problem)


def _with_system_inside(messages: Messages) -> Messages:
    """Return the messages with the system's words at the beginning of the first one of a person."""
    if not messages or messages[0]["role"] != "system":
        return messages
    system, rest = messages[0]["content"], [dict(message) for message in messages[1:]]
    if not rest or rest[0]["role"] != "user":
        rest.insert(0, {"role": "user", "content": ""})
    rest[0]["content"] = f"{system}\n\n{rest[0]['content']}".rstrip()
    return rest
