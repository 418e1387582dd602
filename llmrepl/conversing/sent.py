"""What was typed before, for the arrow keys: kept in a file for its owner alone.

Several chats write the same file, each entry in one piece. A history that cannot be read or written
is only shorter; the chat goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

NEWEST = 1024 * 1024
"""How many bytes of the file's end are read: in a few milliseconds, once the prompt is there."""

LONGEST = 64 * 1024
"""Characters of the longest entry whose pastes are kept; of a longer one, the placeholders are."""


class Sent:
    """Texts that were sent, the newest first, over all chats.

    Args:
        file: where they are kept; it and its directory are made with the first one.
        redact: takes secrets out of what is kept.
        expand: returns a text with its pastes, which no other chat has.

    Attributes:
        session: returns the id of the session that is talked in, which is kept with what is sent,
            so that both can be erased; "" where it is not known.
    """

    def __init__(
        self,
        file: Path,
        redact: Callable[[str], str] = str,
        expand: Callable[[str], str] = str,
    ) -> None:
        self._file = file
        self._redact = redact
        self._expand = expand
        self.session: Callable[[], str] = str

    def load(self) -> list[str]:
        """Return what earlier chats sent, the newest first."""
        try:
            with self._file.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - NEWEST))
                content = file.read()
        except OSError:
            return []
        found: list[list[str]] = []
        for line in content.decode("utf-8", "replace").split("\n"):
            if line.startswith("#"):
                found.append([])
            elif line.startswith("+") and found:  # else the entry's beginning was not read
                found[-1].append(line[1:])
        return ["\n".join(lines) for lines in reversed(found) if lines]

    def store(self, string: str) -> None:
        """Keep what was sent for later chats."""
        whole = self._expand(string)
        text = self._redact(whole if len(whole) <= LONGEST else string)
        lines = "".join(f"+{line}\n" for line in text.split("\n"))
        about = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self.session()}".rstrip()
        entry = f"\n# {about}\n{lines}".encode("utf-8", "replace")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            with os.fdopen(os.open(self._file, flags, 0o600), "ab", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
                file.write(entry)
