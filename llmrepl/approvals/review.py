"""Reviews: what a block touches, told without running it.

A review is as good as its reading of the source, which hostile code can mislead: it informs people
and rules, and is never what keeps a block from doing something. The functions here never raise,
and are bounded in size, depth and time except within the parsers themselves; `Reviewer` bounds
those, too, and is what a session uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from llmrepl.approvals.notes import Notes
from llmrepl.approvals.touches import OPEN, Command, Touch
from llmrepl.approvals.wording import sentences
from llmrepl.approvals.words import Place

LONGEST = 64_000
"""Characters of a block that are read."""

_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Review:
    """What is known of a block without running it; `touches` in the order of the block."""

    language: str
    touches: tuple[Touch, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """Return what the block touches in plain words, safe to show, the worst first."""
        return sentences(self.touches)

    def dangers(self) -> tuple[str, ...]:
        """Return those of `sentences` that a person should look at first."""
        return sentences(touch for touch in self.touches if touch.danger)


def review_python(source: str) -> Review:
    """Return what the Python `source` touches; never raises."""
    return _review("python", source)


def review_bash(source: str) -> Review:
    """Return what the bash `source` touches; never raises."""
    return _review("bash", source)


def review_tool(name: str) -> Review:
    """Return the review of a call of the tool `name`: it starts that tool, which tells no more."""
    command = Command((name,), written=(name,))
    return Review("tool", (Touch("execute", name, command=command),))


def unread(language: str, why: str) -> Review:
    """Return the review of a block that could not be read; `why` is a clause."""
    return Review(language, (Touch("unknown", "", f"cannot be told: {why}", OPEN, danger=True),))


def refused(language: str, source: str) -> Review | None:
    """Return the review of a block that is not read at all, None where it may be."""
    if len(source) > LONGEST:
        return unread(language, f"it has {len(source)} characters, and {LONGEST} are read")
    strange = _UNREADABLE.search(source)
    if strange:
        line = source.count("\n", 0, strange.start()) + 1
        return unread(language, f"it holds the character {strange[0]!a} (line {line})")
    return None


def _review(language: str, source: str) -> Review:
    review = refused(language, source)
    if review is not None:
        return review
    notes = Notes({"python": _read_python, "bash": _read_bash})
    with notes.bounded():
        notes.code(language, source, Place())
    return Review(language, notes.touches)


def _read_python(source: str, notes: Notes) -> None:
    from llmrepl.approvals.python.blocks import read_python

    read_python(source, notes)


def _read_bash(source: str, notes: Notes) -> None:
    from llmrepl.approvals.bash.shell import read_bash

    read_bash(source, notes)


def encode_review(review: Review) -> dict[str, Any]:
    """Return `review` as JSON-ready data."""
    return {"language": review.language, "touches": list(map(_encoded, review.touches))}


def decode_review(data: Mapping[str, Any]) -> Review:
    """Return the review that `encode_review` made `data` from."""
    return Review(data["language"], tuple(map(_decoded, data["touches"])))


def _encoded(touch: Touch) -> dict[str, Any]:
    command = touch.command and {name: getattr(touch.command, name) for name in _COMMAND}
    return {**{name: getattr(touch, name) for name in _TOUCH}, "command": command}


def _decoded(data: Mapping[str, Any]) -> Touch:
    command = data["command"]
    if command is not None:
        lists = {name: tuple(command[name]) for name in ("words", "written", "through")}
        command = Command(complete=command["complete"], **lists)
    return Touch(**{**data, "command": command})


_TOUCH = tuple(field.name for field in fields(Touch))
_COMMAND = tuple(field.name for field in fields(Command))
