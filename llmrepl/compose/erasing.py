"""Erases sessions from everywhere below llmrepl's own directories: not the log alone.

That is their files, the search indexes, the prompts that the arrow keys bring back, and what killed
sandboxes left in the temporary directory. The audit log stays: it is there to hide nothing.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from llmrepl.config.paths import history_file, search_index
from llmrepl.errors import SessionError
from llmrepl.executors.walls.ground import sweep
from llmrepl.sessions.keeping.erasing import Erased, erase


def erase_everywhere(
    directory: Path, session_ids: Iterable[str], environ: Mapping[str, str]
) -> Iterator[Erased]:
    """Delete sessions for good and yield each; when the last is yielded, nothing is left of them.

    Args:
        directory: where the sessions are.
        session_ids: their ids.
        environ: the environment variables.

    Raises:
        SessionError: one cannot be deleted; nothing is left of those before it.
    """
    gone = []
    try:
        for erased in erase(directory, session_ids):
            gone.append(erased)
            yield erased
    finally:
        if gone:
            forget_indexed(search_index(environ, directory), [erased.id for erased in gone])
            forget_typed(history_file(environ), gone)
            sweep(Path(tempfile.gettempdir()))


def forget_typed(file: Path, gone: Iterable[Erased]) -> None:
    """Take what was typed in sessions out of the file that `llmrepl.conversing.sent` writes.

    That is the entries which name one of them, and those with a text that one of them holds: the
    first of a chat are kept before its session is known. The file is written in place and under its
    lock, since other chats may be adding to it.

    Args:
        file: it need not exist.
        gone: the sessions.
    """
    gone = list(gone)
    names = {erased.id for erased in gone}
    texts = {_command(text) for erased in gone for text in erased.typed}
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise SessionError(f"cannot take prompts out of {file}: {exc.strerror}") from exc
    with os.fdopen(descriptor, "r+b") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        content = kept.read().decode("utf-8", "surrogateescape")
        left = "".join(
            entry
            for entry in _entries(content)
            if _session(entry) not in names and _text(entry) not in texts
        )
        if left != content:
            kept.seek(0)
            kept.write(left.encode("utf-8", "surrogateescape"))
            kept.truncate()
            kept.flush()
            os.fsync(descriptor)


def _entries(content: str) -> Iterator[str]:
    """Yield the file's entries: a line of the time, then each line typed behind a `+`."""
    entry: list[str] = []
    for line in content.split("\n"):
        if line.startswith("#") and entry:
            yield "\n" + "".join(f"{kept}\n" for kept in entry)
            entry = []
        if line:
            entry.append(line)
    if entry:
        yield "\n" + "".join(f"{kept}\n" for kept in entry)


def _session(entry: str) -> str:
    """Return the session that an entry names behind its date and time; "" for none."""
    return " ".join(entry.split("\n")[1].split(" ")[3:])


def _text(entry: str) -> str:
    return _command("\n".join(line[1:] for line in entry.split("\n") if line.startswith("+")))


def _command(text: str) -> str:
    """Return what was typed without what makes a command of it: a session holds the command."""
    return text.strip().removeprefix("!").removeprefix("!").strip()


def forget_indexed(own: Path, session_ids: list[str]) -> None:
    """Take sessions out of all indexes: one directory has several where it has several names.

    Args:
        own: the index of the directory they are in.
        session_ids: their ids.
    """
    from llmrepl.sessions.search.index import SearchIndex, discard

    for file in {own, *own.parent.glob("*.db")}:
        if not file.exists():
            continue
        try:
            with SearchIndex(own.parent, file) as index:
                index.forget(session_ids)
        except SessionError:
            discard(file)  # it is damaged, or in use: it can be made again
