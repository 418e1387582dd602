"""Asks the terminal for its background, and takes the answer out of what is typed.

The answer comes on the line that keys come on, whenever the terminal likes: before, between or
after keys, in one piece or in several. No key waits for it, and none is lost with it.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyPress

from llmrepl.repl.look import Look

QUESTION = "\x1b]11;?\x1b\\"
BEGIN = "\x1b]11;"
SILENT = frozenset({"dumb", "linux", ""})
"""Values of TERM of terminals that are not asked."""

PATIENCE = 0.3
"""Seconds after the question in which the chat does not end without the answer."""

LIGHT = 0.5
"""The brightness from which on a background is light; white has 1."""

# Patterns stay texts: the first prompt waits for none to be compiled.
_ANSWER = r"\x1b\]11;([^\x07\x1b]*)(?:\x07|\x1b\\)"
_BEGUN = r"\x1b(?:\](?:1(?:1(?:;[^\x07\x1b]{0,40}\x1b?)?)?)?)?\Z"
_COLOUR = r"rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})"
_WEIGHTS = (0.2126, 0.7152, 0.0722)  # of red, green and blue: ITU-R BT.709


def theme_for(colour: str) -> str:
    """Return the theme for a background as a terminal tells it; empty where that is no colour."""
    found = re.match(_COLOUR, colour)
    if found is None:
        return ""
    shares = (int(digits, 16) / (16 ** len(digits) - 1) for digits in found.groups())
    brightness = sum(w * share for w, share in zip(_WEIGHTS, shares, strict=True))
    return "light" if brightness >= LIGHT else "dark"


class Sieve:
    """Keeps back what may be the answer, and lets everything else through in its order."""

    def __init__(self) -> None:
        self.answer: str | None = None
        self._held = ""

    def through(self, text: str) -> str:
        """Return what of the text, and of what was kept back, is typed."""
        text, self._held = self._held + text, ""
        if self.answer is None and (found := re.search(_ANSWER, text)):
            self.answer = found[1]
            text = text[: found.start()] + text[found.end() :]
        if self.answer is None and (begun := re.search(_BEGUN, text)):
            self._held = begun[0]
            text = text[: begun.start()]
        return text

    def waited(self) -> str:
        """Return what was kept back and can be a key, as nothing has followed it for a while."""
        if self._held.startswith(BEGIN):
            return ""  # no key begins so
        held, self._held = self._held, ""
        return held


class Keys(Vt100Input):
    """The keys that are typed on a terminal, which can be asked for its background.

    Args:
        stdin: the terminal.
    """

    def __init__(self, stdin: TextIO) -> None:
        super().__init__(stdin)
        self._look: Look | None = None
        self._sieve: Sieve | None = None
        self._answered = asyncio.Event()
        self._until = time.monotonic()

    def ask(self, look: Look) -> None:
        """Ask, where the theme goes by the answer; nothing waits for it.

        Args:
            look: is told the theme that suits the background.
        """
        stream = sys.__stdout__ or sys.stdout
        if not look.open or os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in SILENT:
            return
        self._look, self._sieve = look, Sieve()
        self._until = time.monotonic() + PATIENCE
        stream.write(QUESTION)
        stream.flush()

    def read_keys(self) -> list[KeyPress]:
        """Return what was typed."""
        typed = self.stdin_reader.read()
        self.vt100_parser.feed(self._sifted(typed) if self._sieve else typed)
        return self._taken()

    def flush_keys(self) -> list[KeyPress]:
        """Return what may go on, and has not for a while."""
        if self._sieve:
            self.vt100_parser.feed(self._sieve.waited())
        self.vt100_parser.flush()
        return self._taken()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hear the answer while no prompt does; what is typed meanwhile is for the next one."""
        with self.attach(lambda: store_typeahead(self, self.read_keys())):
            yield

    async def heard(self) -> None:
        """Wait a moment for an answer that is due: what read it next would take it for keys."""
        left = self._until - time.monotonic()
        if self._sieve and left > 0:
            with suppress(TimeoutError, EOFError), self.kept():  # EOFError: the terminal is gone
                await asyncio.wait_for(self._answered.wait(), left)

    def _sifted(self, typed: str) -> str:
        assert self._sieve
        typed = self._sieve.through(typed)
        if self._sieve.answer is not None:
            if self._look and (theme := theme_for(self._sieve.answer)):
                self._look.told(theme)
            self._sieve = None
            self._answered.set()
        return typed

    def _taken(self) -> list[KeyPress]:
        keys, self._buffer = self._buffer, []
        return keys
