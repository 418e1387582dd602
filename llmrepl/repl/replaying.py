"""The keys of a replay: read one by one, unseen, while it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

HINT = "space pauses · n or → shows the next record · + and - change the speed · q ends"

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What ends a replay like `q`, so that the terminal is left as it was."""


@contextmanager
def keys_for(terminal: TextIO, press: Callable[[str], None]) -> Iterator[None]:
    """Give each key that is pressed on `terminal` to `press`, in the running event loop.

    Ctrl-C stays a signal. The terminal's settings are restored in the end, also where a signal
    ends the process: it then dies of that signal, but not before.
    """
    number = terminal.fileno()
    before = termios.tcgetattr(number)
    settings = termios.tcgetattr(number)
    settings[3] &= ~(termios.ECHO | termios.ICANON)
    loop = asyncio.get_running_loop()
    signals: list[signal.Signals] = []

    def read() -> None:
        data = os.read(number, 64)
        if not data:
            loop.remove_reader(number)
            return
        for key in split(data.decode("utf-8", "replace")):
            press(key)

    def take_over() -> None:
        termios.tcsetattr(number, termios.TCSANOW, settings)

    def end(by: signal.Signals) -> None:
        signals.append(by)
        press("q")

    take_over()
    loop.add_reader(number, read)
    loop.add_signal_handler(signal.SIGCONT, take_over)  # whoever had the terminal changed it
    for by in ENDING:
        loop.add_signal_handler(by, end, by)
    try:
        yield
    finally:
        for by in (*ENDING, signal.SIGCONT):
            loop.remove_signal_handler(by)
        loop.remove_reader(number)
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(number, termios.TCSADRAIN, before)
        for by in signals:
            signal.raise_signal(by)


def split(text: str) -> Iterator[str]:
    """Yield the keys in what was read: an arrow is three characters, others are one."""
    at = 0
    while at < len(text):
        length = 3 if text[at] == "\x1b" and text[at + 1 : at + 2] in ("[", "O") else 1
        yield text[at : at + length]
        at += length
