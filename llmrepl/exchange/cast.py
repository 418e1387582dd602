"""A session as a terminal recording in asciicast v3, drawn by a display and timed by the records.

An answer's lines come over the time that its message took; long pauses are the player's to cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import StringIO

from llmrepl.events import MessageFinished, TurnStarted
from llmrepl.exchange.told import Session, title_of, turns_of
from llmrepl.parts import text_of
from llmrepl.ports import Display, Surface
from llmrepl.record import Record
from llmrepl.sanitise import clean

COLUMNS, ROWS = 96, 32
IDLE = 2.0
"""Seconds that a player should wait at the most."""

Opener = Callable[[Surface], Display]
Moment = tuple[float, str, str]
"""Seconds since the beginning, asciicast's code of the event, and its data."""


def cast(session: Session, open_display: Opener) -> str:
    """Return `session` as asciicast v3.

    Args:
        session: what is shown.
        open_display: makes the display that draws it, on the surface it is given.
    """
    turns = turns_of(session.records)
    begin = session.records[0].at if session.records else session.created
    header = {
        "version": 3,
        "term": {"cols": COLUMNS, "rows": ROWS, "type": "xterm-256color"},
        "timestamp": begin // 1000,
        "idle_time_limit": IDLE,
        "title": " ".join(clean(title_of(session, turns)).split()),
    }
    lines = [json.dumps(header, ensure_ascii=False)]
    before = 0.0
    for at, code, data in _moments(session, open_display, begin):
        now = max(round(at, 3), before)  # a clock may have been set back
        lines.append(json.dumps([round(now - before, 3), code, data], ensure_ascii=False))
        before = now
    return "\n".join(lines) + "\n"


def _moments(session: Session, open_display: Opener, begin: int) -> Iterator[Moment]:
    stream = StringIO()
    surface = Surface(stream=stream, theme="dark", size=lambda: (COLUMNS, ROWS))
    display = open_display(surface)
    at = 0.0
    for record in session.records:
        display.show(record)
        drawn = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        before, at = at, (record.at - begin) / 1000
        if isinstance(record.event, TurnStarted):
            yield at, "m", " ".join(clean(text_of(record.event.prompt)).split())[:80]
        yield from _drawn(record, drawn.replace("\n", "\r\n"), before, at)
    yield at, "x", "0"


def _drawn(record: Record, text: str, before: float, at: float) -> Iterator[Moment]:
    event = record.event
    if not isinstance(event, MessageFinished) or at <= before:
        if text:
            yield at, "o", text
        return
    lines = text.splitlines(keepends=True)
    first = max(before, at - max(0.0, event.total_ms - (event.first_token_ms or 0.0)) / 1000)
    for number, line in enumerate(lines, 1):
        yield first + (at - first) * number / len(lines), "o", line
