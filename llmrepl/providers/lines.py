"""JSON, one value a line, read from bytes in any pieces and given back the same.

Lines end at a line feed alone: readers of text also end them at Unicode's separators, which JSON
allows in a string.
"""

from __future__ import annotations

from typing import Any

from llmrepl.providers.taking import LARGEST_EVENT, MIB, TooLarge, read_json


class JsonLines:
    """Turns bytes into values. Blank lines, which keep connections alive, are none."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[Any]:
        """Return the values that are complete by now.

        Raises:
            ValueError: a line is none, or has become larger than any.
        """
        *lines, self._held = (self._held + data).split(b"\n")
        if len(self._held) > LARGEST_EVENT:
            raise TooLarge(f"more than {LARGEST_EVENT // MIB} MiB came without the end of a line")
        return [
            read_json(line.decode("utf-8", "replace"))
            for line in lines
            if line and not line.isspace()
        ]

    def close(self) -> list[Any]:
        """Return the value that has no end of a line behind it; raises as `feed` does."""
        return self.feed(b"\n")
