"""Keys that are pressed while there is no prompt, and the terminal that is lent to others."""

from __future__ import annotations

import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


@contextmanager
def held(terminal: TextIO) -> Iterator[None]:
    """Keep the keys that are pressed, as they are and unseen, until a prompt reads them.

    A prompt puts its own settings over these while it is there. Ctrl-C stays a signal.
    """
    with _settings(terminal) as settings:
        settings[0] &= ~(termios.ICRNL | termios.IXON)
        settings[3] &= ~_TYPING
        termios.tcsetattr(terminal, termios.TCSANOW, settings)
        yield


@contextmanager
def lent(terminal: TextIO) -> Iterator[None]:
    """Give the terminal to another program, which finds it as a shell would leave it."""
    with _settings(terminal) as settings:
        settings[0] |= termios.ICRNL | termios.IXON
        settings[3] |= _TYPING
        termios.tcsetattr(terminal, termios.TCSANOW, settings)
        yield


_TYPING = termios.ECHO | termios.ICANON


@contextmanager
def _settings(terminal: TextIO) -> Iterator[list[Any]]:
    """Yield a copy of the terminal's settings, and restore them in the end."""
    before = termios.tcgetattr(terminal)
    try:
        yield [*before]
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(terminal, termios.TCSANOW, before)
