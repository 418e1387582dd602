"""The question whether a call may run, with the choices and words of the line REPL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from llmrepl.conversing.guard import ALONE, Guard
from llmrepl.conversing.questions import (
    KEYS,
    RULE,
    SUFFIXES,
    WHY_NOT,
    code_of,
    decided,
    edited,
    options_of,
    parsed,
    question,
    refused,
    suggested,
    told,
    with_rules,
)
from llmrepl.errors import LlmreplError
from llmrepl.events import ApprovalDecided, ApprovalRequested, ToolRequested
from llmrepl.sanitise import clean
from llmrepl_textual.choices import Choices, choices
from llmrepl_textual.prompt.presses import Doing, Presses, shown
from llmrepl_textual.themes import style_of
from llmrepl_textual.widgets.area import Area
from llmrepl_timeline.blocks import Page
from llmrepl_timeline.lines import line

Outside = Callable[[str, str], Awaitable[str]]
"""Takes a text and the name of a file; returns what the person's editor makes of it.

It may raise LlmreplError.
"""

HEIGHT = 0.9
"""The part of the screen that a question may take: code is scrolled, what it may do is seen."""

FRAME = 3
"""Rows of the frame, and between what is told and the choices."""

LEAST = 2
"""Rows of code, and of what there is to know, for which choices share rows."""

SIDES = 4
"""Columns beside what is shown."""

ACCEPTS = "F10 or Ctrl-S takes the change, Esc goes back to the question"


class Code(Area):
    """A block that is edited in place.

    Args:
        presses: what keys mean besides.
    """

    def __init__(self, presses: Presses) -> None:
        super().__init__(id="code", compact=True, tab_behavior="indent")
        self._presses = presses

    async def on_key(self, event: events.Key) -> None:
        """Do what a key means before it edits."""
        if self._presses.press(event.key):
            event.stop()
            event.prevent_default()
        else:
            await super().on_key(event)


W = TypeVar("W", Input, Code)


class Question(ModalScreen[ApprovalDecided | None]):
    """Asks; it ends with the decision, or None where the person interrupts the turn.

    Args:
        request: the call.
        asked: what there is to know about it.
        theme: the name of the theme that holds.
        presses: makes what keys mean while a block is edited.
        outside: opens the person's editor.
    """

    DEFAULT_CSS = """
    Question { align: center bottom; }
    Question > Vertical {
        width: 90%; max-width: 110; height: auto; max-height: 90%;
        border: round $primary; padding: 0 1; background: $background;
    }
    Question #about, Question #told { height: auto; }
    Question #choices { height: auto; margin-top: 1; }
    Question #problem { height: auto; color: $error; display: none; }
    Question Input, Question TextArea { display: none; border: none; height: 1; }
    Question TextArea { height: auto; max-height: 45vh; }
    Question.editing #about { display: none; }
    Question.small > Vertical { width: 100%; max-height: 100%; }
    Question.small #choices { margin-top: 0; }
    Question .asking, Question #problem.asking { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+d", "interrupt", "Interrupt", priority=True),
        Binding("escape", "back", "Back", priority=True),
        Binding("ctrl+s,f10", "take", "Take the change", priority=True),
        Binding("pageup", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(1)", "Down", show=False),
    ]

    def __init__(
        self,
        request: ToolRequested,
        asked: ApprovalRequested,
        theme: str,
        presses: Callable[[Doing], Presses],
        outside: Outside,
    ) -> None:
        super().__init__()
        self._presses = presses({"editor": self._open})
        self._outside = outside
        self._request = request
        self._asked = asked
        self._theme = theme
        self._options = {KEYS[name][0]: name for name in options_of(request, asked)}
        self._guard = Guard()
        self._chosen: asyncio.TimerHandle | None = None
        self._option = ""
        self._choices = self._shown(0)
        self._suggested: list[str] = []
        self._rules: list[str] = []

    def compose(self) -> ComposeResult:
        """Yield what is to be known, and the choices."""
        with Vertical():
            with VerticalScroll(id="about", can_focus=True):
                yield Static(self._code(), markup=False)
            with VerticalScroll(id="told"):
                yield Static(self._told(), markup=False)
            yield Static(self._choices.text, id="choices", markup=False)
            yield Static("", id="problem", markup=False)
            yield Input(id="words", compact=True)
            yield Code(self._presses)

    def on_mount(self) -> None:
        """Begin: only now is there something to answer."""
        self._guard = Guard()

    def on_resize(self) -> None:
        """Show as much of the code as there is room for beside the rest."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        # Given as numbers: what holds them would be as high as all that is scrolled.
        code, told = self.query_one("#about"), self.query_one("#told")
        room = int(self.size.height * HEIGHT) - FRAME - len(self._options) - 1
        small = room < 2 * LEAST
        self.set_class(small, "small")
        self._choices = self._shown(self.size.width - SIDES if small else 0)
        if small:
            room, least = self.size.height - FRAME + 1 - self._choices.height, 0
        else:
            least = LEAST
        if not self._option:
            self.query_one("#choices", Static).update(self._choices.text)
        told.styles.height = height = min(told.virtual_size.height, max(least, room // 2))
        code.styles.height = min(code.virtual_size.height, max(least, room - height))

    def _shown(self, width: int) -> Choices:
        answers = {name: KEYS[name] for name in self._options.values()}
        return choices(question(self._request), answers, width)

    def _code(self) -> Text:
        text = Text()
        code = code_of(self._request)
        if code is not None:
            page = Page(100)
            for row in page.code(code, self._request.language, line("│ ", "call")):
                for span in row:
                    text.append(clean(span.text), style_of(self._theme, span.style))
                text.append("\n")
        text.rstrip()
        return text

    def _told(self) -> Text:
        text = Text()
        for lead, told_, style in told(self._asked):
            text.append(f"{lead}{clean(told_)}\n", style)
        text.rstrip()
        return text

    # The answer

    def on_key(self, event: events.Key) -> None:
        """Take a key as the answer, if it was meant for the question."""
        if self._option or event.key in ("pageup", "pagedown", "tab", "shift+tab"):
            return
        event.stop()
        if self._guard.swallows():
            return
        if self._chosen is not None:
            self._forget()
            self._guard.restart()
        elif (option := self._options.get((event.character or "").lower())) is not None:
            loop = asyncio.get_running_loop()
            self._chosen = loop.call_later(ALONE, self._answer, option)

    def on_click(self, event: events.Click) -> None:
        """Take a click on a choice as its key; one that comes too soon is for nobody as well."""
        place = event.get_content_offset(self.query_one("#choices"))
        if self._option or place is None or self._guard.swallows():
            return
        if option := self._choices.at(place.x, place.y):
            self._forget()
            self._answer(option)

    def on_paste(self, event: events.Paste) -> None:
        """Take no paste for an answer."""
        if not self._option:
            event.stop()
            self._forget()
            self._guard.restart()

    def _forget(self) -> None:
        if self._chosen is not None:
            self._chosen.cancel()
            self._chosen = None

    def _answer(self, option: str) -> None:
        self._chosen = None
        match option:
            case "always" | "never":
                self._suggested, self._rules = [*suggested(self._asked, option)], []
                self._option = option
                self._next_rule()
            case "edit":
                self._option = option
                keys = " or ".join(map(shown, self._presses.keys("editor")))
                label = f"{ACCEPTS}, {keys} opens your editor" if keys else ACCEPTS
                area = self._ask(Code, "#code", label)
                area.text = code_of(self._request) or ""
                self.add_class("editing")
            case "reason":
                self._option = option
                self._ask(Input, "#words", WHY_NOT).value = ""
            case _:
                self.dismiss(decided(self._request, self._asked, option))

    def _next_rule(self) -> None:
        if not self._suggested:
            self.dismiss(with_rules(self._request.call_id, self._option, self._rules))
            return
        words = self._ask(Input, "#words", RULE)
        words.value = self._suggested[0]
        words.cursor_position = len(words.value)

    def _ask(self, kind: type[W], name: str, label: str) -> W:
        widget = self.query_one(name, kind)
        widget.add_class("asking")
        self.query_one("#choices", Static).update(label)
        widget.focus()
        return widget

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take a rule, or the reason."""
        event.stop()
        text = event.value.strip()
        if self._option == "reason":
            self.dismiss(refused(self._request, text))
            return
        if text:
            try:
                self._rules.append(parsed(text))
            except LlmreplError as error:
                self._problem(f"{error.message}\n  {error.hint}")
                return
        self._problem("")
        del self._suggested[0]
        self._next_rule()

    def _open(self) -> bool:
        self.run_worker(self._opened(), exclusive=True, group="editor")
        return True

    async def _opened(self) -> None:
        """Let the person edit the block in their own editor, which has the terminal meanwhile."""
        area = self.query_one("#code", Code)
        try:
            name = f"block{SUFFIXES.get(self._request.language, '')}"
            text = await self._outside(area.text, name)
        except LlmreplError as error:
            self._problem("\n  ".join(filter(None, (error.message, error.hint))))
        else:
            self._problem("")
            area.text = text

    def _problem(self, text: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(clean(text))
        problem.set_class(bool(text), "asking")

    def action_take(self) -> None:
        """Take what the code has become."""
        if self._option == "edit":
            decision = edited(self._request, self.query_one("#code", Code).text)
            if decision is not None:
                self.dismiss(decision)
            else:
                self.action_back()

    def action_back(self) -> None:
        """Go back to the choices."""
        self._option = ""
        self._problem("")
        self.remove_class("editing")
        for widget in self.query(".asking"):
            widget.remove_class("asking")
        self.query_one("#choices", Static).update(self._choices.text)
        self.query_one("#about").focus()
        self._guard = Guard()

    def action_interrupt(self) -> None:
        """End the turn."""
        self._forget()
        self.dismiss(None)

    def action_scroll(self, by: int) -> None:
        """Show more of what is to be known."""
        about = self.query_one("#about", VerticalScroll)
        about.scroll_relative(y=by * max(1, about.size.height - 1), animate=False)
