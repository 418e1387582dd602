"""Which directories something happened in, as the operating system tells: inotify.

Of a file with several names, what happens is told of one alone: so where a name is new, it may have
happened anywhere. Where inotify is missing, tells too much or cannot watch so many directories, it
may have, too.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator

MODIFY, ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x2, 0x4, 0x8, 0x40, 0x80
CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x100, 0x200, 0x400, 0x800
OVERFLOW, ONLYDIR, ISDIR = 0x4000, 0x01000000, 0x40000000

_WANTED = (
    MODIFY
    | ATTRIB
    | CLOSE_WRITE
    | MOVED_FROM
    | MOVED_TO
    | CREATE
    | DELETE
    | DELETE_SELF
    | MOVE_SELF
    | ONLYDIR
)
_HEAD = struct.Struct("iIII")
_ROOM = 1 << 16


class Watch:
    """Watches directories, each called by a path that means something to the caller."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}
        self._fd = -1
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError):  # not Linux
            pass
        self._lost = True

    def add(self, path: str, fd: int) -> None:
        """Watch the directory that is open as `fd`."""
        if self._fd < 0:
            return
        place = f"/proc/self/fd/{fd}".encode()
        number = self._libc.inotify_add_watch(self._fd, place, ctypes.c_uint32(_WANTED))
        if number < 0:
            self.close()  # too many, most likely
        else:
            self._paths[number] = path

    def trust(self) -> None:
        """Note that everything that is there now is watched and known."""
        self._lost = self._fd < 0

    def touched(self) -> set[str] | None:
        """Return where something happened since this was last asked; None for anywhere."""
        if self._fd < 0:
            return None
        found = set()
        for number, mask in self._events():
            moved = mask & MOVED_FROM and mask & ISDIR
            if moved or mask & (MOVE_SELF | OVERFLOW | CREATE | MOVED_TO):
                # What was a directory's path may be none or another's, and what was a file's name
                # not the only one: of a link that came and went nothing else is left.
                self._lost = True
            elif number in self._paths:
                found.add(self._paths[number])
        return None if self._lost else found

    def close(self) -> None:
        """Watch no more. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._lost = True

    def _events(self) -> Iterator[tuple[int, int]]:
        while True:
            try:
                data = os.read(self._fd, _ROOM)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                number, mask, _cookie, length = _HEAD.unpack_from(data, at)
                yield number, mask
                at += _HEAD.size + length
