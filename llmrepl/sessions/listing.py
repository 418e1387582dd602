"""One line about each session, newest first, without decoding what is not shown.

Only the lines that open or close a turn or name the model are parsed; the rest is searched as
bytes. A quote inside JSON text is always escaped, so a search cannot mistake text for structure.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

from llmrepl.errors import SessionError
from llmrepl.sessions.catalog import newest, session_path
from llmrepl.sessions.format import decode_header
from llmrepl.sessions.lock import Inode, holders, inode
from llmrepl.sessions.packed import bytes_of
from llmrepl.sessions.reader import is_beginning
from llmrepl.sessions.sealed.sealing import SessionSealed
from llmrepl.sessions.sealed.unsealing import unsealed, without_torn_tail
from llmrepl.usage import Usage, decode_cost, decode_usage

State = Literal["finished", "unfinished", "corrupt", "open elsewhere", "sealed", "not begun"]
"""`unfinished`: the last turn has no end. `sealed`: it cannot be opened here. `corrupt`: the file's
head, tail or number of lines show damage (what they do not show is found by reading). `not begun`:
there is no whole header, because its writer is at it, or was killed there; the session begins when
it is opened."""


class Summary(NamedTuple):
    """What a listing says of one session.

    `created` and `updated` are Unix times in milliseconds; `prompt` is the first line of the first
    prompt; `model` is the last one asked, as provider/model; `cost` is in US dollars, None where
    no message had a price; `size` is in bytes; `records` counts the log's whole lines.
    """

    id: str
    path: Path
    state: State
    created: int
    updated: int
    cwd: str = ""
    forked_from: tuple[str, int] | None = None
    turns: int = 0
    prompt: str = ""
    model: str = ""
    usage: Usage = Usage()
    cost: Decimal | None = None
    size: int = 0
    records: int = 0
    tags: tuple[str, ...] = ()


def sessions(directory: Path) -> Iterator[Summary]:
    """Yield a summary of each session, the most recently written first.

    A session is read when its summary is asked for, so that the first few cost only themselves.

    Raises:
        SessionError: the directory cannot be read. A session that cannot is `corrupt`.
    """
    held = holders()
    for session_id, status in newest(directory):
        if found := _read(directory, session_id, status, held):
            yield found


def summary_of(directory: Path, session_id: str) -> Summary | None:
    """Return a summary of one session; None where there is none.

    Raises:
        SessionError: the id is not one.
    """
    try:
        status = session_path(directory, session_id).stat()
    except FileNotFoundError:
        return None
    return _read(directory, session_id, status, holders())


def _read(
    directory: Path, session_id: str, status: os.stat_result, held: Mapping[Inode, int]
) -> Summary | None:
    path = session_path(directory, session_id)
    try:
        found = bytes_of(path)
    except FileNotFoundError:
        return None  # removed since the directory was read
    except (OSError, SessionError):
        found = None
    return _summary(path, session_id, status, found, held)


def tags_in(value: Any) -> tuple[str, ...]:
    """Return the tags in the value of a `config.changed`, whoever wrote it."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(item for item in value if isinstance(item, str))


def _summary(
    path: Path,
    session_id: str,
    status: os.stat_result,
    content: bytes | None,
    held: Mapping[Inode, int],
) -> Summary:
    updated = status.st_mtime_ns // 1_000_000
    blank = Summary(session_id, path, "corrupt", updated, updated, size=status.st_size)
    if content is None:
        return blank
    try:
        header = decode_header(content.partition(b"\n")[0])
        found = blank._replace(created=header.created, forked_from=header.forked_from)
        content = without_torn_tail(content)
        try:
            plain = unsealed(content)
        except SessionSealed:
            found = found._replace(state="sealed", records=_count(content))
        else:
            if plain is not content:
                header = decode_header(plain.partition(b"\n")[0])
            found = _looked_up(found._replace(cwd=header.cwd), plain)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, SessionError):
        if not is_beginning(content):
            return blank
        found = blank._replace(state="not begun")
    if held.get(inode(status), os.getpid()) != os.getpid():
        return found._replace(state="open elsewhere")
    return found


def _looked_up(found: Summary, content: bytes) -> Summary:
    """Return what the plain bytes of a session say of it, up to a whole line."""
    records = _count(content)
    if records:
        tail = content[content.rstrip(b"\n").rfind(b"\n") + 1 :]
        if json.loads(tail)["seq"] != records:
            raise ValueError(tail)
    started = _last(content, "turn.started")
    asked = _last(content, "step.started")
    ended, usage, cost = _spent(content)
    return found._replace(
        state="finished" if started is None or started[0] < ended else "unfinished",
        turns=0 if started is None else started[1]["turn"],
        prompt=_first_prompt(content),
        model=""
        if asked is None
        else f"{asked[1]['data']['provider']}/{asked[1]['data']['model']}",
        usage=usage,
        cost=cost,
        records=records,
        tags=_tags(content),
    )


def _count(content: bytes) -> int:
    return content.rstrip(b"\n").count(b"\n")


def _spent(content: bytes) -> tuple[int, Usage, Decimal | None]:
    """Return where the last finished turn ends, and what all turns used and cost."""
    ends_and_turns = list(_each(content, "turn.finished"))
    end = ends_and_turns[-1][0] if ends_and_turns else 0
    spent = [line["data"] for _, line in ends_and_turns]
    spent += [line["data"] for _, line in _each(content, "message.finished", end)]
    # A compaction between two turns is in no turn's sum.
    spent += [
        line["data"]
        for at, line in _each(content, "context.compacted")
        if line["data"].get("provider") and (at > end or line["data"].get("by") != "size")
    ]
    usage = sum((decode_usage(data.get("usage", {})) for data in spent), Usage())
    costs = [decode_cost(data["cost"]).total for data in spent if data.get("cost") is not None]
    return end, usage, sum(costs, Decimal(0)) if costs else None


def _first_prompt(content: bytes) -> str:
    for _, line in _each(content, "turn.started"):
        for part in line["data"]["prompt"]:
            if part["kind"] == "text":
                lines = (text.strip() for text in part["text"].splitlines())
                return next((text for text in lines if text), "")
        break
    return ""


def _tags(content: bytes) -> tuple[str, ...]:
    """Return the session's tags: the last of these records counts."""
    tags: tuple[str, ...] = ()
    for _, line in _each(content, "config.changed"):
        if line["data"]["key"] == "tags":
            tags = tags_in(line["data"].get("value"))
    return tags


def _each(content: bytes, kind: str, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines of this type from `start` on, each with the offset of its end."""
    needle = _needle(kind)
    at = content.find(needle, start)
    while at >= 0:
        begin, end = _bounds(content, at)
        line = json.loads(content[begin:end])
        if line["type"] == kind:  # else the words stand inside a record's data
            yield end, line
        at = content.find(needle, end)


def _last(content: bytes, kind: str) -> tuple[int, dict[str, Any]] | None:
    """Return the last line of this type with the offset of its end."""
    needle = _needle(kind)
    at = content.rfind(needle)
    while at >= 0:
        begin, end = _bounds(content, at)
        line = json.loads(content[begin:end])
        if line["type"] == kind:
            return end, line
        at = content.rfind(needle, 0, begin)
    return None


def _needle(kind: str) -> bytes:
    return f'"type":"{kind}"'.encode()


def _bounds(content: bytes, at: int) -> tuple[int, int]:
    end = content.find(b"\n", at)
    return content.rfind(b"\n", 0, at) + 1, len(content) if end < 0 else end
