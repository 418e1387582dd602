"""What was typed before, for the arrow keys: kept in a file for its owner alone.

A history that cannot be read or written is only shorter; the chat goes on.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory


class History(FileHistory):
    """Lines that were sent, the newest first, over all chats.

    Args:
        file: where they are kept; it and its directory are made with the first line.
        redact: takes secrets out of what is kept.
    """

    def __init__(self, file: Path, redact: Callable[[str], str] = str) -> None:
        super().__init__(str(file))
        self._file = file
        self._redact = redact

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines of earlier chats."""
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        """Keep a line for later chats."""
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_CREAT | os.O_CLOEXEC, 0o600))
            super().store_string(self._redact(string))
