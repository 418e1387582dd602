"""Messages between the host and the sandbox: a 4-byte length, then one JSON object.

Nothing here trusts the other side: a frame that is too long, is not an object or nests too deeply
is a `FrameError`. Used on both sides, so it needs only the standard library of Python 3.8.
"""

from __future__ import annotations

import array
import json
import socket
import struct
from typing import Any, Dict, List, Sequence, Tuple

MAX_FRAME = 1 << 20
"""Most bytes of JSON in one frame."""

MAX_FDS = 4
"""Most file descriptors that travel with one frame."""

Message = Dict[str, Any]

_LENGTH = struct.Struct(">I")
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class FrameError(ValueError):
    """The other side sent something that is not a frame."""


def encode_frame(message: Message) -> bytes:
    """Return `message` as one frame.

    Raises:
        FrameError: it is longer than a frame may be.
    """
    body = _ENCODE(message).encode("ascii")
    if len(body) > MAX_FRAME:
        raise FrameError(f"{len(body)} bytes do not fit a frame of {MAX_FRAME}")
    return _LENGTH.pack(len(body)) + body


def decode_frame(body: bytes) -> Message:
    """Return the message in `body`.

    Raises:
        FrameError: it is not one JSON object.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise FrameError("not an object")
    return message


class FrameBuffer:
    """Puts frames together again from bytes split anywhere."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> List[Message]:
        """Return the messages that are complete with `data`, in order.

        Raises:
            FrameError: the bytes are not frames; nothing after it can be understood.
        """
        self._held += data
        messages = []
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if length > MAX_FRAME:
                raise FrameError(f"a frame of {length} bytes, {MAX_FRAME} are allowed")
            end = _LENGTH.size + length
            if len(self._held) < end:
                break
            messages.append(decode_frame(bytes(self._held[_LENGTH.size : end])))
            del self._held[:end]
        return messages


def send_frame(sock: socket.socket, message: Message) -> None:
    """Send `message` over a blocking socket."""
    sock.sendall(encode_frame(message))


def receive_frame(sock: socket.socket) -> Tuple[Message, List[int]]:
    """Return the next message from a blocking socket, and the descriptors that came with it.

    Raises:
        EOFError: the other side has closed.
        FrameError: what came is not a frame.
    """
    room = socket.CMSG_SPACE(MAX_FDS * array.array("i").itemsize)
    head, ancillary, _flags, _address = sock.recvmsg(_LENGTH.size, room, socket.MSG_CMSG_CLOEXEC)
    fds = _descriptors(ancillary)
    head += _exactly(sock, _LENGTH.size - len(head)) if head else b""
    if not head:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    if length > MAX_FRAME:
        raise FrameError(f"a frame of {length} bytes")
    return decode_frame(_exactly(sock, length)), fds


def _descriptors(ancillary: Sequence[Tuple[int, int, bytes]]) -> List[int]:
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return list(fds)


def _exactly(sock: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        data = sock.recv(min(count - len(parts), 1 << 16))
        if not data:
            raise EOFError
        parts += data
    return bytes(parts)
