"""The terminal as the prompt writes to it: in one go where asked, and never in vain.

It is never asked where its cursor is: the answer would come between the keys, and what stands below
the prompt needs no more than a row. A terminal that is gone takes whatever is written, unseen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""Ask a terminal to show what comes between them at once; those that cannot pass over it."""


class Output(Vt100_Output):
    """What prompt-toolkit draws on; `Output.on` makes one."""

    responds_to_cpr = False
    _held = False

    @classmethod
    def on(cls, stream: TextIO) -> Output:
        """Return the output that writes to the terminal behind `stream`."""
        term, depth = os.environ.get("TERM"), ColorDepth.from_env()
        return cast("Output", cls.from_pty(stream, term, depth))

    def get_rows_below_cursor_position(self) -> int:
        """Return how many rows are left, as far as it matters: one."""
        return 1

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Send what is written meanwhile in one piece, so that no half of it is ever seen."""
        self._held = True
        self.write_raw(BEGIN)
        try:
            yield
        finally:
            self.write_raw(END)
            self._held = False
            self.flush()

    @contextmanager
    def aside(self) -> Iterator[list[str]]:
        """Collect what is written meanwhile in a list, and send none of it."""
        kept, self._buffer = self._buffer, []
        try:
            yield self._buffer
        finally:
            self._buffer = kept

    def flush(self) -> None:
        """Send what was written."""
        if self._held:
            return
        try:
            super().flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stdout.fileno())
            os.close(nowhere)
