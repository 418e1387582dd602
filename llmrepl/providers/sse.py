"""Server-sent events, read from bytes in any pieces and given back the same.

Source: the event stream format of the HTML standard. `id` and `retry` are for reconnecting, which
a model's reply has no use for, so they are passed over.
"""

from __future__ import annotations

from llmrepl.providers.taking import LARGEST_EVENT, MIB, TooLarge

ServerEvent = tuple[str, str]
"""An event's name, which is mostly empty, and its data."""


class EventStream:
    """Turns bytes into events. An event that is not closed by an empty line is no event.

    A body that is JSON instead, which no stream of events begins as, is one event.
    """

    def __init__(self) -> None:
        self._is_json: bool | None = None
        self._held = b""
        self._started = False
        self._after_cr = False
        self._name = ""
        self._data: list[str] = []
        self._waiting = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Return the events that are complete by now.

        Raises:
            ValueError: the next one has become larger than any.
        """
        events = self._complete(chunk)
        self._waiting = 0 if events else self._waiting + len(chunk)
        if self._waiting > LARGEST_EVENT:
            raise TooLarge(f"more than {LARGEST_EVENT // MIB} MiB came without the end of an event")
        return events

    def _complete(self, chunk: bytes) -> list[ServerEvent]:
        if self._is_json is not False and self._is_whole(chunk):
            self._held += chunk
            return []
        if b"\r" in chunk or self._after_cr:
            chunk = self._with_plain_line_ends(chunk)
        lines = (self._held + chunk).split(b"\n")
        self._held = lines.pop()
        if lines and not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        events: list[ServerEvent] = []
        for line in lines:
            if line.startswith(b"data: "):
                self._data.append(line[6:].decode("utf-8", "replace"))
            elif line:
                self._field(line.decode("utf-8", "replace"))
            else:
                if self._data:
                    events.append((self._name, "\n".join(self._data)))
                    self._data = []
                self._name = ""
        return events

    def close(self) -> list[ServerEvent]:
        """Return the body that is no stream of events, now that it is whole."""
        whole = self._held.decode("utf-8", "replace") if self._is_json else ""
        return [("", whole)] if whole else []

    def _is_whole(self, chunk: bytes) -> bool:
        """Return whether this is the JSON of a whole body; its first character tells."""
        start = chunk.removeprefix(b"\xef\xbb\xbf").lstrip()
        if self._is_json is None and start:
            self._is_json = start.startswith((b"{", b"["))
        return bool(self._is_json)

    def _with_plain_line_ends(self, chunk: bytes) -> bytes:
        """Return `chunk` with LF for CRLF and CR, also where a CRLF was cut in two."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        self._after_cr = self._after_cr or chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        elif name == "event":
            self._name = value.removeprefix(" ")
