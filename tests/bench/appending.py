"""What one append costs at the beginning of a session and far on in it."""

from __future__ import annotations

import gc
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from llmrepl.events import NoteAdded
from llmrepl.record import Record
from llmrepl.sessions.log import SessionLog
from tests.bench.measure import table

MARKS = (100, 100_000)
BATCH = 100
"""Appends that are timed together: one takes so short that a clock says little about it."""

ROUNDS = 200


def report(rounds: int = ROUNDS) -> str:
    """Return the table: the median over `rounds` of a batch's mean, in microseconds."""
    with tempfile.TemporaryDirectory() as place:
        samples = _appended(Path(place), rounds)
    first = next(iter(samples))
    return table("One append", samples, first, "at most x 1.3", unit="us")


def _appended(directory: Path, rounds: int) -> dict[str, list[float]]:
    """Time batches at the two places in turn; each round begins another session for the first."""
    near, far = (f"at record {mark:,}" for mark in MARKS)
    samples: dict[str, list[float]] = {near: [], far: []}
    with SessionLog.create(directory, session_id="far") as long:
        _append(long, MARKS[1] - 1)
        for number in range(rounds):
            with ExitStack() as stack:
                short = stack.enter_context(SessionLog.create(directory, session_id=f"s{number}"))
                _append(short, MARKS[0] - 1)
                pairs = [(near, short), (far, long)]
                gc.collect()
                for name, log in pairs if number % 2 else reversed(pairs):
                    _append(log, 1)  # the other's batch has emptied what the machine remembers
                    samples[name].append(_append(log, BATCH))
    return samples


def _append(log: SessionLog, count: int) -> float:
    """Append so many records; return what one took, in microseconds."""
    note = NoteAdded(text="remember this " * 8)
    records = [Record(seq, seq, 0, 0, note) for seq in range(log.seq + 1, log.seq + count + 1)]
    began = time.perf_counter_ns()
    for record in records:
        log.append(record)
    return (time.perf_counter_ns() - began) / count / 1000
