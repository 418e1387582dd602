"""Prepared replies: what one is, which one is due, and the text file they are written in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from llmrepl.errors import ConfigError
from llmrepl.usage import Usage

T = TypeVar("T")

STOPS = ("end_turn", "max_tokens", "refusal")
PURPOSES = ("main", "compact")
ERRORS = ("busy", "unreachable", "refused", "broken")
"""How a reply can fail. A `broken` one fails after its text, the others instead of it."""

_PIECE = re.compile(r" ?\w{1,8}|[^\w\s]{1,4}|\s{1,8}")
_SEPARATOR = re.compile(r"={3,}[ \t]*")
_OPTION = re.compile(r"(stop|usage|delay|rate|error|retry_after|purpose|reasoning):(?:[ \t](.*)|)")


@dataclass(frozen=True, slots=True)
class Reply:
    """One prepared reply.

    `usage` None means it is counted in pieces. `delay` is seconds before the first piece, `rate`
    pieces per second (0: all at once). `error` is one of `ERRORS`, `retry_after` the seconds that
    a `busy` one asks to wait. `purpose` is `compact` for a summary, which takes no turn of its own.
    `calls` are made by the service's own means after the text: the tool's name and its arguments,
    an object, or a str that is sent as it is.
    """

    text: str = ""
    reasoning: str = ""
    stop: str = "end_turn"
    usage: Usage | None = None
    delay: float = 0.0
    rate: float = 0.0
    error: str = ""
    retry_after: float | None = None
    purpose: str = "main"
    calls: tuple[tuple[str, Any], ...] = ()


def pieces(text: str) -> list[str]:
    """Return `text` cut into what stands for its tokens; joined they are `text` again."""
    return _PIECE.findall(text)


def limited(reply: Reply, stop: Sequence[str], max_tokens: int | None) -> Reply:
    """Return `reply` as a real service ends it: before a stop string, or at the token limit."""
    text = reply.text
    found = [at for at in (text.find(string) for string in stop if string) if at >= 0]
    if found:
        reply = replace(reply, text=text[: min(found)], stop="end_turn")
    if max_tokens is not None:
        allowed = pieces(reply.text)
        if len(allowed) > max_tokens:
            reply = replace(reply, text="".join(allowed[:max_tokens]), stop="max_tokens")
    return reply


def read_script(text: str, name: str = "the script") -> tuple[Reply, ...]:
    """Return the replies of a script file.

    A line of three or more `=` signs alone stands between two replies. Options may follow it, one
    `name: value` a line, ended by an empty line or by the first line that is none. Where the file
    begins with such a line, only lines of just that many signs separate.

    Args:
        text: the file's text.
        name: what messages call the file.

    Raises:
        ConfigError: an option's value is not accepted; the message names file and line.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.strip():
        return ()
    lines = text.removesuffix("\n").split("\n")
    fixed = lines[0].rstrip() if _SEPARATOR.fullmatch(lines[0]) else ""
    sections: list[tuple[int, list[str]]] = [(1, [])]
    for number, line in enumerate(lines, 1):
        separates = line.rstrip() == fixed if fixed else _SEPARATOR.fullmatch(line)
        if not separates:
            sections[-1][1].append(line)
        elif number > 1:
            sections.append((number + 1, []))
        else:
            sections = [(2, [])]
    if not sections[-1][1]:
        sections.pop()
    return tuple(_read_reply(section, first, name) for first, section in sections)


def _read_reply(lines: list[str], first: int, name: str) -> Reply:
    options: dict[str, Any] = {}
    reasoning: list[str] = []
    body = 0
    while body < len(lines) and (match := _OPTION.fullmatch(lines[body])):
        option, value = match[1], (match[2] or "").strip()
        if option == "reasoning":
            reasoning.append(value)
        else:
            options[option] = _option(option, value, f"{name}, line {first + body}")
        body += 1
    if body < len(lines) and not lines[body].strip():
        body += 1
    return Reply("\n".join(lines[body:]), "\n".join(reasoning), **options)


def _option(option: str, value: str, where: str) -> Any:
    read, accepted = _OPTIONS[option]
    try:
        return read(value)
    except ValueError:
        raise ConfigError(
            f"{where}: {option} cannot be {value!r}", hint=f"accepted: {accepted}"
        ) from None


def _one_of(accepted: Sequence[str]) -> Callable[[str], str]:
    def read(value: str) -> str:
        return accepted[accepted.index(value)]  # ValueError where it is none of them

    return read


def _number(value: str) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError(value)
    return number


def _usage(value: str) -> Usage:
    sent, _, received = value.partition("/")
    return Usage(input_tokens=int(sent), output_tokens=int(received))


_OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "stop": (_one_of(STOPS), ", ".join(STOPS)),
    "usage": (_usage, "input/output tokens, like 120/40"),
    "delay": (_number, "seconds, like 0.5"),
    "rate": (_number, "tokens per second, like 200"),
    "error": (_one_of(ERRORS), ", ".join(ERRORS)),
    "retry_after": (_number, "seconds, like 2"),
    "purpose": (_one_of(PURPOSES), ", ".join(PURPOSES)),
}


class Script(Generic[T]):
    """Prepared items by their place in a conversation: how many messages the assistant has sent.

    An item that leaves no message has no place of its own. It stands before the next one that does
    and is served once, so that asking again gets further; at the script's end it stays.

    Args:
        items: what to serve, in order.
        leaves_message: whether the conversation will hold an assistant message because of an item.
    """

    def __init__(self, items: Iterable[T], leaves_message: Callable[[T], bool]) -> None:
        self._places: list[list[T]] = []
        self._served: set[tuple[int, int]] = set()
        self._size = 0
        complete = True
        for item in items:
            if complete:
                self._places.append([])
            self._places[-1].append(item)
            complete = leaves_message(item)
            self._size += 1

    def due(self, place: int, suits: Callable[[T], bool] = lambda _: True) -> T:
        """Return the item for this place, of those that suit.

        Raises:
            LookupError: the script has ended; the message says how long it is.
        """
        items = self._places[place] if place < len(self._places) else []
        suitable = [(place, number) for number, item in enumerate(items) if suits(item)]
        if not suitable:
            replies = "1 reply" if self._size == 1 else f"{self._size} replies"
            raise LookupError(f"the script has only {replies}")
        chosen = next((at for at in suitable if at not in self._served), suitable[-1])
        self._served.add(chosen)
        return items[chosen[1]]


def leaves_message(reply: Reply) -> bool:
    """Return whether a conversation holds a message after this reply."""
    if reply.purpose == "compact":
        return False
    return bool(reply.text or reply.reasoning or reply.calls) and reply.error in ("", "broken")


def as_script(replies: Iterable[str | Reply]) -> Script[Reply]:
    """Return `replies` by their place; a str is a plain reply."""
    return Script(
        (Reply(reply) if isinstance(reply, str) else reply for reply in replies), leaves_message
    )
