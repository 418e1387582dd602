"""Large texts stand outside their log, each in a file that is named by the SHA-256 of its content.

A line names what was taken out of it, so the chain vouches for blobs as well. A blob is on the disk
before a line names it, is checked whenever it is read, and is shared by all lines that need it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from llmrepl import chain
from llmrepl.errors import SessionError
from llmrepl.sessions import drafts
from llmrepl.sessions.sealed.sealing import Seal

FOLDER = "blobs"
"""The folder beside the logs that blobs are in."""

LIMIT = 64 * 1024
"""Bytes of UTF-8 that a text in a log may have."""

LIMITS = {"system.set": 0}
"""Other limits, by a record's type: what many sessions have in common is kept once."""

SHOWN = 1024
"""Characters of a text that stay in the line."""

FIELD = "blobs"
"""The field of a line that names its blobs."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FULL = "free some space, or set sessions.directory to another disk"


class BlobLost(Exception):
    """A blob is not there, or is not what it was; the text says which."""


class Blobs:
    """The blobs of one directory of sessions.

    From the first `put` or `hold` on nobody removes one, until `let_go`.

    Args:
        directory: where the sessions are.
        seal: of a sealed session; its blobs are its own and its forks'.
        held: whether whoever made it is `alone`.
    """

    def __init__(self, directory: Path, seal: Seal | None = None, *, held: bool = False) -> None:
        self._folder = directory / FOLDER
        self._seal = seal
        self._alone = held
        self._held = -1

    def hold(self) -> None:
        """Keep blobs from being removed, where there are any."""
        if self._held < 0 and not self._alone:
            self._held = _flock(self._folder, fcntl.LOCK_SH)

    def let_go(self) -> None:
        """Let blobs be removed again: the lines that name those of `put` are written."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def put(self, content: bytes) -> str:
        """Return the digest of `content`, which is on the disk from now on.

        Raises:
            SessionError: it could not be written.
        """
        seal = self._seal
        digest = seal.name(content) if seal else sha256(content).hexdigest()
        path = self._folder / digest
        self.hold()
        with contextlib.suppress(BlobLost, OSError):
            self.get(digest)
            os.utime(path)  # it is needed again: nobody takes it for a crash's
            return digest
        try:
            if not self._folder.exists():
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                drafts.settle(self._folder.parent)
                self.hold()
            stored = seal.close_blob(content, digest) if seal else content
            drafts.place(path, [stored], instead=True)
            drafts.settle(self._folder)
        except OSError as exc:
            raise SessionError(f"cannot write {path}: {exc.strerror}", hint=_FULL) from exc
        return digest

    def get(self, digest: str) -> bytes:
        """Return the content that has this digest.

        Raises:
            BlobLost: there is none, or it cannot be read.
            ValueError: this is no digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is no SHA-256")
        try:
            content = (self._folder / digest).read_bytes()
        except FileNotFoundError:
            raise BlobLost(f"blob {digest} is gone") from None
        except OSError as exc:
            raise BlobLost(f"blob {digest} cannot be read: {exc.strerror}") from None
        try:
            if self._seal:
                return self._seal.open_blob(content, digest)
        except ValueError:
            raise BlobLost(f"blob {digest} was changed") from None
        if sha256(content).hexdigest() != digest:
            raise BlobLost(f"blob {digest} was changed")
        return content


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Keep everybody else from naming a blob meanwhile: whoever removes some has to see all names.

    It waits for those who are about to. A process that holds blobs itself must not ask for it.
    """
    held = _flock(directory / FOLDER, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if held >= 0:
            os.close(held)


def _flock(folder: Path, kind: int) -> int:
    """Return the folder, open and locked; -1 where there is none."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        fcntl.flock(descriptor, kind)
    except OSError:  # without locks, nobody can be kept out
        return descriptor
    except BaseException:  # somebody does not want to wait
        os.close(descriptor)
        raise
    return descriptor


def outside(line: bytes, kind: str, put: Callable[[bytes], str]) -> bytes:
    """Return a line with its large texts taken out.

    Args:
        line: a record as it is logged.
        kind: its type.
        put: keeps a content and returns its digest.
    """
    limit = LIMITS.get(kind, LIMIT)
    if len(line) <= limit:
        return line
    record = json.loads(line)
    named = {}
    for pointer, place, key in list(_texts(record["data"], "/data")):
        text = place[key]
        try:
            content = text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair has no UTF-8: it stays in the line
            continue
        if len(content) > limit:
            named[pointer] = {"sha256": put(content), "bytes": len(content)}
            place[key] = "" if _is_image(place) else text[: min(SHOWN, limit)]
    return chain.encode({**record, FIELD: named}) if named else line


def inside(record: dict[str, Any], get: Callable[[str], bytes]) -> list[str]:
    """Put back what `outside` took out of a record; return what is lost, a line for each.

    Where a text is lost, it is said at its place, behind the beginning that there still is.

    Args:
        record: a line's object; changed in place.
        get: returns the content of a digest.

    Raises:
        ValueError: what the record names is not in it.
    """
    lost = []
    for pointer, blob in record.pop(FIELD).items():
        try:
            *way, last = pointer.split("/")[1:]
            place: Any = record
            for step in way:
                above, at = place, _key(step, place)
                place = place[at]
            key = _key(last, place)
            beginning = place[key]
            place[key] = get(blob["sha256"]).decode()
        except BlobLost as exc:
            lost.append(str(exc))
            told = f"[{exc}; it had {blob['bytes']} bytes]"
            if _is_image(place):
                above[at] = {"kind": "text", "text": told}
            else:
                place[key] = f"{beginning}\n{told}"
        except (LookupError, TypeError, AttributeError) as exc:
            raise ValueError(f"blob {pointer!r} has no place in it: {exc!r}") from None
    return lost


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each text in a value: its JSON Pointer, what it is in, and its key there."""
    if not isinstance(value, dict | list):
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        step = str(key).replace("~", "~0").replace("/", "~1")
        if isinstance(item, str):
            yield f"{pointer}/{step}", value, key
        else:
            yield from _texts(item, f"{pointer}/{step}")


def _key(step: str, place: Any) -> str | int:
    return int(step) if isinstance(place, list) else step.replace("~1", "/").replace("~0", "~")


def _is_image(place: Any) -> bool:
    return isinstance(place, dict) and place.get("kind") == "image"
