"""A session as a terminal recording in asciicast v3, drawn by a display and timed as it was.

Answers and outputs come in the pieces that they came in; long pauses are the player's to cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from io import StringIO

from llmrepl.events import TurnStarted
from llmrepl.exchange.told import Session, title_of, turns_of
from llmrepl.parts import text_of
from llmrepl.ports import Display, Surface
from llmrepl.record import Record
from llmrepl.sanitise import clean

COLUMNS, ROWS = 96, 32
IDLE = 2.0
"""Seconds that a player should wait at the most."""

Opener = Callable[[Surface], Display]
Timing = Callable[[Iterable[Record]], Iterable[tuple[float, Record]]]
"""Returns records with the seconds before each, and with transient ones for what came in pieces."""
Moment = tuple[float, str, str]
"""Seconds since the beginning, asciicast's code of the event, and its data."""


def cast(session: Session, open_display: Opener, timing: Timing) -> str:
    """Return `session` as asciicast v3.

    Args:
        session: what is shown.
        open_display: makes the display that draws it, on the surface it is given.
        timing: says when what is shown.
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
    for at, code, data in _moments(session, open_display, timing):
        now = round(at, 3)
        lines.append(json.dumps([round(now - before, 3), code, data], ensure_ascii=False))
        before = now
    return "\n".join(lines) + "\n"


def _moments(session: Session, open_display: Opener, timing: Timing) -> Iterator[Moment]:
    stream = StringIO()
    surface = Surface(stream=stream, theme="dark", size=lambda: (COLUMNS, ROWS))
    display = open_display(surface)
    at = 0.0
    for seconds, record in timing(session.records):
        at += max(0.0, seconds)
        display.show(record)
        drawn = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        if isinstance(record.event, TurnStarted):
            yield at, "m", " ".join(clean(text_of(record.event.prompt)).split())[:80]
        if drawn:
            yield at, "o", drawn.replace("\n", "\r\n")
    yield at, "x", "0"
