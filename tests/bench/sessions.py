"""Saved sessions: listing, searching and opening where there are many, or long ones."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from llmrepl.events import MessageFinished, NoteAdded, TurnFinished, TurnStarted
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.sessions.branching.kinship import kin_in, trees
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.search.index import SearchIndex
from tests.bench.measure import interleave, table

SESSIONS, RECORDS = 10_000, 100
LONG = 10_000
SHOWN = 50
"""Sessions that `llmrepl sessions list` shows."""

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


def report(count: int = SESSIONS) -> str:
    """Return the tables; `count` is how many sessions there are."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place, "sessions")
        for number in range(count):
            _write(directory, f"s{number}", RECORDS, random.Random(number))
        long = Path(place, "long")
        _write(long, "long", LONG, random.Random(0))
        with SearchIndex(directory, Path(place, "index.db")) as index:
            made = _timed(index.update)
            queries: dict[str, Callable[[], object]] = {
                f"list {SHOWN} of {count:,} sessions": lambda: list(
                    islice(sessions(directory), SHOWN)
                ),
                f"tree of {count:,} sessions": lambda: trees(kin_in(directory)),
                "search: a frequent word": lambda: index.search(WORDS[0]),
                "search: three words": lambda: index.search(" ".join(WORDS[1:4])),
                "search: a rare word": lambda: index.search("needle 77"),
                "bring the index up to date: nothing new": index.update,
                f"open a session of {LONG:,} records": lambda: _open(long),
            }
            subjects = {name: lambda work=work: _timed(work) for name, work in queries.items()}
            samples = interleave(subjects, 7)
    title = f"{count:,} sessions, {count * RECORDS:,} records; index made in {made / 1000:.0f} s"
    first = next(iter(samples))
    return table(title, samples, first, "list and tree 300 ms, search 100 ms, open 150 ms")


def _open(directory: Path) -> None:
    log, _ = SessionLog.open(directory, "long")
    log.close()


def _write(directory: Path, name: str, count: int, chance: random.Random) -> None:
    with SessionLog.create(directory, session_id=name) as log:
        for record in _records(count, chance, name):
            log.append(record)


def _records(count: int, chance: random.Random, name: str) -> list[Record]:
    events = []
    for number in range(count // 4):
        text = " ".join(chance.choices(WORDS, k=40))
        events += [
            TurnStarted(prompt=(Text(f"needle {name} {number} {text[:60]}"),)),
            MessageFinished(parts=(Text(text),), stop="end_turn"),
            NoteAdded(text=text[60:120]),
            TurnFinished(reason="end_turn"),
        ]
    return [Record(seq, seq, (seq + 3) // 4, 0, event) for seq, event in enumerate(events, 1)]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
