"""Fills the transcript from a session's records: its end at once, the rest a little at a time.

What came before is read between two looks of the event loop, never for longer than a slice, and
only once the end is seen, and the session is open: a thread does that, and two that are Python hold
each other up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from textual import work

from llmrepl.errors import LlmreplError
from llmrepl.events import TurnStarted
from llmrepl_textual.records import Records
from llmrepl_textual.transcript.entries import Entry
from llmrepl_textual.transcript.story import Story
from llmrepl_textual.transcript.widget import Transcript
from llmrepl_timeline.lines import Line

AT_ONCE = 300
"""Records at the end that are read before anything is seen, or a few more: whole turns."""

LONGEST = 600

SLICE = 0.008
"""Seconds that are read at a time."""

BREATH = 0.002
"""Seconds that everything else has between two slices, at the least."""


class _Collected:
    """Takes blocks (`llmrepl_textual.transcript.story.Sink`), and says how high they are."""

    def __init__(self, width: int) -> None:
        self._width = width
        self.entries: list[Entry] = []
        self.heights: list[int] = []

    def add(self, entry: Entry, lines: list[Line] | None = None) -> None:
        """Take a block."""
        del lines
        self.entries.append(entry)
        self.heights.append(entry.rows(self._width))


async def nothing() -> None:
    """Wait for nothing."""


def load(
    transcript: Transcript, records: Records, ready: Callable[[], Awaitable[object]] = nothing
) -> None:
    """Show the session that `records` holds now.

    Args:
        transcript: where.
        records: the session's.
        ready: returns when there is time for what came before the end, or raises an `LlmreplError`.
    """
    last = len(records)
    first = _beginning(records, last)
    transcript.begin(first)
    for record in records.read(first, last):
        transcript.take(record)
    if first > 1:
        _fill(transcript, records, first - 1, ready)


@work(exclusive=True, group="loading", exit_on_error=False)
async def _fill(
    transcript: Transcript, records: Records, last: int, ready: Callable[[], Awaitable[object]]
) -> None:
    """Put what came before in front, unless another session is shown by then."""
    shown = transcript.story
    await _seen(transcript)
    with suppress(LlmreplError):  # whoever opens it is told
        await ready()
    collected = _Collected(transcript.rows.width)
    story = Story(collected, records.size)
    until = time.perf_counter() + SLICE
    for record in records.plain(last):
        story.take(record)
        if time.perf_counter() > until:
            await asyncio.sleep(BREATH)
            until = time.perf_counter() + SLICE
            if transcript.story is not shown:
                return
    story.settle()
    if transcript.story is shown:
        transcript.prepend(collected.entries, collected.heights, story.spent)


async def _seen(transcript: Transcript) -> None:
    """Wait until what is there has been drawn."""
    drawn = asyncio.Event()
    transcript.call_after_refresh(drawn.set)
    await drawn.wait()


def _beginning(records: Records, last: int) -> int:
    """Return the seq to begin with: that of a turn's beginning, if there is one near."""
    if last <= LONGEST:
        return 1
    for seq in range(last - AT_ONCE, last - LONGEST, -1):
        if isinstance(records[seq - 1].event, TurnStarted):
            return seq
    return last - AT_ONCE
