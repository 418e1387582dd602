"""How calls were estimated and counted: in the usage database, a row for each.

It holds numbers and names, never text. Processes write to it at the same time; a transaction is a
single row. Whatever is wrong with the file is a `UsageError`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from llmrepl.accounting.database import Database
from llmrepl.accounting.kinds import KINDS, SIZES
from llmrepl.content import Content

T = TypeVar("T")

WIDTH = 2 * len(KINDS) + len(SIZES)
"""How many numbers a content has by its kinds."""

REMEMBERED = 200
"""Calls of a model that say how it counts: the last ones."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it is kept.

    `content` is what the service counted as `counted`: all of the request where `requests` is 1,
    what it has more than the one before where it is 0. Nobody learns from a `doubtful` count.
    """

    provider: str
    model: str
    estimated: int
    input_tokens: int
    output_tokens: int
    content: Content
    counted: int
    requests: int = 1
    purpose: str = "main"
    doubtful: bool = False
    at: int = 0


class Calls:
    """The calls of all sessions; made for one thread.

    Args:
        path: the file, which is made with the first call.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = Database(path)

    def add(self, call: Call) -> None:
        """Keep a call.

        Raises:
            UsageError: it could not be written.
        """
        content = call.content
        numbers = [content.tokens, content.kinds, content.messages, content.images]
        row = (
            call.at or time.time_ns() // 1_000_000,
            call.provider,
            call.model,
            call.purpose,
            call.estimated,
            call.input_tokens,
            call.output_tokens,
            call.doubtful,
            call.requests,
            json.dumps(numbers),
            call.counted,
        )
        self._write(
            "INSERT INTO calls (at, provider, model, purpose, estimated, input_tokens,"
            " output_tokens, doubtful, requests, content, counted)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )

    def last(self, provider: str, model: str, limit: int = REMEMBERED) -> list[Call]:
        """Return the last calls of a model that nobody doubts, the oldest of them first.

        Raises:
            UsageError: they could not be read.
        """
        return self._read(
            "SELECT provider, model, estimated, input_tokens, output_tokens, content, counted,"
            " requests, purpose, doubtful, at FROM calls"
            " WHERE provider = ? AND model = ? AND NOT doubtful ORDER BY id DESC LIMIT ?",
            (provider, model, limit),
            _call,
        )[::-1]

    def begin_anew(self, provider: str, model: str, last: int) -> None:
        """Doubt all calls of a model but these last ones: its service counts in another way now.

        Raises:
            UsageError: it could not be written.
        """
        self._write(
            "UPDATE calls SET doubtful = id NOT IN (SELECT id FROM calls WHERE provider = ?1"
            " AND model = ?2 ORDER BY id DESC LIMIT ?3) WHERE provider = ?1 AND model = ?2",
            (provider, model, last),
        )

    def models(self) -> list[tuple[str, str, int]]:
        """Return each provider and model that was called, and how often that is not doubted.

        Raises:
            UsageError: they could not be read.
        """
        return self._read(
            "SELECT provider, model, count(*) FROM calls WHERE NOT doubtful"
            " GROUP BY provider, model ORDER BY provider, model",
            (),
            tuple,
        )

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._database.close()

    def _write(self, statement: str, values: Sequence[object]) -> None:
        self._database.write(lambda db: db.execute(statement, values))

    def _read(
        self, query: str, values: Sequence[object], made: Callable[[Sequence[Any]], T]
    ) -> list[T]:
        nothing: list[T] = []
        return self._database.read(
            lambda db: [made(row) for row in db.execute(query, values)], nothing
        )


def _call(row: Sequence[Any]) -> Call:
    provider, model, estimated, sent, said, content, counted, *rest = row
    tokens, kinds, messages, images = json.loads(content)
    if kinds and len(kinds) != WIDTH:
        raise ValueError(f"a call of {provider}/{model} is counted in {len(kinds)} kinds")
    numbers = Content(int(tokens), tuple(map(int, kinds)), int(messages), int(images))
    return Call(provider, model, int(estimated), int(sent), int(said), numbers, int(counted), *rest)
