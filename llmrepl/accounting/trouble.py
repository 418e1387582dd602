"""What is wrong with the usage database, to be told once, whoever finds it first."""

from __future__ import annotations

import threading

from llmrepl.accounting.database import UsageError


class Trouble:
    """Keeps the first problem until somebody tells it; those after it are the same one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = False
        self._told = ""

    def note(self, error: UsageError) -> None:
        """Take in that the database could not be used; for any thread."""
        with self._lock:
            if not self._known:
                self._known = True
                self._told = f"{error.message} ({error.hint})"

    def take(self) -> str:
        """Return what is to be told; empty where nothing is, or it was told."""
        with self._lock:
            told, self._told = self._told, ""
        return told
