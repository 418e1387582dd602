"""The pane of the rules: what runs without a question, what never does, and ways to change that."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from llmrepl.approvals.rules import FORM, SUBJECTS
from llmrepl.cells import elided
from llmrepl.compose.rulebook import Entry
from llmrepl.conversing.commands.permissions import SOURCES, add, revoke
from llmrepl.errors import LlmreplError
from llmrepl.events import ApprovalDecided, ConfigChanged
from llmrepl.figures import counted
from llmrepl.record import Record
from llmrepl_textual.desk import Desk
from llmrepl_textual.panes import Pane
from llmrepl_textual.widgets.dialogs import Ask, Confirm
from llmrepl_textual.widgets.rows import Rows
from llmrepl_timeline.lines import Line, Span

EXAMPLES = (
    "allow bash: git status         commands that begin with these words",
    "allow any write: build/**      paths that are written",
    "ask any network: *.example.com",
    "deny any path: ~/.ssh/**",
    f"subjects: {', '.join(SUBJECTS)}",
)
MODES = {
    "ask": "What no rule decides is asked.",
    "auto": "What no rule decides runs: the approval mode is auto.",
    "deny": "What no rule decides is denied: the approval mode is deny.",
}
STYLES = {"allow": "ok", "ask": "warn", "deny": "bad"}


class Permissions(Pane):
    """The rules in force."""

    TITLE = "Permissions"

    DEFAULT_CSS = "Permissions #mode { height: 2; padding: 0 1; text-style: dim; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add(True)", "Add"),
        Binding("s", "add(False)", "Add for this session"),
        Binding("d,delete", "revoke", "Take back"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.entries: tuple[Entry, ...] = ()
        self._rows = Rows(self._line, self.theme, "rules")
        self._rows.add_class("main")

    def contents(self) -> ComposeResult:
        """Yield what holds without a rule, and the rules."""
        yield Static(id="mode", markup=False)
        yield self._rows

    async def look(self) -> str | None:
        """Show the rules."""
        mode = MODES.get(self.assembly.config.approval, "")
        self.query_one("#mode", Static).update(mode)
        self._fill()
        if not self.entries:
            return "There are no rules. a adds one, such as: allow bash: git status"
        return counted(len(self.entries), "rule")

    def took(self, record: Record) -> None:
        """Show a rule that was added elsewhere."""
        if isinstance(record.event, ApprovalDecided | ConfigChanged) and self.is_on_screen:
            self.call_later(self._fill)

    def _fill(self) -> None:
        self.entries = self.assembly.gate.book.entries
        self._rows.fill(len(self.entries))

    def _line(self, at: int, width: int) -> Line:
        rule, source = self.entries[at]
        where = SOURCES[source]
        effect, _, rest = str(rule).partition(" ")
        room = max(8, width - 6 - len(where))
        text = elided(rest, room - len(effect) - 1)
        gap = " " * max(2, room - len(effect) - len(text) + 1)
        return (Span(f"{effect} ", STYLES[effect]), Span(text), Span(f"{gap}{where}", "dim"))

    def action_add(self, always: bool) -> None:
        """Ask for a rule."""
        self.do("adding", lambda: self._add(always=always))

    async def _add(self, *, always: bool) -> str | None:
        title = "A rule that stays" if always else "A rule for this session"
        text = ""
        problem: tuple[str, ...] = ()
        while True:
            asked = Ask(title, (FORM, *EXAMPLES, *problem), value=text)
            answer = await self.app.push_screen_wait(asked)
            text = answer[1:].strip()
            if not text:
                return await self.look()
            try:
                rule = await add(self.assembly, text, always=always)
            except LlmreplError as error:
                problem = tuple(filter(None, ("", error.message, error.hint)))
            else:
                await self.look()
                return f"added: {rule}"

    def action_revoke(self) -> None:
        """Take a rule back."""
        if 0 <= self._rows.at < len(self.entries):
            entry = self.entries[self._rows.at]
            self.do("taking back", lambda: self._revoke(entry))

    async def _revoke(self, entry: Entry) -> str | None:
        if entry.source != "project":  # else it is said why it cannot be
            told = (str(entry.rule), SOURCES[entry.source])
            asked = Confirm("Take this rule back?", told, {"y": "take it back"})
            if not await self.app.push_screen_wait(asked):
                return await self.look()
        await revoke(self.assembly, entry)
        await self.look()
        return f"taken back: {entry.rule}"
