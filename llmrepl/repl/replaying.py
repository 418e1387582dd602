"""The keys of a replay: read one by one, unseen, while it goes on."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def keys_for(terminal: TextIO, press: Callable[[str], None]) -> Iterator[None]:
    """Give each key that is pressed on `terminal` to `press`, in the running event loop.

    Ctrl-C stays a signal. The terminal's settings are restored in the end.
    """
    number = terminal.fileno()
    before = termios.tcgetattr(number)
    settings = termios.tcgetattr(number)
    settings[3] &= ~(termios.ECHO | termios.ICANON)
    loop = asyncio.get_running_loop()

    def read() -> None:
        data = os.read(number, 64)
        if not data:
            loop.remove_reader(number)
            return
        for key in split(data.decode("utf-8", "replace")):
            press(key)

    termios.tcsetattr(number, termios.TCSANOW, settings)
    loop.add_reader(number, read)
    try:
        yield
    finally:
        loop.remove_reader(number)
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def split(text: str) -> Iterator[str]:
    """Yield the keys in what was read: an arrow is three characters, others are one."""
    at = 0
    while at < len(text):
        length = 3 if text[at] == "\x1b" and text[at + 1 : at + 2] in ("[", "O") else 1
        yield text[at : at + length]
        at += length
