"""What a fork has of its own: what was said and spent behind the place where it left its origin.

The lines before that place are counted and not decoded, as in `listing`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from llmrepl.conversation import Spend
from llmrepl.errors import SessionError
from llmrepl.parts import decode_parts, text_of
from llmrepl.sessions.packed import bytes_of
from llmrepl.sessions.sealed.sealing import SessionSealed
from llmrepl.sessions.sealed.unsealing import unsealed
from llmrepl.usage import decode_cost, decode_usage

_KINDS = ("turn.started", "step.started", "message.finished", "context.compacted")
_WRONG = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


class Branch(NamedTuple):
    """A branch of a tree.

    `turn` is the last turn that its beginning has, 0 for none, and `inside` says that it left in
    the middle of that turn. `turns`, `models` (provider/model, in the order they were first asked)
    and `spend` are its own; `prompt` is the first line of its own first prompt, or of the turn it
    left in the middle of. `readable` is false where the log cannot be read, `sealed` true where
    that is for want of a key.
    """

    turn: int = 0
    inside: bool = False
    turns: int = 0
    prompt: str = ""
    models: tuple[str, ...] = ()
    spend: Spend = Spend()
    readable: bool = True
    sealed: bool = False


def branch(path: Path, seq: int = 0) -> Branch:
    """Return what a session has of its own.

    Args:
        path: its log.
        seq: the last record that it has of its origin; 0 for one that is no fork.
    """
    try:
        content = unsealed(bytes_of(path))
        return _branch(content, _end_of_line(content, seq + 1))
    except SessionSealed:
        return Branch(readable=False, sealed=True)
    except (OSError, SessionError, *_WRONG):
        return Branch(readable=False)


def _branch(content: bytes, start: int) -> Branch:
    turn, inside, prompt = 0, False, ""
    began = content.rfind(_needle("turn.started"), 0, start)
    if began >= 0:
        last = _line(content, began)
        ended = content.find(_needle("turn.finished"), began, start)
        turn, inside = int(last["turn"]), ended < 0
        prompt = _prompt(last) if inside else ""
    models: dict[str, None] = {}
    spend, turns = Spend(), 0
    for kind, line in _own(content, start):
        data = line["data"]
        if kind == "turn.started":
            prompt = _prompt(line) if not turns else prompt
            turns += 1
        elif kind == "step.started":
            models[f"{data['provider']}/{data['model']}"] = None
        elif kind == "message.finished" or data.get("provider"):
            cost = data.get("cost")
            usage = decode_usage(data.get("usage", {}))
            spend = spend.add(usage, None if cost is None else decode_cost(cost))
    return Branch(turn, inside, turns, prompt, tuple(models), spend)


def _own(content: bytes, start: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the lines from `start` on that say what was asked, of whom, and what it took."""
    needles = {kind: _needle(kind) for kind in _KINDS}
    next_of = {kind: content.find(needle, start) for kind, needle in needles.items()}
    while found := [(at, kind) for kind, at in next_of.items() if at >= 0]:
        at, kind = min(found)
        with suppress(*_WRONG):  # a torn last line
            line = _line(content, at)
            if line["type"] == kind:  # else the words stand inside a record's data
                yield kind, line
        next_of[kind] = content.find(needles[kind], at + 1)


def _prompt(line: dict[str, Any]) -> str:
    lines = (text.strip() for text in text_of(decode_parts(line["data"]["prompt"])).splitlines())
    return next((text for text in lines if text), "")


def _needle(kind: str) -> bytes:
    return f'"type":"{kind}"'.encode()


def _line(content: bytes, at: int) -> dict[str, Any]:
    end = content.find(b"\n", at)
    found: dict[str, Any] = json.loads(
        content[content.rfind(b"\n", 0, at) + 1 : end if end >= 0 else None]
    )
    return found


def _end_of_line(content: bytes, count: int) -> int:
    """Return the offset behind the first `count` lines, or of the end."""
    at = 0
    for _ in range(count):
        at = content.find(b"\n", at) + 1
        if not at:
            return len(content)
    return at
