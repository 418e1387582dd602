"""Seals what a session's lines and blobs hold with one key of its file, and nothing about files.

A line is sealed alone, so that a crash costs no other, and is bound to its number and to the sealed
line before it: none can be made up, changed, moved or left out from the middle without the key.
"""

from __future__ import annotations

import hmac
import json
import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from llmrepl import chain
from llmrepl.errors import SessionError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

SEALED = "sealed"
"""The field of a line that holds the rest of it."""

_COMMAND = f"{sys.executable} -m pip install 'llmrepl[encryption]'"
INSTALL = f"`{_COMMAND}` installs what sealed sessions need"

_BYTES = 32
_NONCE = 12


class SessionSealed(SessionError):
    """A session is sealed and cannot be opened here: no key of it, or no package for it."""


class Seal:
    """The key of one file, and of those that were forked from it.

    Args:
        key: 32 random bytes.

    Raises:
        SessionSealed: the package that seals is not installed.
        ValueError: this is no key.

    Attributes:
        key: the 32 bytes.
        id: tells keys apart, and nothing about them: 32 hexadecimal digits.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _BYTES:
            raise ValueError(f"a session's key has {_BYTES} bytes, and this one {len(key)}")
        self.key = key
        self.id = self._derived("id").hex()[:32]
        self._lines = _cipher(self._derived("lines"))
        self._blobs = _cipher(self._derived("blobs"))
        self._names = self._derived("names")

    def close(self, inner: bytes, place: str) -> str:
        """Return `inner` sealed for a place, in base64."""
        return b64encode(_closed(self._lines, inner, self._place(place))).decode()

    def open(self, sealed: str, place: str) -> bytes:
        """Return what `close` sealed for this place.

        Raises:
            ValueError: it was changed, or sealed for another place or with another key.
        """
        return _opened(self._lines, b64decode(sealed, validate=True), self._place(place))

    def name(self, content: bytes) -> str:
        """Return what a blob is called: equal for equal contents, and only with this key."""
        return hmac.digest(self._names, content, "sha256").hex()

    def close_blob(self, content: bytes, name: str) -> bytes:
        """Return a blob's content as its file holds it."""
        return _closed(self._blobs, content, self._place(name))

    def open_blob(self, sealed: bytes, name: str) -> bytes:
        """Return the content of the blob of this name.

        Raises:
            ValueError: it was changed.
        """
        return _opened(self._blobs, sealed, self._place(name))

    def _derived(self, purpose: str) -> bytes:
        return hmac.digest(self.key, f"llmrepl session {purpose}".encode(), "sha256")

    def _place(self, place: str) -> bytes:
        return f"{self.id} {place}".encode()


class Places:
    """Where each line of a file stands: behind which sealed one, as it has to be told to a seal."""

    def __init__(self) -> None:
        self._before = [b""]

    def of(self, seq: int) -> str:
        """Return the place of a line, all before which were taken."""
        return f"{seq} {self._before[seq - 1].hex()}"

    def take(self, seq: int, sealed: str) -> None:
        """Know the line `seq`; those behind it, if there were any, are forgotten."""
        self._before[seq:] = [sha256(sealed.encode()).digest()]


def new_key() -> bytes:
    """Return a key that nobody has."""
    return os.urandom(_BYTES)


def sealed_line(seal: Seal, places: Places, plain: bytes) -> tuple[bytes, str]:
    """Return a line sealed, without its newline, and what `Places.take` is told once it is written.

    Args:
        seal: the file's.
        places: those of the lines before it.
        plain: the line; its blobs are on the disk.
    """
    record = json.loads(plain)
    line = {"prev": record.pop("prev"), "seq": record.pop("seq")}
    named = {blob["sha256"] for blob in record.get("blobs", {}).values()}
    if named:  # whoever removes sessions has to know without a key what they need
        line["blobs"] = [{"sha256": name} for name in sorted(named)]
    sealed = seal.close(chain.encode(record), places.of(line["seq"]))
    return chain.encode({**line, SEALED: sealed}), sealed


def opened(seal: Seal, places: Places, data: dict[str, Any]) -> dict[str, Any]:
    """Return the object of a plain line for that of a sealed one, and take its place.

    Raises:
        ValueError: it does not belong here, or was changed.
        KeyError: it is not a sealed line.
    """
    seq, sealed = data["seq"], data[SEALED]
    found = _inside(seal, places, data)
    places.take(seq, sealed)
    return found


def opened_line(seal: Seal, places: Places, line: bytes) -> bytes:
    """Return the plain line for a sealed one whose place was taken."""
    return chain.encode(_inside(seal, places, json.loads(line)))


def opened_lines(seal: Seal, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the plain lines of a file's sealed ones, those from 1 on, without newlines.

    Raises:
        ValueError: one does not belong here, or was changed.
        KeyError: one is not a sealed line.
    """
    places = Places()
    for line in lines:
        yield chain.encode(opened(seal, places, json.loads(line)))


def _inside(seal: Seal, places: Places, data: dict[str, Any]) -> dict[str, Any]:
    seq = data["seq"]
    inner = json.loads(seal.open(data[SEALED], places.of(seq)))
    return {"prev": data["prev"], "seq": seq, **inner}


def _cipher(key: bytes) -> ChaCha20Poly1305:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    except ImportError:
        raise SessionSealed("that needs the package cryptography", hint=INSTALL) from None
    return ChaCha20Poly1305(key)


def _closed(cipher: ChaCha20Poly1305, content: bytes, place: bytes) -> bytes:
    # Drawn anew for each: a number would be used twice where a torn line gives way to another.
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, content, place)


def _opened(cipher: ChaCha20Poly1305, sealed: bytes, place: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
    except InvalidTag:
        raise ValueError("it was changed, or sealed elsewhere") from None
