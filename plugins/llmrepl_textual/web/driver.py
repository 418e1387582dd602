"""What stands in for a terminal in the process of a browser session.

It ends the application when the server is gone, and draws everything again for a page that was
loaded anew.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any

from textual.app import App
from textual.drivers.web_driver import WebDriver
from textual.messages import ExitApp

AGAIN = "\x1b[?1049h\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h\x1b[?25l\x1b[?2004h"
"""What a terminal is told first: the other screen, the mouse, no cursor, pastes in brackets."""


class PageDriver(WebDriver):
    """Textual's own driver for browsers, for pages that come and go.

    Args:
        app: the application.
        debug: whether Textual looks at itself.
        mouse: whether the mouse is used.
        size: columns and rows.
    """

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._writing = Lock()
        self._output = self.fileno
        self._write = partial(self._whole)

    def on_meta(self, packet_type: str, payload: dict[str, Any]) -> None:
        """Take what the server says; `attach` is that another page shows it now."""
        if packet_type == "attach":
            self._app.call_later(self._again)
        else:
            super().on_meta(packet_type, payload)

    def run_input_thread(self) -> None:
        """Read until there is no more; then end, because nobody is there."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(ExitApp())

    def _again(self) -> None:
        self.write(AGAIN)
        self._app.refresh(layout=True)

    def _whole(self, data: bytes) -> int:
        """Write all of a packet, and no other in between: files are sent by another thread."""
        size = len(data)
        with self._writing, suppress(BrokenPipeError):  # the end of the input says it as well
            while data:
                data = data[os.write(self._output, data) :]
        return size
