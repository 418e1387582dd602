"""The debugger: a turn that pauses before what it does, to be looked at and changed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from enum import Enum
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from llmrepl.cells import elided
from llmrepl.compose import Assembly
from llmrepl.conversing.commands.rewinding import reword
from llmrepl.errors import LlmreplError
from llmrepl.loop import CallModel
from llmrepl.record import Record
from llmrepl.sanitise import clean
from llmrepl.stepping import Instead
from llmrepl_textual.debugging.stepper import Pace, Pause, PausingStepper, Watch
from llmrepl_textual.debugging.telling import IDLE, RUNNING, standing, waiting
from llmrepl_textual.debugging.wishes import Wishes, can
from llmrepl_textual.debugging.words import title
from llmrepl_textual.desk import Desk
from llmrepl_textual.inspecting.document import drawn
from llmrepl_textual.inspecting.facets import WORDS, Section
from llmrepl_textual.screen import View
from llmrepl_textual.themes import style_of
from llmrepl_textual.widgets.rows import Rows
from llmrepl_textual.widgets.sheet import Sheet
from llmrepl_timeline.lines import Line, Span

TICK = 0.2
"""Seconds between two drawings of a turn that runs."""


class When(Enum):
    """When a key can do what it is for."""

    WAITS = "a turn waits"
    WISH = "something can come instead of what waits"
    TURNS = "a turn is under way"
    RUNS = "no turn waits"
    LISTED = "there is a breakpoint"
    ALWAYS = "always"


KEYS = (
    ("s", "step", "step", When.WAITS),
    ("o", "over", "step's end", When.WAITS),
    ("u", "end", "turn's end", When.WAITS),
    ("c", "continue", "continue", When.WAITS),
    ("e", "edit", "edit", When.WISH),
    ("i", "inject", "inject", When.WISH),
    ("m", "message", "message", When.WISH),
    ("n", "skip", "refuse", When.WISH),
    ("x,ctrl+c", "stop", "stop", When.TURNS),
    ("p", "pause", "pause", When.RUNS),
    ("b", "add", "breakpoint", When.ALWAYS),
    ("space", "switch", "on/off", When.LISTED),
    ("d,delete", "drop", "delete", When.LISTED),
)
"""Every key: what it does, what that is called, and when it can be done."""

NBSP = "\N{NO-BREAK SPACE}"


class Debugger(View):
    """The debugger's screen. The turn that it steps through is the chat's."""

    AUTO_FOCUS: ClassVar[str] = "#waiting"

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual has it

    DEFAULT_CSS = """
    Debugger #pause { height: 1; padding: 0 1; text-style: bold; }
    Debugger #can { height: auto; padding: 0 1; link-style: none; }
    Debugger #sheets { height: 1fr; }
    Debugger #waiting { height: 3fr; padding: 0 1; }
    Debugger #standing { height: 2fr; padding: 0 1; }
    Debugger #beside { height: 2fr; border-top: solid $primary; }
    Debugger #breakpoints { height: auto; max-height: 4; padding: 0 1; }
    Debugger.-wide #sheets { layout: horizontal; }
    Debugger.-wide #waiting { height: 1fr; width: 3fr; }
    Debugger.-wide #beside {
        height: 1fr; width: 2fr; border-top: none; border-left: solid $primary;
    }
    Debugger.-wide #breakpoints { max-height: 12; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, action, told.capitalize(), show=False) for key, action, told, _ in KEYS
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.stepper: PausingStepper | None = None
        self.sections: list[Section] = []
        self._pause = Static("", id="pause", markup=False)
        self._can = Static("", id="can")
        self._next = Sheet(self._theme, "waiting")
        self._standing = Sheet(self._theme, "standing")
        self._rows = Rows(self._row, self._theme, "breakpoints")
        self._wishes = Wishes(self, desk.environ)
        self._shown: Pause | None = None
        self._tick: Timer | None = None

    def contents(self) -> ComposeResult:
        """Yield what waits, the state with the way there, and the breakpoints."""
        yield self._pause
        yield self._can
        with Container(id="sheets"):
            yield self._next
            with Vertical(id="beside"):
                yield self._standing
                yield self._rows

    def _theme(self) -> str:
        return self.desk.look.theme

    async def begin(self, assembly: Assembly) -> None:
        """Be asked before each action from now on."""
        self.stepper = PausingStepper(assembly.runtime.record, self._changed)
        self.desk.subscribe(self.stepper)
        assembly.runtime.stepper = self.stepper
        self._rows.fill(0)
        self.draw()

    async def moved(self) -> None:
        """Show how it stands in the session that the chat is in now."""
        self.draw()

    def took(self, record: Record) -> None:
        """Show soon what has become of the turn."""
        if record.event.durable and self._tick is None and self.is_current:
            self._tick = self.set_timer(TICK, self._drawn_again)

    def _drawn_again(self) -> None:
        self._tick = None
        self.draw()

    def on_screen_resume(self) -> None:
        """Show how it stands, and not what called here."""
        self.app.clear_notifications()
        self.draw()

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        self.draw()
        for drawn_ in (self._next, self._standing, self._rows):
            drawn_.redraw()

    @property
    def waits(self) -> Pause | None:
        """Where the turn waits; None where it does not."""
        return self.stepper.pause if self.stepper is not None else None

    def _changed(self) -> None:
        """Show that the turn waits, or goes on, here and in the chat."""
        pause = self.waits
        self.desk.tell_paused(title(pause.action) if pause is not None else "")
        if self.is_attached:
            self.call_next(self.draw)

    # What is shown

    def draw(self) -> None:
        """Show how it stands."""
        assembly, stepper = self.desk.assembly, self.stepper
        if assembly is None or stepper is None:
            return
        pause = stepper.pause
        mark, style = ("❚❚ paused before: ", "warn") if pause else ("■ nothing runs", "dim")
        if pause is None and self.desk.work.busy:
            mark, style = "▶ runs", "ok"
        told = title(pause.action) if pause else f" · {stepper.pace.value}"
        self._pause.update(Text(clean(mark + told), style_of(self._theme(), style)))
        self._can.update(self._choices())
        if pause is None:
            self._tell([Section("", RUNNING if self.desk.work.busy else IDLE, WORDS)])
        elif pause is not self._shown:
            self._tell(waiting(pause, assembly))
        self._shown = pause
        runtime = assembly.runtime
        beside = standing(runtime.state, runtime.limits, runtime.steering, stepper.history)
        self._standing.put(lambda width: drawn(beside, width), top=False)
        self._list()
        if stepper.told:
            self.notify(clean(stepper.told), severity="warning", markup=False)
            stepper.told = ""

    def _tell(self, sections: list[Section]) -> None:
        if sections != self.sections:
            self.sections = sections
            self._next.put(lambda width: drawn(sections, width))

    def _choices(self) -> Content:
        """Return what can be done now, each of which can be clicked."""
        parts = [
            Content.from_markup(
                f"[@click=screen.{action}][b]{first(key)}[/b]{NBSP}{whole(told)}[/]"
            )
            for key, action, told, _ in KEYS
            if self.check_action(action, ())
        ]
        return Content(" · ").join(parts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether something can be done now."""
        del parameters
        pause = self.waits
        match next((when for _, name, _, when in KEYS if name == action), When.ALWAYS):
            case When.WAITS:
                return pause is not None
            case When.WISH:
                return pause is not None and can(action, pause)
            case When.TURNS:
                return self.desk.work.busy
            case When.RUNS:
                return pause is None
            case When.LISTED:
                return self._watch is not None
            case _:
                return True

    def _list(self) -> None:
        if self.stepper is not None:
            self._rows.fill(len(self.stepper.watches))

    def _row(self, at: int, width: int) -> Line:
        watch = self.stepper.watches[at] if self.stepper is not None else None
        if watch is None:
            return ()
        hits = f" {watch.hits}×"
        text = elided(clean(str(watch.breakpoint)), max(4, width - 2 - len(hits)))
        sign, style = ("● ", "bad") if watch.on else ("○ ", "dim")
        return (Span(sign, style), Span(text, "" if watch.on else "dim"), Span(hits, "dim"))

    # How far it goes

    def _go(self, pace: Pace) -> None:
        if self.stepper is not None:
            self.stepper.go(pace)

    def action_step(self) -> None:
        """Do the action, and pause before the next."""
        self._go(Pace.STEP)

    def action_over(self) -> None:
        """Go on to the end of the step."""
        self._go(Pace.OVER)

    def action_end(self) -> None:
        """Go on to the end of the turn."""
        self._go(Pace.END)

    def action_continue(self) -> None:
        """Go on to the next breakpoint."""
        self._go(Pace.RUN)

    def action_pause(self) -> None:
        """Pause before the next action, of this turn or of the next; or no longer."""
        stepper = self.stepper
        if stepper is not None and stepper.pause is None:
            stepper.pace = Pace.RUN if stepper.pace is Pace.STEP else Pace.STEP
            self.draw()

    def action_stop(self) -> None:
        """End the turn; with text selected, as by Ctrl-C, copy that."""
        if self.get_selected_text():
            self.action_copy_text()
        else:
            self.desk.work.interrupt()

    # What comes instead

    def _ask(self, wish: Callable[[Pause], Coroutine[Any, Any, Instead | None]]) -> None:
        """Ask for what is to come instead of the action, and let it come."""
        if (pause := self.waits) is not None:
            self.run_worker(self._asked(pause, wish), exclusive=True, group="asking")

    async def _asked(
        self, pause: Pause, wish: Callable[[Pause], Coroutine[Any, Any, Instead | None]]
    ) -> None:
        try:
            instead = await wish(pause)
            if instead is not None and self.stepper is not None:
                self.stepper.instead(instead, pause)
        except LlmreplError as error:
            self.failed(error)

    def action_edit(self) -> None:
        """Change what waits: a call, or the prompt of a turn that has just begun."""
        pause = self.waits
        if pause is not None and isinstance(pause.action, CallModel) and not pause.state.step:
            self.run_worker(self._reword(pause), exclusive=True, group="asking")
        else:
            self._ask(self._wishes.edit)

    async def _reword(self, pause: Pause) -> None:
        """Ask in other words: the turn is taken back, and another begins."""
        text = await self._wishes.prompt(pause)
        if text and self.waits is pause:
            work = self.desk.work
            work.interrupt()
            await work.idle()
            work.begin(work.then(partial(reword, text=text)))

    def action_inject(self) -> None:
        """Give a call's result, or the model's answer."""
        self._ask(self._wishes.inject)

    def action_message(self) -> None:
        """Tell the model something with its next request."""
        self._ask(self._wishes.message)

    def action_skip(self) -> None:
        """Refuse the call."""
        self._ask(self._wishes.skip)

    # Breakpoints

    def action_add(self) -> None:
        """Ask for a breakpoint."""
        self.run_worker(self._added(), exclusive=True, group="asking")

    async def _added(self) -> None:
        wanted = await self._wishes.breakpoint()
        if wanted is not None and self.stepper is not None:
            at = self.stepper.add(wanted)
            self.draw()
            self._rows.at = at

    @property
    def _watch(self) -> Watch | None:
        """The breakpoint that keys are about."""
        watches = self.stepper.watches if self.stepper is not None else []
        return watches[self._rows.at] if 0 <= self._rows.at < len(watches) else None

    def action_switch(self) -> None:
        """Switch a breakpoint off, or on again."""
        if (watch := self._watch) is not None:
            watch.on = not watch.on
            self.draw()

    def action_drop(self) -> None:
        """Delete a breakpoint."""
        if (watch := self._watch) is not None and self.stepper is not None:
            self.stepper.watches.remove(watch)
            self.draw()

    def on_rows_picked(self) -> None:
        """Switch the breakpoint that was clicked twice."""
        self.action_switch()


def first(keys: str) -> str:
    """Return the key of several that is shown."""
    return keys.partition(",")[0]


def whole(text: str) -> str:
    """Return a text that no line ends in."""
    return text.replace(" ", NBSP)
