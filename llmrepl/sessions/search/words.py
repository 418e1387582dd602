"""What can be found in a record, how it is asked for, and how it is shown in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llmrepl.errors import SessionError

MOST = 20_000
"""Characters of one text that are indexed."""

AROUND = 30
"""Characters of a text that an excerpt shows before what was found."""


def text_in(record: Mapping[str, Any]) -> str:
    """Return what is found of a line's object, whose blobs were put back; empty for nothing.

    Raises:
        KeyError, TypeError, AttributeError: it is not what a record of its type is.
    """
    texts = _TEXTS.get(record["type"])
    found = "\n".join(texts(record["data"])) if texts else ""
    return found[:MOST].encode(errors="replace").decode()


def is_found(kind: object) -> bool:
    """Return whether records of a type can be found."""
    return kind in _TEXTS


def asked(query: str) -> str:
    """Return a query as the full-text index takes it: every word of it, or words that begin so.

    Args:
        query: words; those between double quotes are found in that order alone.

    Raises:
        SessionError: there is no word in it.
    """
    terms = list(_terms(query))
    if not terms:
        raise SessionError(
            f"there is no word to search for in {query!r}",
            hint='give words, or a phrase in double quotes: "no such file"',
        )
    return " AND ".join(terms)


def excerpt(text: str, query: str, characters: int) -> str:
    """Return a line from `text` around the first word of `query` that is found in it.

    Args:
        text: what was found; white space becomes single spaces.
        query: what was searched for.
        characters: the length of the excerpt at the most.
    """
    line = " ".join(text.split())
    lower = line.casefold()
    words = query.casefold().replace('"', " ").split()
    at = min((found for word in words if (found := lower.find(word)) >= 0), default=0)
    start = max(0, min(at - AROUND, len(line) - characters))
    shown = line[start : start + characters]
    if start:
        shown = "…" + shown[1:]
    return shown[:-1] + "…" if start + characters < len(line) else shown


def _terms(query: str) -> Iterator[str]:
    """Yield the words and phrases of a query as the full-text index takes them."""
    query = query.replace("\0", " ").encode(errors="replace").decode()
    for count, part in enumerate(query.split('"')):
        words = part.split()
        if count % 2 and words:
            yield f'"{" ".join(words)}"'
        elif not count % 2:
            yield from (f'"{word}"*' for word in words if any(map(str.isalnum, word)))


def _of_parts(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        for name in ("text", "name"):
            if isinstance(part.get(name), str):
                yield part[name]


def _of_call(data: dict[str, Any]) -> Iterator[str]:
    return (value for value in data.get("arguments", {}).values() if isinstance(value, str))


_TEXTS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "turn.started": lambda data: _of_parts(data["prompt"]),
    "message.finished": lambda data: _of_parts(data["parts"]),
    "tool.requested": _of_call,
    "tool.finished": lambda data: _of_parts(data.get("parts", [])),
    "note.added": lambda data: iter([data["text"]]),
    "error.raised": lambda data: iter([data["message"]]),
    "context.compacted": lambda data: iter([data["summary"]]),
}
"""What can be found in a record, by its type."""
