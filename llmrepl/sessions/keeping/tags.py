"""Tags of a session: words that a person gives it, to find it and to keep it.

The log holds them as a `config.changed` with the key `tags`, whose value is all of them; the last
one counts. So they are chained like everything else, and a fork has those of what it was copied
from. A tag is no use of a session: its time of last use stays.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from llmrepl.errors import LlmreplError
from llmrepl.events import ConfigChanged
from llmrepl.record import Record
from llmrepl.sessions.catalog import session_path
from llmrepl.sessions.listing import tags_in
from llmrepl.sessions.log import SessionLog

KEY = "tags"
"""The key of the `config.changed` that holds a session's tags."""

_TAG = re.compile(r"[^\W_][\w.-]{0,39}")


def tag_of(word: str) -> str:
    """Return the tag that a person calls `word`, with or without a `#` before it.

    Raises:
        LlmreplError: it is none.
    """
    tag = word.removeprefix("#")
    if not _TAG.fullmatch(tag):
        raise LlmreplError(
            f"{word!r} cannot be a tag",
            hint="a tag is up to 40 letters, digits and `.` `_` `-`, a letter or digit first",
        )
    return tag


def tags_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the tags of a session in the order in which they were given."""
    for record in reversed(records):
        match record.event:
            case ConfigChanged(key="tags", value=value):
                return tags_in(value)
    return ()


def changed(tags: Iterable[str], add: Iterable[str], drop: Iterable[str]) -> ConfigChanged | None:
    """Return the event after which a session has other tags; None where it has those already.

    Args:
        tags: those it has.
        add: words for those it gets.
        drop: words for those it loses.

    Raises:
        LlmreplError: a word can be no tag.
    """
    before = tuple(tags)
    gone = {tag_of(word) for word in drop}
    after = dict.fromkeys([*before, *map(tag_of, add)])
    kept = tuple(tag for tag in after if tag not in gone)
    return None if kept == before else ConfigChanged(key=KEY, value=list(kept))


def tag(
    directory: Path, session_id: str, add: Iterable[str], drop: Iterable[str] = ()
) -> tuple[str, ...]:
    """Give a session that nobody writes other tags, and return all it has then.

    Args:
        directory: where the session is.
        session_id: its id.
        add: words for tags that it gets.
        drop: words for tags that it loses.

    Raises:
        LlmreplError: a word can be no tag.
        SessionLocked: a process is writing the session.
        SessionError: there is no such session, or it cannot be written.
    """
    path = session_path(directory, session_id)
    used = path.stat() if path.exists() else None
    log, records = SessionLog.open(directory, session_id)
    with log:
        event = changed(tags_of(records), add, drop)
        if event is None:
            return tags_of(records)
        last = records[-1] if records else Record(0, 0, 0, 0, event)
        now = time.time_ns() // 1_000_000
        log.append(Record(log.seq + 1, now, last.turn, last.step, event), sync=True)
    if used is not None and log.path == path:
        os.utime(path, ns=(used.st_atime_ns, used.st_mtime_ns))
    return tags_in(event.value)
