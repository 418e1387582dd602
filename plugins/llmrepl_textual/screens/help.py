"""Help: all keys, place by place, and all commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.widgets import Static

from llmrepl.config.actions import ACTIONS, keys_of
from llmrepl.conversing.commands.table import COMMANDS
from llmrepl.conversing.questions import KEYS
from llmrepl.conversing.shell import USAGE
from llmrepl_textual.bars.chart import Chart
from llmrepl_textual.debugging.writing import Writing
from llmrepl_textual.desk import Desk
from llmrepl_textual.figures.audit import Audit
from llmrepl_textual.figures.providers import Providers
from llmrepl_textual.figures.tools import Tools
from llmrepl_textual.figures.usage import Usage
from llmrepl_textual.panes import Panes
from llmrepl_textual.prompt.presses import shown
from llmrepl_textual.question import Question
from llmrepl_textual.screen import View
from llmrepl_textual.screens import FIRST, SCREENS
from llmrepl_textual.screens.debugger import Debugger
from llmrepl_textual.screens.inspector import Inspector
from llmrepl_textual.screens.sessions import Sessions
from llmrepl_textual.screens.timeline import Timeline
from llmrepl_textual.searching import Search
from llmrepl_textual.settings.configuration import Configuration
from llmrepl_textual.settings.health import Health
from llmrepl_textual.settings.permissions import Permissions
from llmrepl_textual.studying.compare import Compare
from llmrepl_textual.studying.replay import Replay
from llmrepl_textual.studying.study import Above
from llmrepl_textual.studying.verify import Verify
from llmrepl_textual.transcript.widget import Transcript
from llmrepl_textual.widgets.dialogs import Dialog
from llmrepl_textual.widgets.reading import Reading
from llmrepl_textual.widgets.rows import Rows as List

EVERYWHERE = (
    ("F9", "search all that can be done"),
    ("Ctrl-Q", "leave"),
    ("Tab, Shift-Tab", "let keys be about another part of the screen"),
    ("Ctrl-C", "copy what the mouse has selected"),
)
MOUSE = (
    ("click", "choose a block; at its left edge, fold it"),
    ("double click", "fold a block, or unfold it"),
    ("drag", "select text; Ctrl-C copies it"),
    ("wheel", "scroll; on the timeline, show it larger or smaller"),
)

PLACES: Mapping[str, Sequence[type[DOMNode]]] = {
    "Search of what was sent": [Search],
    "The timeline": [Chart, Timeline],
    "The inspector": [Inspector],
    "The debugger": [Debugger],
    "A text to write": [Writing],
    "Lists": [List],
    "Saved sessions": [Sessions],
    "Two sessions side by side": [Compare, Above],
    "A replay": [Replay, Above],
    "A verification": [Verify, Above],
    "Figures and settings": [Panes],
    **{f"{pane.TITLE}, of the figures": [pane] for pane in (Usage, Providers, Tools, Audit)},
    **{f"{pane.TITLE}, of the settings": [pane] for pane in (Configuration, Permissions, Health)},
    "A long text": [Reading],
    "A small question": [Dialog],
}
"""Where keys mean something of their own, and what they mean there."""

Rows = Iterable[tuple[str, str]]


class Help(View):
    """The help screen."""

    AUTO_FOCUS = "#all"

    def contents(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll(id="all"):
            yield Static(told(self.desk), markup=False)


def told(desk: Desk) -> str:
    """Return the text."""
    parts: list[tuple[str, Rows]] = [
        ("Screens", ((row.key.upper(), f"{row.title}: {row.purpose}") for row in SCREENS.values())),
        ("Everywhere", EVERYWHERE),
        ("The prompt", _prompt(desk)),
        ("Blocks", _bound(SCREENS[FIRST].kind(), Transcript)),
        ("A question", [*KEYS.values(), *_bound(Question)]),
        *((title, _bound(*kinds)) for title, kinds in PLACES.items()),
        *_others(),
        ("The mouse", MOUSE),
        ("Commands", _commands()),
    ]
    lines = []
    for title, rows in parts:
        lines += [title, "", *_columns([*rows]), ""]
    return "\n".join([*lines, f"  {USAGE}"])


def _prompt(desk: Desk) -> Iterator[tuple[str, str]]:
    ui, keys = desk.config.ui, desk.config.keys._asdict()
    in_force = keys_of(ui.editing_mode, keys)
    for action in ACTIONS:
        if in_force[action.name]:
            yield ", ".join(map(shown, in_force[action.name])), action.purpose


def _others() -> Iterator[tuple[str, Rows]]:
    """Yield the screens that no other place is about."""
    told = {kind for kinds in PLACES.values() for kind in kinds}
    for row in SCREENS.values():
        kind = row.kind()
        if row.name != FIRST and kind not in told and "BINDINGS" in vars(kind):
            yield row.title, _bound(kind)


def _bound(*kinds: type[DOMNode]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        for binding in kind.BINDINGS:
            if isinstance(binding, Binding):
                keys = binding.key_display or ", ".join(map(shown, binding.key.split(",")))
                yield keys, binding.tooltip or binding.description


def _commands() -> Iterator[tuple[str, str]]:
    return ((f"/{name} {row.argument}".rstrip(), row.purpose) for name, row in COMMANDS.items())


def _columns(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max(len(name) for name, _ in rows)
    return (f"  {name:{width}}  {about}" for name, about in rows)
