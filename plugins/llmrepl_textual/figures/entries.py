"""Entries of the audit log that somebody wants to see, read from the newest on, some at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from llmrepl.audit.choosing import TIMES, Entry, chosen, moment
from llmrepl.audit.reading import entries
from llmrepl.errors import LlmreplError

HINT = "type:tool  session:ID  since:2h  words"


class Filter:
    """Which entries are wanted, from what somebody typed.

    Args:
        text: `type:`, `session:` and `since:` with what they are to be, and words that all are
            to stand in an entry.
        now: Unix time in seconds.

    Raises:
        LlmreplError: the time is none.
    """

    def __init__(self, text: str, now: float) -> None:
        told = {"type": "", "session": "", "since": ""}
        self._words: list[str] = []
        for word in text.split():
            name, colon, value = word.partition(":")
            if colon and name in told:
                told[name] = value
            else:
                self._words.append(word.casefold())
        since = told["since"]
        try:
            start = moment(since, now) if since else 0
        except ValueError:
            raise LlmreplError(f"since:{since} is no time", hint=f"accepted: {TIMES}") from None
        self._chosen = chosen(start, told["session"], told["type"])
        self._all = not text.split()

    def __call__(self, line: bytes, entry: Entry | None) -> bool:
        """Return whether an entry is wanted; one that cannot be read is if nothing is asked for."""
        if entry is None:
            return self._all
        if not self._chosen(entry):
            return False
        text = line.decode("utf-8", "replace").casefold() if self._words else ""
        return all(word in text for word in self._words)


class Reader:
    """The entries that are wanted, as far as they have been read. Threads may read, one at a time.

    Args:
        directory: where the log is.
        wanted: says of a line and its object whether it is.
        scrub: takes secrets out of an object.

    Attributes:
        found: the entries, None in place of one that cannot be read; it grows.
        scanned: how many lines have been looked at.
        ended: whether there are no more.
    """

    def __init__(
        self,
        directory: Path,
        wanted: Callable[[bytes, Entry | None], bool],
        scrub: Callable[[Entry], Entry],
    ) -> None:
        self.found: list[Entry | None] = []
        self.scanned = 0
        self.ended = False
        self._rest = entries(directory, newest_first=True)
        self._wanted = wanted
        self._scrub = scrub
        self._lock = threading.Lock()

    def read(self, count: int, most: int) -> None:
        """Read on, until `count` more are found or `most` lines were looked at.

        Raises:
            SessionError: a file could not be read.
        """
        with self._lock:
            wanted = len(self.found) + count
            for _ in range(most):
                line, entry = next(self._rest, (b"", None))
                if not line:
                    self.ended = True
                    return
                self.scanned += 1
                if self._wanted(line, entry):
                    self.found.append(None if entry is None else self._scrub(entry))
                    if len(self.found) >= wanted:
                        return
