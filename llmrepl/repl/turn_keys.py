"""Keys about turns: they interrupt, steer, take back and leave."""

from __future__ import annotations

import time
from typing import Protocol

from prompt_toolkit.application import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_completions, has_focus, vi_insert_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

TWICE = 0.6
"""Seconds in which a second Esc makes a pair with the first."""


class Turns(Protocol):
    """What the keys need of a chat."""

    @property
    def busy(self) -> bool:
        """Whether something that was entered is being worked on."""
        ...

    @property
    def queued(self) -> bool:
        """Whether something waits."""
        ...

    def interrupt(self) -> None:
        """End what is being worked on."""
        ...

    def steer(self) -> None:
        """Hand the typed text, or the first that waits, to the running turn."""
        ...

    def take_back(self) -> None:
        """Take the last text that waits into the prompt."""
        ...

    def edit_last(self) -> None:
        """Let the person edit what they said last."""
        ...

    def leave(self) -> None:
        """End the chat, and what is being worked on before it."""
        ...

    def say_how_to_leave(self) -> None:
        """Say it."""
        ...


def turn_keys(turns: Turns) -> KeyBindings:
    """Return the bindings that make `turns` do things."""
    keys = KeyBindings()
    editing = has_focus(DEFAULT_BUFFER)
    busy = Condition(lambda: turns.busy)
    waiting = Condition(lambda: turns.queued)
    empty = Condition(lambda: not get_app().current_buffer.text)
    escaped = 0.0

    @keys.add("c-c", filter=editing)
    def _interrupt_or_clear(event: KeyPressEvent) -> None:
        if turns.busy:
            turns.interrupt()
        elif event.current_buffer.text:
            event.current_buffer.reset()
        else:
            turns.say_how_to_leave()

    @keys.add("escape", filter=editing & busy & ~vi_insert_mode & ~has_completions)
    def _interrupt(_: KeyPressEvent) -> None:
        turns.interrupt()

    @keys.add("escape", filter=editing & ~busy & empty & ~vi_insert_mode)
    def _escape(_: KeyPressEvent) -> None:
        nonlocal escaped
        now = time.monotonic()
        if now - escaped < TWICE:
            turns.edit_last()
        escaped = now

    @keys.add("c-s", filter=editing & busy)
    def _steer(_: KeyPressEvent) -> None:
        turns.steer()

    @keys.add("up", filter=editing & empty & waiting)
    def _take_back(_: KeyPressEvent) -> None:
        turns.take_back()

    @keys.add("c-d", filter=editing & empty)
    def _leave(_: KeyPressEvent) -> None:
        turns.leave()

    return keys
