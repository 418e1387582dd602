"""Screens of several panes, of which one is in view: by its number, or by a click on its name.

What a pane does that takes a while runs in a worker, and is told at the pane's foot: that it goes
on, and what came of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import ContentSwitcher, Static
from textual.worker import Worker

from llmrepl.compose import Assembly
from llmrepl.errors import LlmreplError
from llmrepl.record import Record
from llmrepl.sanitise import clean
from llmrepl_textual.desk import Desk
from llmrepl_textual.screen import View
from llmrepl_textual.themes import style_of
from llmrepl_textual.widgets.rows import Rows
from llmrepl_textual.widgets.sheet import Sheet

Work = Callable[[], Awaitable[str | None]]
"""Does something, and returns what to tell of it; None for nothing. It may raise LlmreplError."""


class Pane(Vertical):
    """A pane. A subclass yields its widgets in `contents` and reads what it shows in `look`.

    Args:
        desk: the session, and what can be done in it.
    """

    TITLE: ClassVar[str] = ""

    DEFAULT_CSS = """
    Pane { height: 1fr; }
    Pane > .told { height: auto; max-height: 4; padding: 0 1; }
    Pane > Sheet { height: 1fr; padding: 0 1; }
    Pane > Rows { padding: 0 1; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(id=self.TITLE.lower())
        self.desk = desk
        self._told = Static(classes="told", markup=False)
        self._doing: object = None

    def compose(self) -> ComposeResult:
        """Yield what the pane shows, and what is told at its foot."""
        yield from self.contents()
        yield self._told

    def contents(self) -> ComposeResult:
        """Yield what the pane shows."""
        yield from ()

    async def look(self) -> str | None:
        """Read what there is, and show it."""
        return None

    def took(self, record: Record) -> None:
        """Take a record that has just come; it must take no time."""

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        for sheet in self.query(Sheet):
            sheet.redraw()
        for rows in self.query(Rows):
            rows.redraw()

    def theme(self) -> str:
        """Return the name of the theme that holds."""
        return self.desk.look.theme

    @property
    def assembly(self) -> Assembly:
        """The runtime, which is ready whenever the pane is in view."""
        assembly = self.desk.assembly
        assert assembly is not None
        return assembly

    def do(self, doing: str, work: Work) -> None:
        """Do something in the stead of what this pane has been doing.

        Args:
            doing: is told as long as it goes on.
            work: does it.
        """
        this = self._doing = object()

        async def run() -> None:
            self.tell(f"{doing} …")
            try:
                told = await work()
            except LlmreplError as error:
                self.tell("\n".join(filter(None, (error.message, error.hint))), "bad")
            except OSError as error:
                self.tell(f"{doing}: {error}", "bad")
            else:
                self.tell(told or "")
            finally:
                if self._doing is this:
                    self._doing = None

        self._worker: Worker[None] = self.run_worker(run, exclusive=True, group="doing")

    @property
    def busy(self) -> bool:
        """Whether something goes on here."""
        return self._doing is not None

    def read(self) -> None:
        """Read what there is anew."""
        self.do("reading", self.look)

    def tell(self, text: str, style: str = "dim") -> None:
        """Say something at the foot; secrets are taken out of it."""
        self._told.display = bool(text)
        self._told.update(Text(clean(self.desk.redact(text)), style_of(self.theme(), style)))

    @property
    def told(self) -> str:
        """What is told at the foot."""
        return str(self._told.content)


class SheetPane(Pane):
    """A pane that is one sheet of lines; a subclass puts them there.

    Args:
        desk: the session, and what can be done in it.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.sheet = Sheet(self.theme, f"{self.TITLE.lower()}-sheet")
        self.sheet.add_class("main")

    def contents(self) -> ComposeResult:
        """Yield the sheet."""
        yield self.sheet


class Bar(Static):
    """The names of panes in a line.

    Args:
        titles: the names.
    """

    DEFAULT_CSS = "Bar { height: 1; padding: 0 1; }"

    class Chosen(Message):
        """A name was clicked."""

        def __init__(self, at: int) -> None:
            super().__init__()
            self.at = at

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__(markup=False)
        self._names = [f" {number} {title} " for number, title in enumerate(titles, 1)]

    def choose(self, at: int) -> None:
        """Show which pane is in view."""
        text = Text(no_wrap=True)
        for place, name in enumerate(self._names):
            text.append(name, "reverse" if place == at else "")
        self.update(text)

    def on_click(self, event: events.Click) -> None:
        """Choose the pane whose name was clicked."""
        end = 1
        for at, name in enumerate(self._names):
            end += len(name)
            if event.x < end:
                self.post_message(self.Chosen(at))
                return


class Panes(View):
    """A screen of panes; a subclass makes them in `panes`."""

    AUTO_FOCUS: ClassVar[str | None] = None

    DEFAULT_CSS = "Panes ContentSwitcher { height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(at + 1), f"pane({at})", f"Pane {at + 1}", show=False) for at in range(4)),
        Binding("r", "read", "Read anew"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._panes = self.panes()
        self._at = 0
        self._bar = Bar([pane.TITLE for pane in self._panes])
        self._begun = False
        self._left = False

    def panes(self) -> Sequence[Pane]:
        """Return the panes, new."""
        return ()

    @property
    def pane(self) -> Pane:
        """The pane that is in view."""
        return self._panes[self._at]

    def contents(self) -> ComposeResult:
        """Yield the names of the panes, and the panes."""
        yield self._bar
        with ContentSwitcher(initial=self._panes[0].id):
            yield from self._panes

    async def begin(self, assembly: Assembly) -> None:
        """Show the first pane."""
        del assembly
        self._begun = True
        self.action_pane(self._at)

    async def moved(self) -> None:
        """Show what there is of the session that the chat is in now."""
        self.pane.read()

    def took(self, record: Record) -> None:
        """Pass a record to every pane."""
        for pane in self._panes:
            pane.took(record)

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        for pane in self._panes:
            pane.dressed()

    def on_screen_suspend(self) -> None:
        """Note whether another screen of the table shows, or only a question above this one."""
        self._left = self.app.screen_stack[0] is not self

    def on_screen_resume(self) -> None:
        """Read what has changed meanwhile."""
        if self._begun and self._left and not self.pane.busy:
            self.pane.read()
        self._left = False

    def on_bar_chosen(self, event: Bar.Chosen) -> None:
        """Show the pane whose name was clicked."""
        self.action_pane(event.at)

    def action_pane(self, at: int) -> None:
        """Show a pane."""
        if not self._begun or at >= len(self._panes):
            return
        self._at = at
        self._bar.choose(at)
        self.query_one(ContentSwitcher).current = self.pane.id
        for widget in self.pane.query(".main"):
            self.set_focus(widget)
        self.pane.read()

    def action_read(self) -> None:
        """Read what there is anew."""
        if self._begun:
            self.pane.read()
