"""The application: it shows the screens of the table, in the theme that holds."""

from __future__ import annotations

import asyncio
import signal
import sys
from functools import partial
from traceback import format_exc
from typing import ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import Monochrome, NoColor

from llmrepl.conversing.attention import Attention
from llmrepl.sanitise import clean
from llmrepl_textual.desk import Desk
from llmrepl_textual.palette import Deeds
from llmrepl_textual.pasting import teach_pastes
from llmrepl_textual.prompt.presses import teach_alt_enter
from llmrepl_textual.question import Question
from llmrepl_textual.screen import View
from llmrepl_textual.screens import FIRST, SCREENS
from llmrepl_textual.themes import TEXTUAL
from llmrepl_textual.undrawn import Undrawn


class FullScreen(App[None]):
    """The full screen.

    Args:
        desk: the session, and what can be done in it.
    """

    TITLE = "llmrepl"
    CSS = """
    CommandPalette SearchIcon { display: none; }
    CommandPalette > Vertical { max-width: 100; }
    """
    COMMANDS: ClassVar = {Deeds}
    DEFAULT_MODE = FIRST
    COMMAND_PALETTE_BINDING = "f9"  # Ctrl-P goes back in what was sent
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(row.key, f"app.switch_mode('{row.name}')", row.title, tooltip=row.purpose)
            for row in SCREENS.values()
        ),
        Binding("ctrl+q", "quit", "Leave", show=False, priority=True),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.animation_level = "none"
        self.desk = desk
        teach_alt_enter()
        teach_pastes(self.driver_class)
        if self.no_color:
            # Textual takes the terminal's own colours for black.
            self._filters = [
                NoColor() if isinstance(each, Monochrome) else each for each in self._filters
            ]
        for theme in TEXTUAL.values():
            self.register_theme(theme)
        self._dress(desk.look.theme)
        for row in SCREENS.values():
            self.add_mode(row.name, partial(row.open, desk))

    def on_mount(self) -> None:
        """Follow the theme, and end in order when the process is told to."""
        self.desk.look.follow = self._dress
        ui, terminal = self.desk.config.ui, Undrawn(sys.__stdout__ or sys.stdout, self._between)
        attention = Attention(terminal, self.desk.environ, bell=ui.bell, title=ui.title)
        self.desk.subscribe(attention)
        self.desk.ring = attention.asks
        # Textual does not draw again what a shell has wiped away.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        loop = asyncio.get_running_loop()
        for ending in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(ending, self.leave)

    def type(self, command: str, argument: str) -> None:
        """Enter a command; one that takes something is put into the prompt for the rest of it."""
        self.switch_mode(FIRST)
        if argument:
            self.desk.offer(f"{command} ")
        else:
            self.desk.work.enter(command)

    def leave(self) -> None:
        """End in order: the turn is wound down before the screen goes."""
        self.desk.work.leave()
        self.run_worker(self._left(), exit_on_error=False, exclusive=True, group="leaving")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave no question for another screen: what is asked stays above everything else."""
        if action == "command_palette" and isinstance(self.screen, Question):
            return False
        return super().check_action(action, parameters)

    async def action_quit(self) -> None:
        """Leave."""
        self.leave()

    async def _left(self) -> None:
        await self.desk.work.idle()
        self.exit()

    def _between(self, text: str) -> bool:
        """Write between two drawings; return whether anything is drawn."""
        if self._driver is None or not self.is_running:
            return False
        if not self.is_headless:
            self._driver.write(text)
        return True

    def _fatal_error(self) -> None:
        """End with what went wrong, without secrets: Textual would show all variables."""
        self.panic(Text(clean(self.desk.redact(format_exc()))))

    def _dress(self, theme: str) -> None:
        """Go on in another theme."""
        self.theme = theme if theme in TEXTUAL else "dark"
        for stack in self._screen_stacks.values():
            for screen in stack:
                if isinstance(screen, View):
                    screen.dressed()
