"""Makes the parts of a message from what was typed: its text, and the files that it mentions.

Only what is typed is looked at, not what was pasted. Of a directory, the names of its files are
attached. A path that leads nowhere stays text; what cannot be attached stays text too, and a note
says why. Blocking: to be called in a thread.
"""

from __future__ import annotations

import os
from base64 import b64encode
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from llmrepl.context.render import fence
from llmrepl.conversing.drafting.mentions import Mention, mentions
from llmrepl.conversing.drafting.pastes import Pastes
from llmrepl.executors.walls.hidden import is_secret
from llmrepl.figures import counted
from llmrepl.parts import Image, Part, Text
from llmrepl.sanitise import clean

TEXT_BYTES = 64 * 1024
"""How much of a text file is attached: its head."""

IMAGE_BYTES = 10 * 1024 * 1024
MOST_FILES = 20
"""Files and directories of one message."""

MOST_NAMES = 500
"""Files of a directory that are named: those that are nearest to it."""

HEAD = 16
UNITS = (("MB", 10**6), ("kB", 10**3))
IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
"""Media types of images by how their files begin."""


class Unattachable(Exception):
    """Why a file cannot be attached."""


class Message(NamedTuple):
    """What is sent, and what the person is told about it."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def message(text: str, directory: Path, pastes: Pastes | None = None) -> Message:
    """Return the message that `text` stands for.

    Args:
        text: what was typed, with placeholders for what was pasted.
        directory: what relative paths are relative to.
        pastes: what the placeholders stand for.
    """
    pieces = (pastes or Pastes()).split(text)
    parts: list[Part] = [Text("".join(piece for piece, _ in pieces))]
    notes = []
    files = mentioned(text, directory, pastes)
    for path, name in islice(files, MOST_FILES):
        shown = clean(name)
        try:
            part, size = attachment(path, name)
        except Unattachable as reason:
            notes.append(f"not attached: {shown}: {reason}")
        else:
            parts.append(part)
            notes.append(f"attached {shown} ({size})")
    if len(files) > MOST_FILES:
        notes.append(f"not attached: {len(files) - MOST_FILES} files more than {MOST_FILES}")
    return Message(tuple(parts), tuple(notes))


def mentioned(
    text: str, directory: Path, pastes: Pastes | None = None
) -> dict[tuple[Path, str], None]:
    """Return the files and directories that `text` mentions, each with how it is called there.

    Args:
        text: as `message` takes it, like the others.
        directory: what relative paths are relative to.
        pastes: what the placeholders stand for.
    """
    typed = (piece for piece, pasted in (pastes or Pastes()).split(text) if not pasted)
    found = (_path(mention, directory) for piece in typed for mention in mentions(piece))
    return dict.fromkeys(filter(None, found))


def attachment(path: Path, name: str) -> tuple[Part, str]:
    """Return a file, or the names in a directory, as a part, and in a few words how much that is.

    Args:
        path: the file or directory.
        name: how the person called it.

    Raises:
        Unattachable: it cannot be; the text says why.
    """
    if is_secret(path.name) or is_secret(path.resolve().name):
        raise Unattachable("files of this name usually hold secrets")
    if path.is_dir():
        return _names(name, path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(HEAD)
            kind = media_type(head)
            if kind and size > IMAGE_BYTES:
                most = _size(IMAGE_BYTES)
                raise Unattachable(f"an image has {most} at most, this one {_size(size)}")
            content = head + file.read(IMAGE_BYTES if kind else TEXT_BYTES)
    except OSError as error:
        raise Unattachable(error.strerror or "it cannot be read") from None
    if kind:
        return Image(kind, b64encode(content).decode("ascii")), f"{kind}, {_size(size)}"
    return _text(name, content, size)


def media_type(head: bytes) -> str:
    """Return the media type of the image that begins with `head`; empty for anything else."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in IMAGES.items() if head.startswith(magic)), "")


def is_image(path: Path) -> bool:
    """Return whether `path` is a file that begins as an image does."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(media_type(file.read(HEAD)))
    except (OSError, ValueError):
        return False


def _text(name: str, content: bytes, size: int) -> tuple[Text, str]:
    if b"\0" in content:
        raise Unattachable("it is neither text nor a png, jpg, gif or webp image")
    head = content[:TEXT_BYTES]
    if cut := len(content) > TEXT_BYTES:
        head = head[: head.rfind(b"\n") + 1] or head
    text = clean(head.decode("utf-8", "replace").replace("\r\n", "\n"))
    count = text.count("\n") + (not text.endswith("\n") and bool(text))
    lines = counted(count, "line")
    extent = f"the first {lines}, {_size(len(head))} of {_size(size)}" if cut else lines
    about = f"The file {clean(name)} ({extent}{'; the rest is cut off' if cut else ''}):"
    return Text(f"{about}\n{fence(text)}"), extent


def _names(name: str, path: Path) -> tuple[Text, str]:
    from llmrepl.conversing.drafting.files import ProjectFiles

    paths = ProjectFiles(path).paths()
    nearest = sorted(paths, key=lambda inner: inner.count("/"))[:MOST_NAMES]
    extent = counted(len(paths), "file")
    if cut := len(paths) > MOST_NAMES:
        extent = f"{MOST_NAMES} of {extent}"
    about = f"The directory {clean(name)} ({extent}{', those nearest to it' if cut else ''}):"
    return Text(f"{about}\n{fence(chr(10).join(sorted(nearest)))}"), extent


def _path(found: Mention, directory: Path) -> tuple[Path, str] | None:
    for name, _ in found.paths:
        try:
            path = directory / Path(name).expanduser()
            if path.is_file() or path.is_dir():
                return path, name
        except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, nobody's home
            continue
    return None


def _size(count: int) -> str:
    """Return a number of bytes for people, in the largest unit that it fills."""
    unit, each = next(((name, size) for name, size in UNITS if count >= size), ("B", 1))
    return f"{count} B" if each == 1 else f"{count / each:.1f} {unit}"
