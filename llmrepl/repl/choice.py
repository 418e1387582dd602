"""One key out of a few, from a person who means it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import termios
from collections.abc import Callable, Mapping

from llmrepl.conversing.guard import ALONE, Guard

INTERRUPT = "interrupt"


async def choose(keys: Mapping[str, str], line: Callable[[int], str]) -> str:
    """Show `line` and wait for one of the keys; the line is gone afterwards.

    What was typed before is dropped, and a key counts only if none came shortly before it or
    right behind it.

    Args:
        keys: what each key stands for; Enter is none.
        line: returns what can be chosen, for a number of columns, with ANSI colours.

    Returns:
        What the key stands for, `INTERRUPT` for Ctrl-C and Ctrl-D.
    """
    from prompt_toolkit.application import Application
    from prompt_toolkit.formatted_text import ANSI
    from prompt_toolkit.input.typeahead import clear_typeahead
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.keys import Keys
    from prompt_toolkit.layout import FormattedTextControl, Layout, Window

    bindings = KeyBindings()
    guard: Guard | None = None
    chosen: asyncio.TimerHandle | None = None

    def cancel() -> None:
        nonlocal chosen
        if chosen is not None:
            chosen.cancel()
            chosen = None

    @bindings.add(Keys.Any)
    def _pressed(event: KeyPressEvent) -> None:
        nonlocal chosen
        if guard is None or guard.swallows():
            return
        if chosen is not None or event.key_sequence[0].key is Keys.BracketedPaste:
            cancel()
            guard.restart()
        elif (answer := keys.get(event.data.lower())) is not None:
            loop = asyncio.get_running_loop()
            chosen = loop.call_later(ALONE, lambda: event.app.exit(result=answer))

    @bindings.add("c-c")
    @bindings.add("c-d")
    def _interrupted(event: KeyPressEvent) -> None:
        cancel()
        event.app.exit(result=INTERRUPT)

    bindings.add("c-z")(lambda event: event.app.suspend_to_background())
    control = FormattedTextControl(
        lambda: ANSI(line(shutil.get_terminal_size().columns)), show_cursor=False
    )
    app: Application[str] = Application(
        layout=Layout(Window(control, wrap_lines=True, dont_extend_height=True)),
        key_bindings=bindings,
        erase_when_done=True,
    )

    def begin() -> None:
        nonlocal guard
        guard = Guard()  # from the moment at which there is something to answer

    clear_typeahead(app.input)
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    try:
        return await app.run_async(pre_run=begin, handle_sigint=False)
    finally:
        cancel()
