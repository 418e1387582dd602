"""Keys about turns: they interrupt, steer, take back, show what is folded, and leave."""

from __future__ import annotations

from typing import Protocol

from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition, has_completions
from prompt_toolkit.key_binding import KeyPressEvent

from llmrepl.repl.editing.keys import Doing, editing


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

    def expand(self) -> None:
        """Show all of the last output."""
        ...

    def leave(self) -> None:
        """End the chat, and what is being worked on before it."""
        ...

    def say_how_to_leave(self) -> None:
        """Say it."""
        ...


def turn_keys(turns: Turns) -> Doing:
    """Return what makes `turns` do things, by the names of the actions."""
    busy = Condition(lambda: turns.busy)
    waiting = Condition(lambda: turns.queued)
    empty = Condition(lambda: not get_app().current_buffer.text)

    def clear(event: KeyPressEvent) -> None:
        if turns.busy:
            turns.interrupt()
        elif event.current_buffer.text:
            event.current_buffer.reset()
        else:
            turns.say_how_to_leave()

    def back(event: KeyPressEvent) -> None:
        if waiting() and empty():
            turns.take_back()
        else:
            event.current_buffer.auto_up(count=event.arg)

    return {
        "clear": editing(clear),
        "interrupt": editing(lambda _: turns.interrupt(), when=busy & ~has_completions),
        "edit_last": editing(lambda _: turns.edit_last(), when=~busy & empty),
        "steer": editing(lambda _: turns.steer(), when=busy),
        "expand": editing(lambda _: turns.expand()),
        "history_back": editing(back),
        "leave": editing(lambda _: turns.leave(), when=empty),
    }
